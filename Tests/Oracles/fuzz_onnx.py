"""A seeded hostile writer of ONNX files against the built fixresc, under limits of memory and time.

usage: python fuzz_onnx.py FIXRESC [--cases N] [--seed S] [--big FILE.onnx] [--keep FOLDER]

Takes the fixtures (and FILE) and breaks them: single bytes, truncations, huge varints, and by structure: attributes, shapes,
names, order, operators, external data. Whatever comes of it, `import` must end by itself with status 0 or 1 and one line on
stderr, within a second (and one a GB), and with a resident size below the file's + 64 MB where it refuses; what it takes
and ONNX Runtime takes too must give the same logits. What breaks that is kept in FOLDER. Versions: requirements-onnx.txt.
"""
import json
import os
import signal
import sys


def launch():
    """A small process that starts the others: a child's peak memory counts that of the process it was forked from."""
    (given, ask), (answers, answer) = os.pipe(), os.pipe()
    if os.fork():
        os.close(given), os.close(answer)
        return os.fdopen(ask, "w"), os.fdopen(answers)
    os.close(ask), os.close(answers)
    for line in os.fdopen(given):
        words = json.loads(line)
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
            os.dup2(os.open(words[0], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
            os.execv(words[1], words[1:])
        _, code, usage = os.wait4(child, 0)
        reply = [os.waitstatus_to_exitcode(code), usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024]
        os.write(answer, (json.dumps(reply) + "\n").encode())
    os._exit(0)


ask, answers = launch()

import argparse
import copy
import glob
import random
import subprocess
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper

parser = argparse.ArgumentParser()
parser.add_argument("fixresc")
parser.add_argument("--cases", type=int, default=2000)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--big", action="append", default=[])
parser.add_argument("--keep", default="hostile")
options = parser.parse_args()
fixtures = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Fixtures", "onnx")
NUMBERS = [0, -1, -2, 1, 2, 3, 7, 64, 255, 4096, 32768, 65536, 1 << 20, (1 << 20) + 1, 1 << 31, -(1 << 31), 1 << 32, 1 << 40,
           1 << 62, (1 << 63) - 1, -(1 << 63)]
OPS = ["Conv", "BatchNormalization", "Relu", "Clip", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean",
       "ReduceMax", "Gemm", "MatMul", "Sigmoid", "Add", "Sum", "Sub", "Mul", "Div", "Softmax", "Identity", "Dropout", "CastLike",
       "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Pad", "Slice", "Expand", "Shape", "Gather", "Concat",
       "Constant", "ConstantOfShape", "Sqrt", "Reciprocal", "Neg", "ReduceProd", "Loop", "If", "QuantizeLinear"]
ATTRIBUTES = ["strides", "pads", "kernel_shape", "dilations", "group", "axis", "axes", "perm", "epsilon", "keepdims", "auto_pad",
              "ceil_mode", "shape", "transB", "alpha", "value", "to", "mode", "starts", "ends", "min", "max", "value_ints", "start"]
LOCATIONS = ["", ".", "..", "../x", "/etc/passwd", "/dev/zero", "a/../../b", "x\0y", "link", "fifo", "weights.bin", "weights.bin/", "./weights.bin",
             "//weights.bin", "a" * 5000, "\n"]


def sources():
    for path in sorted(glob.glob(os.path.join(fixtures, "*.onnx"))) + options.big:
        with open(path, "rb") as file: data = file.read()
        yield path, data, onnx.load(path, load_external_data=False)


def number(r): return r.choice(NUMBERS) if r.random() < 0.7 else r.randint(-10, 200)


def numbers(r): return [number(r) for _ in range(r.choice([0, 1, 2, 2, 4, 4, 5, 8, 9, 100]))]


def attribute(r, node):
    known = [a for a in node.attribute]
    if known and r.random() < 0.7:
        chosen = r.choice(known)
        if chosen.type == onnx.AttributeProto.INT: chosen.i = number(r)
        elif chosen.type == onnx.AttributeProto.INTS:
            if chosen.ints and r.random() < 0.7: chosen.ints[r.randrange(len(chosen.ints))] = number(r)
            else: chosen.ints[:] = numbers(r)
        elif chosen.type == onnx.AttributeProto.FLOAT: chosen.f = r.choice([0.0, -1.0, 1e38, float("inf"), float("nan"), 1e-45])
        else: node.attribute.remove(chosen)
        return
    name = r.choice(ATTRIBUTES)
    value = r.choice([number(r), numbers(r) or [0], r.choice(["SAME_UPPER", "SAME_LOWER", "VALID", "reflect", ""]), 0.5])
    node.attribute.append(helper.make_attribute(name, value))


def structure(r, model):
    graph = model.graph
    node = r.choice(graph.node)
    names = [n for x in graph.node for n in list(x.input) + list(x.output)] + [t.name for t in graph.initializer]
    kind = r.randrange(16)
    if kind <= 3: attribute(r, node)
    elif kind == 4 and node.input: node.input[r.randrange(len(node.input))] = r.choice(names + ["", "nowhere"])
    elif kind == 5 and node.output: node.output[0] = r.choice(names + [""])
    elif kind == 6: node.op_type = r.choice(OPS)
    elif kind == 7: node.input.append(r.choice(names))
    elif kind == 8: graph.node.insert(r.randrange(len(graph.node)), copy.deepcopy(node))
    elif kind == 9:
        moved = copy.deepcopy(node)
        graph.node.remove(node)
        graph.node.insert(r.randrange(len(graph.node) + 1), moved)
    elif kind == 10 and graph.initializer:
        tensor = r.choice(graph.initializer)
        if tensor.dims and r.random() < 0.7: tensor.dims[r.randrange(len(tensor.dims))] = number(r)
        else: tensor.dims[:] = numbers(r)
    elif kind == 11 and graph.initializer: r.choice(graph.initializer).data_type = r.randrange(-1, 26)
    elif kind == 12 and graph.initializer:
        tensor = r.choice(graph.initializer)
        if r.random() < 0.5: tensor.data_location = onnx.TensorProto.EXTERNAL
        if r.random() < 0.5: tensor.ClearField("raw_data")
        for key in ("location", "offset", "length", "checksum", "offset"):
            if r.random() < 0.7:
                entry = tensor.external_data.add()
                entry.key = key
                entry.value = r.choice(LOCATIONS) if key == "location" else str(r.choice(NUMBERS + [16, 100])) if r.random() < 0.9 else "x"
    elif kind == 13 and graph.initializer: graph.initializer.append(copy.deepcopy(r.choice(graph.initializer)))
    elif kind == 14:
        shape = graph.input[0].type.tensor_type.shape
        if shape.dim: shape.dim[r.randrange(len(shape.dim))].dim_value = number(r)
        if r.random() < 0.2: del shape.dim[r.randrange(len(shape.dim))]
    elif kind == 15 and graph.initializer:
        # Whole numbers that shapes, axes and pads are made of.
        whole = [t for t in graph.initializer if t.data_type == onnx.TensorProto.INT64]
        if whole:
            tensor = r.choice(whole)
            tensor.CopyFrom(helper.make_tensor(tensor.name, onnx.TensorProto.INT64, [3], [number(r) for _ in range(3)]))


def softmax(y):
    e = np.exp(y - y.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def departs(target, out):
    """How far a file that was taken departs from what ONNX Runtime makes of it; None where that refuses it."""
    settings = ort.SessionOptions()
    settings.log_severity_level = 4
    settings.intra_op_num_threads = 1
    try:
        session = ort.InferenceSession(target, settings, providers=["CPUExecutionProvider"])
        given = session.get_inputs()[0]
        made = subprocess.run([options.fixresc, "inspect", out, "--json"], capture_output=True, text=True)
        channels, height, width = [int(n) for n in json.loads(made.stdout)["input"][6:-1].split(",")]
        x = np.random.default_rng(1).standard_normal((1, channels, height, width)).astype(np.float32)
        like = x.transpose(0, 2, 3, 1) if given.shape[-1] == channels and given.shape[1] != channels else x
        kind = {"tensor(float16)": np.float16, "tensor(double)": np.float64}.get(given.type, np.float32)
        theirs = session.run(None, {given.name: np.ascontiguousarray(like).astype(kind)})[0].astype(np.float32)
    except Exception:
        return None
    np.save(os.path.join(folder, "x.npy"), x)
    subprocess.run([options.fixresc, "run", out, os.path.join(folder, "x.npy"), "-q", "--save-logits", os.path.join(folder, "y.npy")],
                   capture_output=True, check=True)
    ours = np.load(os.path.join(folder, "y.npy"))
    if theirs.size != ours.size or not np.isfinite(theirs).all(): return None if theirs.size == ours.size else float("inf")
    theirs, scale = theirs.reshape(ours.shape), max(1.0, float(np.abs(ours).max()))
    return min(float(np.abs(ours - theirs).max()) / scale, float(np.abs(softmax(ours) - theirs).max()),
               float(np.abs(np.log(softmax(ours) + 1e-30) - theirs).max()))


def raw(r, data):
    data = bytearray(data)
    for _ in range(r.randint(1, 8)):
        # Weights are most of a file; its ends and whatever stands around the names is the structure.
        at = r.randrange(len(data)) if r.random() < 0.4 else min(len(data) - 1, int(r.expovariate(1 / 300)))
        if r.random() < 0.3: at = len(data) - 1 - at
        kind = r.randrange(6)
        if kind == 0: data[at] ^= 1 << r.randrange(8)
        elif kind == 1: data[at] = r.randrange(256)
        elif kind == 2: data[at:at] = bytes([0xFF] * r.choice([1, 5, 9, 10])) + b"\x01"
        elif kind == 3: del data[at:at + r.choice([1, 2, 8, 100])]
        elif kind == 4: data[at:at] = data[at:at + r.choice([1, 10, 1000])]
        else: del data[at:]
        if not data: data = bytearray(b"\x08")
    return bytes(data)


folder = tempfile.mkdtemp(prefix="fuzz-onnx-")
with open(os.path.join(folder, "weights.bin"), "wb") as file: file.write(bytes(4096))
os.symlink("/etc/passwd", os.path.join(folder, "link"))
os.mkfifo(os.path.join(folder, "fifo"))
target, out = os.path.join(folder, "case.onnx"), os.path.join(folder, "out.bin")
bases, bad, verdicts, slowest, largest, compared = list(sources()), [], {0: 0, 1: 0}, 0, 0, 0
for case in range(options.seed, options.seed + options.cases):
    r = random.Random(case)
    path, data, model = r.choice(bases)
    if r.random() < 0.35: made = raw(r, data)
    else:
        changed = copy.deepcopy(model)
        for _ in range(r.choice([1, 1, 1, 2, 3])):
            try: structure(r, changed)
            except (ValueError, TypeError, OverflowError): pass
        try: made = changed.SerializeToString()
        except Exception: continue
        if r.random() < 0.1: made = raw(r, made)
    with open(target, "wb") as file: file.write(made)
    words = ["import", target, "-o", out, "-q"] if r.random() < 0.6 else ["adapt", target, "--to", str(r.choice([1, 31, 33, 64])), "-o", out, "-q"]
    print(json.dumps([os.path.join(folder, "stderr"), os.path.abspath(options.fixresc), *words]), file=ask, flush=True)
    status, seconds, peak = json.loads(answers.readline())
    with open(os.path.join(folder, "stderr"), errors="replace") as file: text = file.read()
    problems = []
    if status == 1:
        largest = max(largest, peak - len(made))
        if peak > len(made) + (64 << 20): problems.append(f"{peak >> 20} MB resident")
    if status not in (0, 1): problems.append(f"status {status}")
    if status == 1 and (len(text.strip().splitlines()) < 1 or "fixresc: error:" not in text): problems.append("no sentence")
    # Seconds of the process itself: the machine may be busy.
    if seconds > 1 + len(made) / 1e9: problems.append(f"{seconds:.1f} s")
    slowest = max(slowest, seconds)
    verdicts[status] = verdicts.get(status, 0) + 1
    if status == 0 and words[0] == "import":
        error = departs(target, out)
        compared += error is not None
        # Half-precision files compute in another precision there.
        if error is not None and not error < (3e-2 if "half" in path else 1e-3): problems.append(f"departs by {error}")
    if problems:
        bad.append(case)
        os.makedirs(options.keep, exist_ok=True)
        with open(os.path.join(options.keep, f"case-{case}.onnx"), "wb") as file: file.write(made)
        print(case, os.path.basename(path), words[0], words[2:4], problems, text.strip()[-300:], flush=True)
for name in os.listdir(folder): os.remove(os.path.join(folder, name))
print(f"{options.cases} cases from seed {options.seed}: {verdicts}, {compared} compared with ONNX Runtime, slowest {slowest:.2f} s, most memory beyond a refused file {largest / 2**20:.0f} MB, bad: {bad or 'none'}")
sys.exit(bool(bad))
