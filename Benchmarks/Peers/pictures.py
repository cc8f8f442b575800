"""Times the whole way from JPEG files to labels: fixresc from Python and from the command line beside torch's
DataLoader with ONNX Runtime, and OpenVINO with its PrePostProcessor behind Pillow.

usage: python Benchmarks/Peers/pictures.py FOLDER [--setup]       after `swift build -c release`
FOLDER holds pictures, in any depth. The Python module is the installed wheel (Packaging/wheel.py), or the sources'
with the library that FIXRESC_LIBRARY names. On one CPU and on two (the process may use no other): pictures a second
of a warm runtime over all pictures (the median of the rounds, which take turns; the command's start is counted), the
peak of memory of the process and its children (proportional set size) and the time from the start of a new process to
its first label. Each peer runs every arrangement of ARRANGEMENTS first, and the fastest of these in the rounds. fp32
everywhere. The logits of all must agree with those of torchvision's preprocessing and ONNX Runtime, or the row says so.
--setup as in compare.py.
"""
import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
FIXRESC = os.environ.get("FIXRESC", os.path.join(ROOT, ".build", "release", "fixresc"))
SHIPPED = os.path.join(ROOT, "Models", "resnet18w32-imagenette-r112.bin")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Pictures a run, processes or threads that decode (None: the runtime's own), threads of a run of the network, as shares
# of the CPUs where they are fractions.
ARRANGEMENTS = {
    "onnxruntime": [(1, 0, 1.0), (8, 0, 1.0), (32, 0, 1.0), (8, 1.0, 1.0), (32, 1.0, 1.0), (32, 0.5, 0.5)],
    "openvino": [(1, 1.0, "latency"), (1, 1.0, "throughput"), (8, 1.0, "throughput"), (8, 1.0, "latency")],
    "fixresc, Python": [(256, None, 1.0)],
}


# ---- Workers, each in a process of its own


def preprocessing(side):
    """torchvision's: shorter side to 256/224 of the crop, bilinear, centre crop, ImageNet's mean and deviation."""
    from torchvision import transforms

    return transforms.Compose([
        transforms.Resize(side * 256 // 224), transforms.CenterCrop(side), transforms.ToTensor(),
        transforms.Normalize(MEAN, STD)])


class Pictures:
    """The pictures at `paths` as torch's DataLoader takes them."""

    def __init__(self, paths, transform):
        self.paths, self.transform = paths, transform

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        from PIL import Image

        with Image.open(self.paths[index]) as picture:
            return self.transform(picture.convert("RGB"))


def onnxruntime_worker(stem, side, batch, decoders, threads):
    import numpy as np
    import onnxruntime
    import torch

    torch.set_num_threads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(stem + ".onnx", options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    transform = preprocessing(side)

    def run(paths):
        loader = torch.utils.data.DataLoader(
            Pictures(paths, transform), batch_size=batch, num_workers=decoders,
            prefetch_factor=4 if decoders else None)
        return np.concatenate([session.run(None, {name: x.numpy()})[0] for x in loader])

    return run


def openvino_worker(stem, side, batch, decoders, hint, threads):
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np
    import openvino
    from openvino import preprocess
    from PIL import Image

    core = openvino.Core()
    network = core.read_model(stem + ".onnx")
    network.reshape([batch, 3, side, side])
    steps = preprocess.PrePostProcessor(network)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32)
    steps.input().preprocess().mean([255 * m for m in MEAN]).scale([255 * s for s in STD])
    settings = {"PERFORMANCE_HINT": hint.upper(), "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    model = core.compile_model(steps.build(), "CPU", settings)
    queue = openvino.AsyncInferQueue(model)
    pool = ThreadPoolExecutor(decoders)
    shorter = side * 256 // 224

    def decode(path):
        with Image.open(path) as picture:
            picture = picture.convert("RGB")
        width, height = picture.size
        size = (shorter, int(shorter * height / width)) if width <= height else (int(shorter * width / height), shorter)
        picture = picture.resize(size, Image.Resampling.BILINEAR)
        left, top = int(round((size[0] - side) / 2)), int(round((size[1] - side) / 2))
        return np.asarray(picture.crop((left, top, left + side, top + side)))

    def run(paths):
        chunks = [paths[i : i + batch] for i in range(0, len(paths), batch)]
        rows = [None] * len(chunks)

        def keep(request, index):
            rows[index] = request.get_output_tensor(0).data[: len(chunks[index])].copy()

        queue.set_callback(keep)
        # Decoded a few runs ahead, while the network runs.
        waiting, position = [], 0
        for index in range(len(chunks)):
            while position < len(chunks) and len(waiting) < 2 * decoders + 2:
                waiting.append([pool.submit(decode, path) for path in chunks[position]])
                position += 1
            pixels = [future.result() for future in waiting.pop(0)]
            pixels += [pixels[-1]] * (batch - len(pixels))
            queue.start_async({0: np.stack(pixels)}, index)
        queue.wait_all()
        return np.concatenate(rows)

    return run


def fixresc_worker(stem, batch, threads):
    import fixresc

    model = fixresc.load(stem + ".bin", threads=threads)
    return lambda paths: model(paths, batch=batch).logits


def worker(runtime, stem, side, arrangement, cpus, listing, logits):
    """Says on a line when the first label is known; then a time for each `run` line."""
    batch, decoders, share = arrangement
    paths = json.load(open(listing))
    count = lambda fraction: int(round(fraction * cpus)) if fraction and isinstance(fraction, float) else fraction
    if runtime == "onnxruntime":
        run = onnxruntime_worker(stem, side, batch, count(decoders), max(1, count(share)))
    elif runtime == "openvino":
        run = openvino_worker(stem, side, batch, max(1, count(decoders)), share, cpus)
    else:
        run = fixresc_worker(stem, batch, cpus)
    run(paths[:1]).argmax()
    print("label", flush=True)
    import numpy as np

    np.save(logits, run(paths[: min(len(paths), 256)]))
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        run(paths)
        print(time.perf_counter() - start, flush=True)


# ---- The comparison


class MemoryWatch:
    """The peak of the proportional set size of a process and what it has started, in MB."""

    def __init__(self, pid):
        self.pid, self.peak, self.stopped = pid, 0.0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.stopped.wait(0.1):
            self.peak = max(self.peak, sum(map(self.size, self.tree(self.pid))))

    def tree(self, pid):
        try:
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                children = [int(child) for child in file.read().split()]
        except OSError:
            return []
        return [pid] + [each for child in children for each in self.tree(child)]

    def size(self, pid):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                return next(int(line.split()[1]) / 1e3 for line in file if line.startswith("Pss:"))
        except (OSError, StopIteration):
            return 0.0

    def stop(self):
        self.stopped.set()
        self.thread.join()
        return self.peak


def on_cpus(count, command):
    """`command` on the first `count` CPUs alone."""
    return ["taskset", "-c", ",".join(map(str, sorted(os.sched_getaffinity(0))[:count]))] + command


class Runtime:
    """A worker in a process of its own, warm, that may use `cpus` CPUs."""

    def __init__(self, runtime, stem, side, arrangement, cpus, listing, folder):
        self.logits = os.path.join(folder, f"{runtime.split(',')[0]}-{cpus}.npy")
        environment = dict(os.environ, OMP_NUM_THREADS=str(cpus))
        if "FIXRESC_LIBRARY" in environment:
            environment["PYTHONPATH"] = os.path.join(ROOT, "Python")
        start = time.perf_counter()
        self.process = subprocess.Popen(
            on_cpus(cpus, [sys.executable, os.path.abspath(__file__), "--worker",
                           json.dumps([runtime, stem, side, arrangement, cpus, listing, self.logits])]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        self.memory = MemoryWatch(self.process.pid)
        self.works = self.process.stdout.readline().strip() == "label"
        self.first = time.perf_counter() - start
        self.works = self.works and self.process.stdout.readline().strip() == "ready"

    def run(self):
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        return self.memory.stop()


def command(model, cpus, inputs, logits=None):
    """Seconds and peak MB of `fixresc run` over `inputs`, the whole process."""
    arguments = [FIXRESC, "run", model, *inputs, "--threads", str(cpus), "--quiet"]
    if logits:
        arguments += ["--save-logits", logits]
    start = time.perf_counter()
    process = subprocess.Popen(on_cpus(cpus, arguments), stdout=subprocess.DEVNULL)
    memory = MemoryWatch(process.pid)
    status = process.wait()
    seconds = time.perf_counter() - start
    if status:
        raise RuntimeError(f"fixresc run ended with {status}")
    return seconds, memory.stop()


def networks(folder):
    """`(name, stem, side)` of each network, with `.onnx` and `.bin` beside each other."""
    import networks as made

    stem, model = made.make("resnet50", 224, 1, folder, FIXRESC)
    resnet50 = os.path.join(folder, "resnet50")
    batched(made.create("resnet50"), 224, resnet50 + ".onnx")
    os.replace(model, resnet50 + ".bin")
    shipped = os.path.join(folder, "shipped")
    subprocess.run([FIXRESC, "export", SHIPPED, "--format", "onnx", "-o", shipped + ".onnx", "--quiet"], check=True)
    subprocess.run([FIXRESC, "adapt", SHIPPED, "--to", "112", "--no-proof", "--quiet", "-o", shipped + ".bin"],
                   check=True, stdout=subprocess.DEVNULL)
    return [("resnet50", resnet50, 224), ("shipped (resnet18w32)", shipped, 112)]


def batched(net, side, path):
    """The network as ONNX for any number of pictures."""
    import torch

    torch.onnx.export(net, torch.randn(1, 3, side, side), path, input_names=["input"], output_names=["logits"],
                      dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}}, dynamo=False)


def agree(logits, reference):
    """Within a thousandth of the largest logit: resizing rounds alike, runtimes sum in orders of their own."""
    import numpy as np

    a, b = np.load(logits), np.load(reference)
    count = min(len(a), len(b))
    return count > 0 and float(np.abs(a[:count] - b[:count]).max()) <= 1e-3 * float(np.abs(b[:count]).max())


def rows(name, stem, side, cpus, paths, rounds, folder):
    listing = os.path.join(folder, "listing.json")
    with open(listing, "w") as file:
        json.dump(paths, file)
    running = {}
    for runtime, arrangements in ARRANGEMENTS.items():
        best = None
        for arrangement in arrangements:
            candidate = Runtime(runtime, stem, side, arrangement, cpus, listing, folder)
            rate = len(paths) / candidate.run() if candidate.works else 0
            print(f"  {name}, {cpus} CPU, {runtime} {arrangement}: {rate:.1f}", file=sys.stderr, flush=True)
            if rate and (best is None or rate > best[0]):
                best = (rate, arrangement)
            candidate.close()
        if best:
            running[runtime] = (Runtime(runtime, stem, side, best[1], cpus, listing, folder), best[1])
    rates = {runtime: [] for runtime in list(running) + ["fixresc, command"]}
    ours = os.path.join(folder, "command.npy")
    first, _ = min(command(stem + ".bin", cpus, paths[:1]) for _ in range(3))
    peak = 0
    for _ in range(rounds):
        for runtime, (process, _) in running.items():
            rates[runtime].append(len(paths) / process.run())
        seconds, resident = command(stem + ".bin", cpus, paths, ours)
        rates["fixresc, command"].append(len(paths) / seconds)
        peak = max(peak, resident)
    reference = running["onnxruntime"][0].logits if "onnxruntime" in running else None
    figures = {"fixresc, command": (first, peak, ours, "")}
    for runtime, (process, arrangement) in running.items():
        figures[runtime] = (process.first, process.close(), process.logits, str(arrangement))
    fastest = max(statistics.median(r) for n, r in rates.items() if not n.startswith("fixresc"))
    lines = []
    for runtime, (seconds, memory, logits, arrangement) in figures.items():
        rate = statistics.median(rates[runtime])
        mark = "" if reference is None or agree(logits, reference) else " (logits differ)"
        title = f"{runtime} {arrangement}".strip() + mark
        lines.append(f"| {name} | {cpus} | {title} | {rate:.1f} | "
                     f"{rate / fastest:.2f} | {memory:.0f} | {seconds * 1e3:.0f} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="pictures")
    parser.add_argument("--setup", action="store_true", help="make the virtual environment first, and run in it")
    parser.add_argument("--count", type=int, default=500,
                        help="pictures of ResNet-50 a round; four times as many of the shipped network")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpus", default="1,2")
    parser.add_argument("--only", default="", help="networks whose name contains this")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(*json.loads(arguments.worker))
        return
    if arguments.setup:
        import compare

        compare.set_up(__file__)
    paths = sorted(path for kind in ("jpg", "jpeg", "JPG", "JPEG")
                   for path in glob.glob(os.path.join(arguments.folder, "**", "*." + kind), recursive=True))
    if not paths:
        sys.exit(f"no JPEG files in {arguments.folder}")
    head = ("| network | CPUs | runtime (pictures a run, decoders, threads) | pictures/s | x the fastest peer "
            "| peak MB | first label, ms |")
    print(head + "\n" + "|---" * 7 + "|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, stem, side in networks(folder):
            if arguments.only not in name:
                continue
            count = arguments.count * (1 if side == 224 else 4)
            count = min(count, len(paths))
            chosen = [paths[i * len(paths) // count] for i in range(count)]
            for cpus in map(int, arguments.cpus.split(",")):
                for line in rows(name, stem, side, cpus, chosen, arguments.rounds, folder):
                    print(line, flush=True)


if __name__ == "__main__":
    main()
