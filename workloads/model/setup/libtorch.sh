#!/bin/bash
# CPU libtorch for the `tch` crate, out of PyPI's `torch` wheel: headers, three libraries, no CUDA.
# Use: libtorch.sh      makes $XDG_CACHE_HOME/jostle/libtorch-VERSION; then build with LIBTORCH set to it.
#      libtorch.sh --path   prints that directory and does nothing else.
set -euo pipefail
VERSION=2.13.0
SHA256=60fcdcb2f3876e21146cb4524ef06397d727ca9ad5f020818547e25075fe3cb7
. "$(dirname "$0")/fetch.sh"
if [ "${1:-}" = --path ]; then echo "$CACHE/libtorch-$VERSION"; exit 0; fi
begin "libtorch-$VERSION"
for tool in readelf cc; do
  command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install binutils g++"
done

WHEEL=$(wheel torch "$VERSION" "$SHA256")
python3 - "$WHEEL" "$WORK/out" <<'PY'
import os, shutil, sys, zipfile
wheel, out = zipfile.ZipFile(sys.argv[1]), sys.argv[2]
libraries = {"torch/lib/libtorch_cpu.so", "torch/lib/libc10.so", "torch/lib/libgomp.so.1"}
for name in wheel.namelist():
    if name.endswith("/"):
        continue
    if name in libraries or name.startswith("torch/include/"):
        path = os.path.join(out, name.removeprefix("torch/"))
    elif ".dist-info/licenses/" in name:
        path = os.path.join(out, "licenses", name.split(".dist-info/licenses/")[1])
    else:
        continue
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with wheel.open(name) as source, open(path, "wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
missing = [name for name in libraries if not os.path.exists(os.path.join(out, name.removeprefix("torch/")))]
if missing:
    sys.exit(f"setup: the torch wheel lacks {', '.join(sorted(missing))}")
PY

# The wheel's libtorch_cpu.so is linked against CUDA's runtime and profiler, which are never called on a CPU. Empty libraries
# with the same symbols take their place; each function returns that library's error code for "no device".
cd "$WORK/out/lib"
stub() { # stub SONAME RETURN-VALUE
  local symbols
  symbols=$(readelf -W --dyn-syms libtorch_cpu.so | sed -n "s/.* UND \([A-Za-z0-9_]*\)@$1.*/\1/p" | sort -u)
  for symbol in $symbols; do echo "int $symbol(void) { return $2; }"; done >"$WORK/stub.c"
  { echo "$1 { global:"; for symbol in $symbols; do echo "$symbol;"; done; echo "local: *; };"; } >"$WORK/stub.map"
  cc -shared -fPIC -O1 -Wl,-soname,"$1" -Wl,--version-script="$WORK/stub.map" -o "$1" "$WORK/stub.c"
}
for needed in $(readelf -d libtorch_cpu.so | sed -n 's/.*NEEDED.*\[\(lib\(cupti\|cudart\)\.so\.[0-9]*\)\]/\1/p'); do
  case $needed in
    libcupti*) stub "$needed" 15 ;;  # CUPTI_ERROR_NOT_INITIALIZED
    *) stub "$needed" 100 ;;         # cudaErrorNoDevice
  esac
done
echo 'INPUT(libtorch_cpu.so)' >libtorch.so # torch-sys links -ltorch
echo "$VERSION" >../build-version          # torch-sys reads it
publish
