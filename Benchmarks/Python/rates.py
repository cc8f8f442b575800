"""What the Python module costs beside the command line, and how it scales with Python's threads.

usage: python Benchmarks/Python/rates.py FOLDER [--model M.bin] [--large R50.bin]      after `swift build -c release`
FOLDER holds pictures, in any depth. The Python module is the installed wheel (Packaging/wheel.py), or the sources'
with PYTHONPATH=Python and the library that FIXRESC_LIBRARY names. Three questions, of which each is asked alone with
--only: `threads`: runs a second of two threads, each with a model of its own opened with `threads=1`, beside one thread
(--large: a ResNet-50); `pictures`: pictures a second of 1,000 paths beside `fixresc run` over the same, in turns, both
with the start of a process taken out; `memory`: resident memory over 10,000 calls.
"""
import argparse
import glob
import os
import statistics
import subprocess
import threading
import time

import numpy as np

import fixresc

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FIXRESC = os.environ.get("FIXRESC", os.path.join(ROOT, ".build", "release", "fixresc"))


def threads(path, seconds, rounds):
    """The median over the rounds of the rate of two threads by that of one."""
    models = [fixresc.load(path, threads=1) for _ in range(2)]
    inputs = [np.random.default_rng(i).standard_normal((1, *models[i].input_shape), np.float32) for i in range(2)]
    for model, x in zip(models, inputs):
        model.run(x), model.run(x)

    def rate(count):
        runs = [0] * count
        end = time.perf_counter() + seconds

        def work(index):
            while time.perf_counter() < end:
                models[index].run(inputs[index])
                runs[index] += 1

        start = time.perf_counter()
        workers = [threading.Thread(target=work, args=(index,)) for index in range(count)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return sum(runs) / (time.perf_counter() - start)

    ratios = []
    for _ in range(rounds):
        one, two = rate(1), rate(2)
        ratios.append(two / one)
        print(f"  one thread {one:.1f} runs/s, two {two:.1f}: {two / one:.2f}")
    print(f"threads: two Python threads reach {statistics.median(ratios):.2f} of one")


def pictures(path, paths, rounds):
    """The median over the rounds of Python's rate by the command's, each without the time of its first picture."""
    with fixresc.load(path) as model:
        model(paths)

    def command(inputs):
        start = time.perf_counter()
        subprocess.run([FIXRESC, "run", path, *inputs, "--quiet"], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start

    def python(inputs):
        start = time.perf_counter()
        with fixresc.load(path) as model:
            for result in model(inputs):
                result.top(5)
        return time.perf_counter() - start

    ratios = []
    for _ in range(rounds):
        rates = [(len(paths) - 1) / (run(paths) - run(paths[:1])) for run in (python, command)]
        ratios.append(rates[0] / rates[1])
        print(f"  Python {rates[0]:.0f} pictures/s, command {rates[1]:.0f}: {ratios[-1]:.3f}")
    print(f"pictures: {len(paths)} paths, Python at {statistics.median(ratios):.3f} of the command's rate")


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def memory(path, paths, calls):
    model = fixresc.load(path)
    with open(paths[0], "rb") as file:
        encoded = file.read()
    x = np.zeros((1, *model.input_shape), np.float32)
    out = np.zeros((1, model.class_count), np.float32)
    figures = []
    for call in range(calls):
        kind = call % 4
        if kind == 0:
            model(paths[call % len(paths)])
        elif kind == 1:
            model([encoded, paths[0]])
        elif kind == 2:
            model(["/nowhere.jpg", encoded[:100]])
        else:
            model.run(x, out=out)
        if call % (calls // 10) == calls // 10 - 1:
            figures.append(resident())
    print(f"memory: MB after each tenth of {calls} calls: " + " ".join(f"{figure:.1f}" for figure in figures))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="pictures")
    parser.add_argument("--model", default=os.path.join(ROOT, "Models", "resnet18w32-imagenette-r112.bin"))
    parser.add_argument("--large", help="a ResNet-50 for `threads` (default: the other model)")
    parser.add_argument("--only", choices=["threads", "pictures", "memory"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=10_000)
    arguments = parser.parse_args()
    paths = sorted(path for kind in ("jpg", "jpeg", "JPG", "JPEG", "png")
                   for path in glob.glob(os.path.join(arguments.folder, "**", "*." + kind), recursive=True))[:1000]
    if arguments.only in (None, "threads"):
        threads(arguments.large or arguments.model, 4, arguments.rounds)
    if arguments.only in (None, "pictures"):
        pictures(arguments.model, paths, arguments.rounds)
    if arguments.only in (None, "memory"):
        memory(arguments.model, paths, arguments.calls)


if __name__ == "__main__":
    main()
