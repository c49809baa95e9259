#!/bin/bash
# python.sh FILE: the packages that this requirements file pins by version and digest, into the cache; prints the directory, for PYTHONPATH.
# Peers of benchmarks and of tests come so.
set -euo pipefail
PINS=$1
fail() { echo "python: $*" >&2; exit 1; }
[ "$(uname -sm)" = "Linux x86_64" ] || fail "$PINS is pinned for Linux on x86_64 only, this is $(uname -sm)"
command -v python3 >/dev/null || fail "python3 is missing: apt-get install python3 python3-pip"
python3 -m pip --version >/dev/null 2>&1 || fail "pip is missing: apt-get install python3-pip"

# The first line pins the package that is wanted: its version names the directory, with the Python that the wheels are for.
VERSION=$(sed -n 's/^\([a-z-]*\)==\([^ ]*\).*/\1-\2/p' "$PINS" | head -n 1)
DEST="${XDG_CACHE_HOME:-$HOME/.cache}/jostle/python-$VERSION-$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
PINNED=$(sha256sum <"$PINS")
if [ "$(cat "$DEST/.complete" 2>/dev/null)" != "$PINNED" ]; then
  echo "python: making $DEST" >&2
  mkdir -p "$(dirname "$DEST")"
  work=$(mktemp -d "$(dirname "$DEST")/.python.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-cache-dir --no-deps --only-binary=:all: \
    --require-hashes --target "$work/out" -r "$PINS" >&2 || fail "pip could not get what $PINS pins (is a package index reachable?)"
  echo "$PINNED" >"$work/out/.complete"
  rm -rf "$DEST"
  mv -T "$work/out" "$DEST"
fi
echo "$DEST"
