#!/usr/bin/env python3
"""The seeds of a target between `fuzz/seeds/TARGET.hex`, an input a line, and a folder of libFuzzer.

    seeds.py unpack TARGET FOLDER    # lines → files
    seeds.py pack TARGET FOLDER      # files → lines: some of every length up to 400 bytes
"""

import hashlib
import pathlib
import sys

LONGEST = 400
MOST = 60


def unpack(lines, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for line in lines.read_text().split():
        data = bytes.fromhex(line)
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def pack(lines, folder):
    found = {file.read_bytes() for file in folder.iterdir()}
    fitting = sorted((data for data in found if 0 < len(data) <= LONGEST), key=lambda one: (len(one), one))
    every = max(len(fitting) / MOST, 1.0)
    chosen = [fitting[int(at * every)] for at in range(min(MOST, len(fitting)))]
    lines.write_text("".join(f"{data.hex()}\n" for data in chosen))


if __name__ == "__main__":
    what, target, folder = sys.argv[1:]
    lines = pathlib.Path(__file__).parent / "seeds" / f"{target}.hex"
    {"unpack": unpack, "pack": pack}[what](lines, pathlib.Path(folder))
