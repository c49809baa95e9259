#!/bin/bash
# lanes.sh GOALS...: makes each argument's goals one after the other, and the arguments side by side. Steps are told as they begin and end;
# what else a lane says follows when it is over, so that no two lanes' lines mix. Fails if a lane does, after the others have ended.
set -uo pipefail
scratch=$(mktemp -d)
lanes=()
# Each lane is a process group of its own, so that all of it can be ended together.
set -m
end() {
  for lane in "${lanes[@]}"; do kill -- "-$lane" 2>/dev/null; done
  wait
  rm -rf "$scratch"
}
trap end EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
for goals in "$@"; do
  log=$scratch/${#lanes[@]}
  (
    set +m
    # shellcheck disable=SC2086 # goals are words
    "${MAKE:-make}" --no-print-directory $goals </dev/null >"$log" 2>&1 &
    made=$!
    tail --pid="$made" -s 0.2 -n +1 -F "$log" 2>/dev/null | grep --line-buffered '^== ' &
    wait "$made"
    status=$?
    wait
    exit "$status"
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
