#!/usr/bin/env python3
"""What libFuzzer has found for a target becomes its seeds in `fuzz/seeds/TARGET.hex`, an input a line.

    seeds.py TARGET target/tmp/fuzz/corpus/TARGET    # some of every length up to 800 bytes
"""

import pathlib
import sys

LONGEST = 800
MOST = 60


def pack(lines, folder):
    found = {file.read_bytes() for file in folder.iterdir()}
    fitting = sorted((data for data in found if 0 < len(data) <= LONGEST), key=lambda one: (len(one), one))
    every = max(len(fitting) / MOST, 1.0)
    chosen = [fitting[int(at * every)] for at in range(min(MOST, len(fitting)))]
    lines.write_text("".join(f"{data.hex()}\n" for data in chosen))


if __name__ == "__main__":
    target, folder = sys.argv[1:]
    pack(pathlib.Path(__file__).parent / "seeds" / f"{target}.hex", pathlib.Path(folder))
