#!/bin/bash
# Takes another version of Kubernetes, with all its modules: kubernetes.sh v1.34.5. Look at `git diff` of go.mod afterwards: CoreDNS and
# etcd must be of versions that the new one's libraries fit.
set -euo pipefail
cd "$(dirname "$0")"
version=${1:?a version, such as v1.34.5}
[[ $version =~ ^v1\.[0-9]+\.[0-9]+$ ]] || { echo "kubernetes.sh: $version: accepted: v1.MINOR.PATCH, such as v1.34.5" >&2; exit 2; }
GO=$(../../.ci/go.sh)
modules=v0${version#v1}
"$GO" mod edit -require="k8s.io/kubernetes@$version"
for module in $("$GO" mod edit -json | sed -n 's/.*"Path": "\(k8s\.io\/[a-z-]*\)".*/\1/p' | sort -u); do
  if grep -q "^replace $module =>\|^	$module => $module" go.mod; then
    "$GO" mod edit -replace="$module=$module@$modules"
  fi
done
"$GO" mod tidy
