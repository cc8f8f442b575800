"""Compares the logits and features that two fixresc binaries compute, bit by bit.

usage: python same_bits.py --base BINARY --binary BINARY [--photos DIR] [--only WORD] [--isa avx512,avx2,portable]

Networks: the shipped model, those of Tests/Fixtures (architectures, onnx, releases) as they are imported and as each
binary adapts them, for seeded noise; with --photos also the shipped model at five sizes for the pictures that
DIR/reference/images.txt names. Each on avx512, avx2 and portable, with Winograd and without (--exact), on one thread and
on two. A cell is `=` where every bit is the same, else how many values differ and by how much of the largest; `-` where
neither binary runs the model, and that with one exit status. Exits with 1 unless all is the same. Needs numpy.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FIXTURES = os.path.join(ROOT, "Tests", "Fixtures")
SHIPPED = os.path.join(ROOT, "Models", "resnet18w32-imagenette-r112.bin")
SIZES = [64, 112, 144, 160, 224]
THREADS = [1, 2]
PICTURES = 3
SUFFIXES = (".bin", ".pth", ".th", ".safetensors", ".onnx")


class Binary:
    """One build of fixresc, with a folder for what it writes."""

    def __init__(self, path, folder):
        self.path, self.folder = os.path.abspath(path), folder
        os.makedirs(folder)

    def call(self, *words, isa=None):
        environment = {k: v for k, v in os.environ.items() if k != "FIXRESC_ISA"}
        if isa:
            environment["FIXRESC_ISA"] = isa
        return subprocess.run([self.path, *words], env=environment, capture_output=True, text=True)

    def adapt(self, model, side):
        """`model` adapted by this binary, or None where it refuses."""
        output = os.path.join(self.folder, "adapted.bin")
        done = self.call("adapt", model, *(["--to", str(side)] if side else []), "--no-proof", "-q", "-o", output)
        return None if done.returncode else output

    def outputs(self, model, inputs, isa, exact, threads):
        """Exit status, logits and features."""
        names = [os.path.join(self.folder, name) for name in ("logits.npy", "features.npy")]
        words = ["run", model, *inputs, "--quiet", "--threads", str(threads), *(["--exact"] if exact else []),
                 "--save-logits", names[0]]
        done = self.call(*words, "--save-features", names[1], isa=isa)
        if done.returncode:  # A network may have no features.
            done, names = self.call(*words, isa=isa), names[:1]
        return done.returncode, [] if done.returncode else [np.load(name) for name in names]


def difference(found, expected):
    """None where both have the same bits, else what differs."""
    if [a.shape for a in found] != [a.shape for a in expected]:
        return "other shapes"
    a, b = (np.concatenate([x.ravel() for x in arrays]) for arrays in (found, expected))
    count = int((a.view(np.uint32) != b.view(np.uint32)).sum())
    if not count:
        return None
    return f"{count} of {a.size}, {float(np.abs(a.astype(np.float64) - b).max() / np.abs(b).max()):.0e}"


class Comparison:
    """The table, line by line, with totals."""

    def __init__(self, base, binary, columns):
        self.base, self.binary, self.columns = base, binary, columns
        self.count = self.values = self.failures = self.refused = 0
        heads = [isa + (" exact" if exact else "") for isa, exact in columns]
        print("| network | " + " | ".join(heads) + " |\n" + "|---" * (1 + len(columns)) + "|", flush=True)

    def line(self, name, models, inputs):
        """One row: `models` are the base's and the binary's."""
        cells = []
        for isa, exact in self.columns:
            found = {self.cell(models, inputs, isa, exact, threads) for threads in THREADS}
            cells.append(found.pop() if len(found) == 1 else "; ".join(sorted(found)))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)

    def cell(self, models, inputs, isa, exact, threads):
        self.count += 1
        old = self.base.outputs(models[0], inputs, isa, exact, threads)
        new = self.binary.outputs(models[1], inputs, isa, exact, threads)
        if old[0] != new[0]:
            self.failures += 1
            return f"exit {new[0]} instead of {old[0]}"
        if old[0]:
            self.refused += 1
            return "-"
        self.values += sum(array.size for array in old[1])
        text = difference(new[1], old[1])
        self.failures += text is not None
        return text or "="

    def adapted(self, name, model, side, inputs):
        """The row of what each binary makes of `model` at `side`, where either does."""
        models = [binary.adapt(model, side) for binary in (self.base, self.binary)]
        if models == [None, None]:
            return
        if None in models:
            self.failures += 1
            print(f"| {name} | adapted by one of the two only |", flush=True)
            return
        if not inputs:
            inputs = noise(self.base, models[0])
        self.line(name, models, inputs)


def noise(binary, model):
    """Seeded pictures of the shape that `model` takes, as a file; empty where it is no network."""
    done = binary.call("inspect", "--ir", model)
    lines = [line for line in done.stdout.splitlines() if line.startswith("  input ")]
    if done.returncode or not lines:
        return []
    shape = tuple(map(int, lines[0].rsplit("[N,", 1)[1].rstrip("]").split(",")))
    path = os.path.join(binary.folder, "input.npy")
    np.save(path, np.random.default_rng(1).standard_normal((PICTURES, *shape), np.float32))
    return [path]


def fixtures():
    """`(name, path)` of everything that holds a network."""
    found = [("Models/" + os.path.basename(SHIPPED), SHIPPED)]
    for group in ("architectures", "onnx", "releases"):
        for folder, _, names in sorted(os.walk(os.path.join(FIXTURES, group))):
            for name in sorted(names):
                if name.endswith(SUFFIXES):
                    path = os.path.join(folder, name)
                    found.append((os.path.relpath(path, FIXTURES), path))
    return found


def compare_fixtures(comparison, only):
    for name, path in fixtures():
        if only not in name:
            continue
        inputs = noise(comparison.base, path)
        if not inputs:
            continue
        comparison.line(name, [path, path], inputs)
        # Other sides than the own one; what a network has no place for both refuse.
        for side in (None, 45, 64):
            comparison.adapted(f"{name}, adapted{f' to {side}' if side else ''}", path, side, None)


def compare_photos(comparison, folder):
    with open(os.path.join(folder, "reference", "images.txt")) as file:
        photos = [os.path.join(folder, line.strip()) for line in file if line.strip()]
    for side in SIZES:
        comparison.adapted(f"{len(photos)} photos at {side}", SHIPPED, side, photos)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", required=True, help="the binary whose bits count")
    parser.add_argument("--binary", required=True, help="the binary to check")
    parser.add_argument("--photos", help="a folder with reference/images.txt and the pictures that it names")
    parser.add_argument("--only", default="", help="fixtures whose name contains this")
    parser.add_argument("--isa", default="avx512,avx2,portable")
    arguments = parser.parse_args()
    start = time.time()
    with tempfile.TemporaryDirectory() as temporary:
        base, binary = (Binary(path, os.path.join(temporary, name))
                        for path, name in ((arguments.base, "base"), (arguments.binary, "binary")))
        sets = [isa for isa in arguments.isa.split(",") if base.call("doctor", isa=isa).returncode == 0]
        for isa in set(arguments.isa.split(",")) - set(sets):
            print(f"not on this machine: {isa}")
        comparison = Comparison(base, binary, [(isa, exact) for isa in sets for exact in (False, True)])
        compare_fixtures(comparison, arguments.only)
        if arguments.photos:
            compare_photos(comparison, arguments.photos)
    verdict = f"{comparison.failures} DIFFER" if comparison.failures else "all have the same bits"
    print(f"\n{comparison.count} runs ({comparison.refused} refused by both), {comparison.values} values: {verdict} "
          f"({time.time() - start:.0f} s)")
    sys.exit(1 if comparison.failures or comparison.count == comparison.refused else 0)


main()
