#!/bin/bash
# python.sh NAME: the packages of NAME/requirements.txt, pinned by version and digest, into the cache; prints the directory, for PYTHONPATH.
set -euo pipefail
PEERS=$(cd "$(dirname "$0")" && pwd)
PINS="$PEERS/$1/requirements.txt"
fail() { echo "bench: $*" >&2; exit 1; }
[ "$(uname -sm)" = "Linux x86_64" ] || fail "the peers are pinned for Linux on x86_64 only, this is $(uname -sm)"
command -v python3 >/dev/null || fail "python3 is missing: apt-get install python3 python3-pip"
python3 -m pip --version >/dev/null 2>&1 || fail "pip is missing: apt-get install python3-pip"

# The first line pins the peer itself: its version names the directory, with the Python that the wheels are for.
VERSION=$(sed -n 's/^\([a-z]*\)==\([^ ]*\).*/\1-\2/p' "$PINS" | head -n 1)
DEST="${XDG_CACHE_HOME:-$HOME/.cache}/jostle/bench-$VERSION-$(python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')"
PINNED=$(sha256sum <"$PINS")
if [ "$(cat "$DEST/.complete" 2>/dev/null)" != "$PINNED" ]; then
  echo "bench: making $DEST" >&2
  mkdir -p "$(dirname "$DEST")"
  work=$(mktemp -d "$(dirname "$DEST")/.bench.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-cache-dir --no-deps --only-binary=:all: \
    --require-hashes --target "$work/out" -r "$PINS" >&2 || fail "pip could not get what $PINS pins (is a package index reachable?)"
  echo "$PINNED" >"$work/out/.complete"
  rm -rf "$DEST"
  mv -T "$work/out" "$DEST"
fi
echo "$DEST"
