# Sourced by the set-up steps: one pinned wheel by name, and a directory that appears whole or not at all.
# Deliberately absent: any registry's address (pip's own configuration decides where from).
set -euo pipefail

CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/jostle"
WORK=

fail() { echo "setup: $*" >&2; exit 1; }

# begin NAME-VERSION: exits 0 when it is complete already, else makes WORK (same file system as its destination) to fill.
begin() {
  DEST="$CACHE/$1"
  if [ "$(cat "$DEST/.complete" 2>/dev/null)" = "$1" ]; then
    echo "setup: $DEST is there"
    exit 0
  fi
  [ "$(uname -sm)" = "Linux x86_64" ] || fail "only Linux on x86_64 is served, this is $(uname -sm)"
  for tool in python3 sha256sum; do
    command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install python3 python3-pip coreutils"
  done
  python3 -m pip --version >/dev/null 2>&1 || fail "pip is missing: apt-get install python3-pip"
  mkdir -p "$CACHE"
  WORK=$(mktemp -d "$CACHE/.$1.XXXXXX")
  trap 'rm -rf "$WORK"' EXIT
  mkdir "$WORK/wheels" "$WORK/out"
  echo "setup: making $DEST"
}

# wheel NAME VERSION SHA256: downloads exactly that file; prints its path. The Python version names the wheel, not the machine's.
wheel() {
  local into="$WORK/wheels/$1"
  mkdir "$into"
  echo "$1==$2 --hash=sha256:$3" >"$into.txt"
  python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps --only-binary=:all: --require-hashes \
    --implementation cp --python-version 3.11 --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 -d "$into" -r "$into.txt" >&2 \
    || fail "pip could not get $1==$2 with the pinned sha256 (is a package index reachable?)"
  ls "$into"/*.whl
}

# publish: the filled directory takes its name in one step. Whoever comes second keeps the first one's.
publish() {
  local name
  name=$(basename "$DEST")
  echo "$name" >"$WORK/out/.complete"
  rm -rf "$WORK/wheels"
  chmod -R u+rwX,go+rX "$WORK/out"
  if [ "$(cat "$DEST/.complete" 2>/dev/null)" != "$name" ]; then
    rm -rf "$DEST"
    mv -T "$WORK/out" "$DEST"
  fi
  echo "setup: $DEST is there"
}
