"""Times `fixresc adapt` on a model beside the bare work of reading, checksumming and writing a file of that size.

Both run as whole processes, in turn, on the same disk. Needs no package.
usage: python Benchmarks/adapt_cost.py MODEL [--to K] [--runs N]        after `swift build -c release`
"""
import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("model")
parser.add_argument("--to", default="384")
parser.add_argument("--runs", type=int, default=9)
arguments = parser.parse_args()
build = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".build", "release")

with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(arguments.model))) as folder:
    output = os.path.join(folder, "out.bin")
    commands = {
        "bare": [f"{build}/file-bench", arguments.model, output],
        "adapt": [f"{build}/fixresc", "adapt", arguments.model, "--to", arguments.to, "--no-proof", "-o", output],
    }
    seconds = {name: [] for name in commands}
    for run in range(arguments.runs + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if run:
                seconds[name].append(time.perf_counter() - start)
    for name, values in seconds.items():
        print(f"{name:6} median {statistics.median(values) * 1e3:7.1f} ms, least {min(values) * 1e3:7.1f} ms")
    ratios = [a / b for a, b in zip(seconds["adapt"], seconds["bare"])]
    print(f"adapt / bare: median {statistics.median(ratios):.2f}, least {min(ratios):.2f}, most {max(ratios):.2f}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    size = os.path.getsize(arguments.model)
    print(f"peak resident memory of either: {peak / size:.2f} x the file, its mapping included")
