#!/bin/bash
# mdBook, pinned, compiled once into the cache; prints its path. No search, no server: the book is read as files.
set -euo pipefail
VERSION=0.5.4
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/jostle"
DEST="$CACHE/mdbook-$VERSION"
if [ ! -x "$DEST/bin/mdbook" ]; then
  mkdir -p "$CACHE"
  work=$(mktemp -d "$CACHE/.mdbook.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  # A target directory of its own: the project's would be filled with crates that it does not use. Unoptimised, which compiles in half
  # the time and builds a dozen pages no slower than anybody notices.
  CARGO_TARGET_DIR="$work/target" CARGO_PROFILE_DEV_DEBUG=false cargo install --debug --quiet --locked --version "$VERSION" --no-default-features --no-track --root "$work/out" mdbook >&2
  rm -rf "$DEST"
  mv -T "$work/out" "$DEST"
fi
echo "$DEST/bin/mdbook"
