"""Takes single files out of a wheel: unzip.py WHEEL DIRECTORY MEMBER=PATH... Fails where a member is missing."""

import pathlib
import sys
import zipfile

wheel, directory, *pairs = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for pair in pairs:
        member, _, path = pair.partition("=")
        target = pathlib.Path(directory, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.write_bytes(archive.read(member))
        except KeyError:
            sys.exit(f"setup: {wheel} holds no {member}")
