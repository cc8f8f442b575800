"""Times fixresc beside ONNX Runtime, OpenVINO (fp32 forced), ncnn and torch: same networks, inputs and threads, in turn.

usage: python Benchmarks/Peers/compare.py [--quick] [--setup]         after `swift build -c release`
--setup makes the virtual environment Benchmarks/Peers/.venv with the pinned peers and runs this script in it. torch
and torchvision come from TORCH_WHEEL (a path) if that is set, else by their pinned versions.
Each round runs every runtime for a few warm inferences, one after another; the table holds medians and minima over all
rounds and the ratio to the fastest peer. The logits of all must agree with fixresc's, or the row says so.
--against BINARY times this build in alternation with another binary of fixresc instead, without peers (see against.py).
--start times opening a model and its first run instead, each in a new process, with the peak of resident memory; the
time of importing a Python package is left out, its memory is not. `packed` is a model of `adapt --pack`.
"""
import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import tempfile

import against

HERE = os.path.dirname(os.path.abspath(__file__))
FIXRESC = os.path.join(HERE, "..", "..", ".build", "release", "fixresc")
OURS = ["fixresc, packed", "fixresc"]
PEERS = ["onnxruntime", "openvino", "ncnn", "torch"]
# network, side, batch
CASES = [
    ("resnet50", 224, 1), ("resnet50", 384, 1), ("resnet50", 224, 8),
    ("resnet18", 224, 1), ("resnet18", 384, 1), ("resnet18", 224, 8),
    ("resnet34", 224, 1), ("resnet34", 384, 1), ("resnet34", 224, 8),
    ("resnet101", 224, 1), ("resnet152", 224, 1), ("wide_resnet50_2", 224, 1), ("resnext50_32x4d", 224, 1),
    ("resnet50d", 224, 1), ("seresnet50", 224, 1), ("cifar56", 32, 1), ("resnet18w32", 112, 1), ("resnet18w32", 160, 1),
]
QUICK = [("resnet50", 224, 1), ("resnet18", 224, 1), ("resnet18w32", 160, 1)]


def set_up(script=__file__):
    """The virtual environment with the pinned peers; runs `script` again inside it."""
    environment = os.path.join(HERE, ".venv")
    python = os.path.join(environment, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        pip = [python, "-m", "pip", "install", "--quiet"]
        subprocess.run(pip + [os.environ.get("TORCH_WHEEL", "torch==2.13.0")], check=True)
        subprocess.run(pip + ["--no-deps", "torchvision==0.28.0"], check=True)
        subprocess.run(pip + ["-r", os.path.join(HERE, "requirements.txt")], check=True)
        mend_torchvision(environment, python)
    os.execv(python, [python, os.path.abspath(script)] + [a for a in sys.argv[1:] if a != "--setup"])


def mend_torchvision(environment, python):
    """Beside a CPU build of torch, takes out torchvision's compiled operators, which its models do not need."""
    if subprocess.run([python, "-c", "import torchvision"], capture_output=True).returncode == 0:
        return
    (package,) = glob.glob(os.path.join(environment, "lib", "python3*", "site-packages", "torchvision"))
    for library in glob.glob(os.path.join(package, "*.so")):
        os.rename(library, library + ".aside")
    with open(os.path.join(package, "__init__.py")) as file:
        lines = [line for line in file if line.strip() not in ("_autograd_registrations,", "_meta_registrations,")]
    with open(os.path.join(package, "__init__.py"), "w") as file:
        file.writelines(lines)


class Peer:
    """A runtime in its own process, warm."""

    def __init__(self, runtime, stem, threads, picture, folder):
        self.name = runtime
        self.logits = os.path.join(folder, f"{runtime}.npy")
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "worker.py"), runtime, stem, str(threads), picture, self.logits],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        line = self.process.stdout.readline()
        self.startup = json.loads(line) if line.strip() else None

    def run(self, count):
        self.process.stdin.write(f"run {count}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def bench(model, threads, batch, count, exact):
    return against.bench(FIXRESC, model, threads, batch, count, exact)


def agree(logits, reference):
    import numpy as np

    a, b = np.load(logits), np.load(reference)
    return a.shape == b.shape and float(np.abs(a - b).max()) <= 1e-4 * float(np.abs(b).max())


def case(name, side, batch, threads, rounds, count, folder, exact):
    """One row: `{runtime: (median, least)}` in milliseconds a run, and startup figures."""
    import numpy as np

    import networks

    stem, model = networks.make(name, side, batch, folder, FIXRESC)
    picture = os.path.join(folder, f"input-{side}-b{batch}.npy")
    if not os.path.exists(picture):
        np.save(picture, np.random.default_rng(0).standard_normal((batch, 3, side, side), np.float32))
    ours = os.path.join(folder, "fixresc.npy")
    subprocess.run([FIXRESC, "run", model, picture, "--quiet", "--save-logits", ours], check=True, stdout=subprocess.DEVNULL)
    peers = [peer for peer in (Peer(p, stem, threads, picture, folder) for p in PEERS) if peer.startup]
    # The median and the least of each round.
    times = {name: [] for name in ["fixresc"] + [peer.name for peer in peers]}
    disagreeing = [peer.name for peer in peers if not agree(peer.logits, ours)]
    for _ in range(rounds):
        for peer in peers:
            latencies = peer.run(count)
            times[peer.name].append((statistics.median(latencies), min(latencies)))
        latencies = bench(model, threads, batch, count, exact)["milliseconds"]
        times["fixresc"].append((latencies["median"], latencies["min"]))
    for peer in peers:
        peer.close()
    summary = {n: (statistics.median(m for m, _ in v), min(l for _, l in v)) for n, v in times.items()}
    return summary, disagreeing


def start_row(name, side, threads, rounds, folder):
    """`| network | ... |`: milliseconds to open and run once, and peak MB, medians over `rounds` new processes of each."""
    import numpy as np

    import networks

    stem, model = networks.make(name, side, 1, folder, FIXRESC)
    picture = os.path.join(folder, f"input-{side}-b1.npy")
    np.save(picture, np.random.default_rng(0).standard_normal((1, 3, side, side), np.float32))
    packed = os.path.join(folder, f"{name}-{side}-packed.bin")
    subprocess.run([FIXRESC, "adapt", model, "--pack", "--no-proof", "--quiet", "-o", packed], check=True, stdout=subprocess.DEVNULL)
    figures = {runtime: [] for runtime in OURS + PEERS}
    for _ in range(rounds):
        for runtime, path in zip(OURS, (packed, model)):
            ours = bench(path, threads, 1, 1, exact=False)
            figures[runtime].append(
                (ours["load_milliseconds"], ours["first_run_milliseconds"], ours["peak_resident_bytes"] / 1e6))
        for runtime in PEERS:
            peer = Peer(runtime, stem, threads, picture, folder)
            if peer.startup:
                figures[runtime].append(tuple(peer.startup[key] for key in ("create", "first", "peak")))
            peer.close()
    cells, totals = [], {}
    for runtime, rows in figures.items():
        if rows:
            totals[runtime] = statistics.median(opened + first for opened, first, _ in rows)
            cells.append(f"{totals[runtime]:.0f} ms, {statistics.median(peak for _, _, peak in rows):.0f} MB")
        else:
            cells.append("-")
    shares = " | ".join(f"{totals[runtime] / totals['onnxruntime']:.2f}" for runtime in OURS)
    return f"| {name} | {side} | {threads} | " + " | ".join(cells) + f" | {shares} |"


def table(rows):
    lines = ["| network | size | batch | threads | " + " | ".join(["fixresc"] + PEERS) + " | x the fastest peer |",
             "|---" * (6 + len(PEERS)) + "|"]
    for (name, side, batch, threads), (times, disagreeing) in rows:
        cells = []
        for runtime in ["fixresc"] + PEERS:
            mark = " (logits differ)" if runtime in disagreeing else ""
            cells.append(f"{times[runtime][0]:.2f} / {times[runtime][1]:.2f}{mark}" if runtime in times else "-")
        fastest = min(v[0] for n, v in times.items() if n != "fixresc")
        lines.append(f"| {name} | {side} | {batch} | {threads} | " + " | ".join(cells) + f" | {fastest / times['fixresc'][0]:.2f} |")
    return "\n".join(lines)


def plot(rows, path):
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.fonttype"] = "none"
    import matplotlib.pyplot as plt

    labels = [f"{n} {s} b{b} {t}T" for (n, s, b, t), _ in rows]
    figure, axis = plt.subplots(figsize=(9, 0.45 * len(rows) + 1.5))
    for runtime in PEERS:
        ratios = [times[runtime][0] / times["fixresc"][0] if runtime in times else None for _, (times, _) in rows]
        places = [i for i, r in enumerate(ratios) if r]
        axis.plot([ratios[i] for i in places], places, "o", label=runtime)
    axis.axvline(1, color="black", linewidth=1)
    axis.set_yticks(range(len(rows)), labels)
    axis.invert_yaxis()
    axis.set_xlabel("median latency relative to fixresc (right of 1: fixresc is faster)")
    axis.legend()
    figure.tight_layout()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--setup", action="store_true", help="make the virtual environment first, and run in it")
    parser.add_argument("--quick", action="store_true", help="three networks only")
    parser.add_argument("--exact", action="store_true", help="fixresc without Winograd")
    parser.add_argument("--against", metavar="BINARY", help="time this build beside another, without peers")
    parser.add_argument("--least", action="store_true", help="with --against: compare the least time of each pass")
    parser.add_argument("--binary", default=FIXRESC, help="this build (default: .build/release)")
    parser.add_argument("--start", action="store_true", help="time to open a model and run it once")
    parser.add_argument("--only", help="networks whose name contains this")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--runs", type=int, default=12, help="inferences of each runtime a round")
    parser.add_argument("--models", help="folder for the made models (default: a temporary one)")
    parser.add_argument("--output", help="folder for table.md and plot.svg, such as Benchmarks/Peers/results")
    arguments = parser.parse_args()
    if arguments.setup:
        set_up()
    cases = [c for c in (QUICK if arguments.quick else CASES) if not arguments.only or arguments.only in c[0]]
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.models or temporary
        os.makedirs(folder, exist_ok=True)
        if arguments.against:
            slower = against.compare_builds(
                arguments.binary, arguments.against, cases, list(map(int, arguments.threads.split(","))),
                arguments.rounds, arguments.runs, folder, arguments.exact, "min" if arguments.least else "median")
            sys.exit(1 if slower else 0)
        if arguments.start:
            print("| network | size | threads | " + " | ".join(OURS + PEERS)
                  + " | packed, of onnxruntime's time | plain, of onnxruntime's time |", flush=True)
            for name, side in [(n, s) for n, s, batch in cases if batch == 1]:
                for threads in map(int, arguments.threads.split(",")):
                    print(start_row(name, side, threads, arguments.rounds, folder), flush=True)
            return
        for name, side, batch in cases:
            for threads in map(int, arguments.threads.split(",")):
                row = case(name, side, batch, threads, arguments.rounds, arguments.runs, folder, arguments.exact)
                rows.append(((name, side, batch, threads), row))
                print(table(rows).splitlines()[-1], flush=True)
    print("\nmilliseconds a run, median / least\n" + table(rows))
    if arguments.output:
        os.makedirs(arguments.output, exist_ok=True)
        with open(os.path.join(arguments.output, "table.md"), "w") as file:
            file.write(table(rows) + "\n")
        plot(rows, os.path.join(arguments.output, "plot.svg"))


if __name__ == "__main__":
    main()
