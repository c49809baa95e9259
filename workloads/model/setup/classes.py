"""Writes ImageNet's class names, one a line in the order of the outputs: classes.py NAMES.json CLASSES.txt.

A name is the first synonym with underscores, as a folder can bear it; the two that are taken twice (crane, maillot) get their
index behind them.
"""

import collections
import json
import sys

source, target = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    synonyms = json.load(file)
names = [synonyms[str(index)].split(",")[0].strip().replace(" ", "_").replace("/", "_") for index in range(1000)]
count = collections.Counter(names)
names = [f"{name}_{index}" if count[name] > 1 else name for index, name in enumerate(names)]
with open(target, "w", encoding="utf-8") as file:
    file.write("\n".join(names) + "\n")
