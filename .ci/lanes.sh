#!/bin/bash
# lanes.sh GOALS...: makes each argument's goals one after the other, and the arguments side by side. Steps are told as they begin and end;
# what else a lane says follows when it is over, so that no two lanes' lines mix. Fails if a lane does, after the others have ended.
set -uo pipefail
scratch=$(mktemp -d)
lanes=()
# Ctrl-C reaches the lanes too, for they are in this terminal's group; a kill of this script alone does not.
trap 'kill "${lanes[@]}" 2>/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
for goals in "$@"; do
  log=$scratch/${#lanes[@]}
  (
    # shellcheck disable=SC2086 # goals are words
    "${MAKE:-make}" --no-print-directory $goals </dev/null >"$log" 2>&1 &
    made=$!
    trap 'kill $made 2>/dev/null' TERM
    tail --pid="$made" -s 0.2 -n +1 -F "$log" 2>/dev/null | grep --line-buffered '^== '
    wait "$made"
  ) &
  lanes+=($!)
done
failed=0
for number in "${!lanes[@]}"; do
  wait "${lanes[$number]}" || failed=1
  grep -v '^== ' "$scratch/$number"
done
lanes=()
exit "$failed"
