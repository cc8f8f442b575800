"""The tests that hold each row of the list of hostile inputs, from the names of the tests.

usage: python3 Tests/Structure/rows.py [--self-test]

A test says its rows in its display name: `@Test("row 3 and 4: every prefix is refused")`. A row without a test fails.
"""
import glob
import os
import re
import sys

ROWS = {
    1: "no file, or none that ends: empty, short, noise, folder, pipe, device, link, sparse, unreadable",
    2: "another suffix than the content's, an HTML page, a Git LFS pointer",
    3: "every prefix of a small good file",
    4: "every flipped bit of the header of a small good file",
    5: "safetensors and JSON: depth, multitudes, duplicate keys, strange names, numbers out of range",
    6: "shapes, strides and offsets that overflow or lie outside",
    7: "zip: overlaps, lies, duplicates, encryption, bombs",
    8: "pickle: everything that would run",
    9: "sizes and types that contradict the data, missing keys",
    10: "the legacy format's sizes and orders",
    11: "protobuf: varints, lengths, groups, depth, multitudes",
    12: "ONNX graphs that cannot be: cycles, missing inputs, impossible attributes",
    13: "external data outside the model's folder",
    14: "weights that are not finite, or make numbers that are not",
    15: "sizes that are none, odd, or beyond memory",
    16: "pictures: truncated, unsupported, huge, damaged",
    17: "model files: damage, versions, offsets, overlaps",
    18: ".npy: types, orders, headers",
    19: "outputs: full disks, folders that cannot be written, interrupts, inputs",
    20: "concurrency: tasks, models, threads, fork",
}
NAME = re.compile(r'@Test\(\s*"rows? ([0-9, and]+): ([^"]*)"')
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def tests(text):
    """(rows, name, function) of each test in `text` that names rows."""
    for match in NAME.finditer(text):
        function = re.search(r"\bfunc (\w+)", text[match.end():])
        yield [int(row) for row in re.findall(r"[0-9]+", match[1])], match[2], function[1] if function else "?"


def table(sources):
    """Row to its tests, and the faults."""
    found, faults = {row: [] for row in ROWS}, []
    for path, text in sources:
        for rows, name, function in tests(text):
            for row in rows:
                if row not in ROWS:
                    faults.append(f"{path}: {function}: there is no row {row}")
                else:
                    found[row].append(f"{os.path.basename(path)[:-6]}.{function}: {name}")
    faults += [f"row {row} has no test: {ROWS[row]}" for row in ROWS if not found[row]]
    return found, faults


def main():
    if sys.argv[1:] == ["--self-test"]:
        planted = '@Test("row 3 and 21: a", arguments: x)\n  func b() {}'
        found, faults = table([("a.swift", planted)])
        assert found[3] == ["a.b: a"] and len(faults) == len(ROWS), faults
        return 0
    paths = sorted(glob.glob(os.path.join(ROOT, "*Tests", "**", "*.swift"), recursive=True))
    found, faults = table((path, open(path).read()) for path in paths)
    for row, names in found.items():
        print(f"{row:2}  {ROWS[row]}")
        for name in names:
            print(f"      {name}")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
