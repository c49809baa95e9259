#!/bin/bash
# The test cluster's program (tests/cluster), built once into the cache. The cache's key is the hash of versions and sources, so that what
# is there is what these sources say.
# Use: cluster.sh          builds it, unless it is there
#      cluster.sh --path   then prints its path
#      cluster.sh --test   then runs the module's tests on it
set -euo pipefail
cd "$(dirname "$0")/../tests/cluster"
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/jostle"
GO=$(../../.ci/go.sh)
# Static, and without the machine's paths: one key, one program. `-s -w` leaves out what only a debugger wants, a third of its size.
# Tests are built by the same flags, so that they use what is compiled already.
export CGO_ENABLED=0 GOFLAGS="-trimpath -mod=readonly -buildvcs=false" GOTOOLCHAIN=local

key=$(
  { "$GO" env GOVERSION GOARCH
    find . -type f ! -name '*_test.go' ! -name '*.md' ! -name '*.svg' ! -name '*.sh' -print0 | sort -z | xargs -0 sha256sum
    sha256sum ../../.ci/cluster.sh
  } | sha256sum | cut -c1-16
)
DEST="$CACHE/cluster-$key"
if [ ! -x "$DEST/cluster" ]; then
  mkdir -p "$CACHE"
  # Those that nobody built anew for a week were of sources that are gone.
  find "$CACHE" -maxdepth 1 -name 'cluster-*' -mtime +7 -exec rm -rf {} +
  work=$(mktemp -d "$CACHE/.cluster.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  kubernetes=$("$GO" list -m -f '{{.Version}}' k8s.io/kubernetes)
  [[ $kubernetes =~ ^v([0-9]+)\.([0-9]+) ]]
  version=
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    version+=" -X $package.gitVersion=$kubernetes -X $package.gitMajor=${BASH_REMATCH[1]} -X $package.gitMinor=${BASH_REMATCH[2]}"
  done
  mkdir "$work/out"
  "$GO" build -ldflags "-s -w$version" -o "$work/out/cluster" . >&2
  "$GO" build -ldflags "-s -w" -o "$work/out/probe" ./probe >&2
  chmod 755 "$work/out"
  rm -rf "$DEST"
  mv -T "$work/out" "$DEST"
fi
if [ "${1:-}" = --test ]; then
  unformatted=$("$(dirname "$GO")/gofmt" -l .)
  [ -z "$unformatted" ] || { echo "gofmt changes: $unformatted" >&2; exit 1; }
  # Not vetted: that would read all of Kubernetes anew, for ten minutes.
  export JOSTLE_CLUSTER="$DEST/cluster"
  PATH="$(dirname "$GO"):$PATH"
  exec "$GO" test -count=1 -vet=off -timeout 20m -v ./...
fi
[ "${1:-}" != --path ] || echo "$DEST/cluster"
