"""Turns a state dict in PyTorch's format of before 1.6 into safetensors, without PyTorch: convert.py SOURCE TARGET PROVENANCE.

The source is a sequence of pickles (magic number, protocol, system, tensors, storage keys), then the storages' raw bytes. The
unpickler makes nothing but the four kinds of object that such a file needs, so a malicious file cannot run code.
"""

import collections
import json
import math
import pickle
import struct
import sys

MAGIC = 0x1950A86A20F9469CFC6C
TYPES = {"FloatStorage": ("F32", 4), "LongStorage": ("I64", 8)}


def main(source, target, provenance):
    with open(source, "rb") as file:
        tensors, storages = read(file)
    header, blobs, offset = {"__metadata__": {"provenance": provenance}}, [], 0
    for name, (key, first, size, stride) in tensors.items():
        kind, width, data = storages[key]
        check_contiguous(name, size, stride)
        blob = data[first * width : (first + math.prod(size)) * width]
        header[name] = {"dtype": kind, "shape": list(size), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(target, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        file.writelines(blobs)


def read(file):
    """The tensors as (storage key, first element, size, stride), and the storages as (type, width in bytes, data)."""
    kinds = {}

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            if (module, name) == ("collections", "OrderedDict"):
                return collections.OrderedDict
            if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
                return lambda key, first, size, stride, *_: (key, first, size, stride)
            if (module, name) == ("torch._utils", "_rebuild_parameter"):
                return lambda tensor, *_: tensor
            if module == "torch" and name in TYPES:
                return name
            raise pickle.UnpicklingError(f"{module}.{name} does not belong into a state dict")

        def persistent_load(self, described):
            _, kind, key, *_ = described
            kinds[key] = kind
            return key

    if Unpickler(file).load() != MAGIC:
        sys.exit("setup: this is no state dict of PyTorch before 1.6")
    Unpickler(file).load()
    Unpickler(file).load()
    tensors = Unpickler(file).load()
    storages = {}
    for key in Unpickler(file).load():
        kind, width = TYPES[kinds[key]]
        (count,) = struct.unpack("<q", file.read(8))
        storages[key] = (kind, width, file.read(count * width))
    return tensors, storages


def check_contiguous(name, size, stride):
    expected = 1
    for length, step in zip(reversed(size), reversed(stride)):
        if length != 1 and step != expected:
            sys.exit(f"setup: {name} is not contiguous")
        expected *= length


main(*sys.argv[1:])
