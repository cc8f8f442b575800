"""Times two builds of fixresc in alternation; `compare.py --against BINARY` calls it. Needs Python alone.

Each pass starts one process of each build, the order swapped from pass to pass, and gives one ratio: this build's median
over the other's (with --least its least time, which a machine that others use too disturbs less). The interval of the median ratio is the sign test's, between order statistics of the ratios, so it holds
for any distribution of the noise. A ratio whose interval lies wholly above SLOWER is flagged.
"""
import json
import math
import os
import random
import statistics
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
SHAPES = os.path.join(ROOT, "Tests", "Fixtures", "architectures", "shapes.txt")
SHIPPED = os.path.join(ROOT, "Models", "resnet18w32-imagenette-r112.bin")
SLOWER = 1.015
CONFIDENCE = 0.95


# MARK: Networks with seeded weights

def drawn(name, shape, source):
    """Values for the tensor called `name`, as torch draws or keeps them."""
    count = math.prod(shape)
    if len(shape) > 1:
        # The same few gaussians again and again: no kernel's time depends on the values.
        scale = (2 / (count / shape[0])) ** 0.5
        return struct.pack("<4096f", *(source.gauss(0, scale) for _ in range(4096))) * (count // 4096 + 1)
    low, high = {"running_var": (0.6, 1.4), "running_mean": (-0.2, 0.2), "weight": (0.4, 0.8)}.get(
        name.rsplit(".", 1)[1], (-0.1, 0.1))
    return struct.pack(f"<{count}f", *(source.uniform(low, high) for _ in range(count)))


def checkpoint(network, path):
    """Writes the torchvision network `network` of shapes.txt with seeded weights, as safetensors."""
    header, blobs, offset, found = {}, [], 0, False
    source = random.Random(1)
    with open(SHAPES) as file:
        for words in map(str.split, file):
            if words[0] == "#":
                found = words[1] == network
            elif found:
                shape = [int(word) for word in words[1:]]
                if not shape:
                    continue
                blobs.append(drawn(words[0], shape, source)[:4 * math.prod(shape)])
                header[words[0]] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + len(blobs[-1])]}
                offset += len(blobs[-1])
    if not blobs:
        raise SystemExit(f"{SHAPES} has no network {network}")
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def adapted(name, side, folder, build, binary):
    """`name` at `side`, adapted by `binary`; the shipped model stands for its architecture."""
    source = SHIPPED
    if name != "resnet18w32":
        source = os.path.join(folder, name + ".safetensors")
        if not os.path.exists(source):
            checkpoint(name, source)
    output = os.path.join(folder, f"{name}-{side}-{build}.bin")
    subprocess.run([binary, "adapt", source, "--to", str(side), "--no-proof", "--quiet", "-o", output],
                   check=True, stdout=subprocess.DEVNULL)
    return output


# MARK: Measuring

def bench(binary, model, threads, batch, count, exact):
    command = [binary, "bench", model, "--json", "--threads", str(threads), "--batch", str(batch), "--runs", str(count)]
    result = subprocess.run(command + (["--exact"] if exact else []), check=True, capture_output=True, text=True)
    return json.loads(result.stdout)


def opening(binary, model, threads):
    """Milliseconds from the start of opening to the first result, as `fixresc bench` counts them."""
    result = bench(binary, model, threads, 1, 1, exact=False)
    return result["load_milliseconds"] + result["first_run_milliseconds"]


def library_opening(probe, model, threads):
    """The same of a program that calls `ModelFile.open` and `Session(model:)`."""
    result = subprocess.run([probe, "open", model, str(threads)], check=True, capture_output=True, text=True)
    return sum(map(float, result.stdout.split()))


def opens(probe, model, threads):
    return os.path.exists(probe) and subprocess.run([probe, "open", model, str(threads)], capture_output=True).returncode == 0


def alternate(passes, ours, theirs):
    """`passes` pairs `(ours, theirs)`, each first as often as the other; one pair before them is dropped."""
    pairs = []
    for index in range(passes + 1):
        first, second = (ours, theirs) if index % 2 else (theirs, ours)
        times = (first(), second())
        pairs.append(times if index % 2 else times[::-1])
    return pairs[1:]


def interval(values):
    """The least interval between order statistics that holds the median with CONFIDENCE, as far as there are enough."""
    values, n = sorted(values), len(values)
    tail, rank = 0.0, 0
    while rank < n // 2:
        tail += math.comb(n, rank) / 2 ** n
        if 2 * tail > 1 - CONFIDENCE:
            break
        rank += 1
    # `rank` values at each end lie outside; none where the passes are too few.
    return values[max(rank - 1, 0)], values[n - max(rank, 1)]


class Table:
    """Rows of medians and ratios, printed as they come."""

    def __init__(self):
        self.slower = []
        print("| what | size | batch | threads | this, ms | other, ms | ratio | 95 % interval | |\n" + "|---" * 9 + "|",
              flush=True)

    def row(self, what, side, batch, threads, pairs):
        ratio = statistics.median(a / b for a, b in pairs)
        low, high = interval([a / b for a, b in pairs])
        verdict = "SLOWER" if low > SLOWER else "faster" if high < 1 else "slower, within 1.5 %" if low > 1 else "equal"
        if low > SLOWER:
            self.slower.append(f"{what} {side} b{batch} {threads}T")
        a, b = (statistics.median(times) for times in zip(*pairs))
        print(f"| {what} | {side} | {batch} | {threads} | {a:.2f} | {b:.2f} | {ratio:.4f} | {low:.4f} to {high:.4f} | {verdict} |",
              flush=True)


def compare_builds(ours, theirs, cases, threads, passes, runs, folder, exact, statistic="median"):
    """Prints the table of `cases` and of opening; the rows whose interval lies wholly above SLOWER."""
    if passes < 6:
        print(f"{passes} passes are too few for an interval of {CONFIDENCE:.0%}: the range of all is shown")
    table = Table()
    for name, side, batch in cases:
        models = [adapted(name, side, folder, build, binary) for build, binary in (("this", ours), ("other", theirs))]
        for count in threads:
            def time(binary, model):
                return bench(binary, model, count, batch, runs, exact)["milliseconds"][statistic]
            table.row(name, side, batch, count,
                      alternate(passes, lambda: time(ours, models[0]), lambda: time(theirs, models[1])))
    for name, side, batch in [case for case in cases if case[:1] == ("resnet50",) and case[2] == 1]:
        models = [adapted(name, side, folder, build, binary) for build, binary in (("this", ours), ("other", theirs))]
        probe = os.path.join(os.path.dirname(os.path.abspath(ours)), "engine-probe")
        for count in threads:
            table.row(f"{name}, opening", side, 1, count, alternate(
                passes, lambda: opening(ours, models[0], count), lambda: opening(theirs, models[1], count)))
            if not opens(probe, models[0], count):
                print(f"{probe} does not open models: the library's way is not timed", flush=True)
                continue
            table.row(f"{name}, opening: library (this) and command line (other) of this build", side, 1, count, alternate(
                passes, lambda: library_opening(probe, models[0], count), lambda: opening(ours, models[0], count)))
    print("\n" + (f"slower by more than 1.5 %: {'; '.join(table.slower)}" if table.slower else "no row is slower by more than 1.5 %"))
    return table.slower
