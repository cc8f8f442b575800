"""Full-size ONNX models of real exporters, with random weights, against the built fixresc and ONNX Runtime.

usage: python check_onnx.py FIXRESC [--only WORD] [--keep FOLDER] [--keras VENV] [--shared FOLDER]

Each form of onnx_forms.py is run at its own size as imported and exported back; logits must lie within 1e-4 of ONNX
Runtime's on the original. It is adapted to other sizes, odd ones among them, folded and fused, and held within 1e-4 of the
same network exported natively at that size. An import, an export and a second import must give one graph. --keras makes
the files of make_keras.py in a virtual environment at VENV (made and filled with requirements-keras.txt where it is not
there), --shared takes the trained network and photos of that folder for what is fine-tuned. Then: networks saved as
safetensors are loaded with strict=True, refusals are looked at, and a 98 MB file's import is timed beside safetensors.
Versions: requirements-onnx.txt.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile
import time
import venv

import numpy as np
import onnx
import onnxruntime as ort
import timm
import torch
from safetensors.torch import load_file, save_file

import onnx_forms
from onnx_forms import FORMS, PRESERVE, plain, seeded, tv

parser = argparse.ArgumentParser()
parser.add_argument("fixresc")
parser.add_argument("--only", default="")
parser.add_argument("--keep")
parser.add_argument("--keras")
parser.add_argument("--shared")
options = parser.parse_args()
folder = options.keep or tempfile.mkdtemp(prefix="check-onnx-")
os.makedirs(folder, exist_ok=True)
failures, worst = [], {}
LIMIT = 1e-4


def place(name): return os.path.join(folder, name)


def fixresc(*words):
    call = subprocess.run([options.fixresc, *words, "-q"], capture_output=True, text=True)
    if call.returncode != 0: raise RuntimeError(call.stderr.strip())
    return call.stdout


def refused(what, words, *fragments):
    call = subprocess.run([options.fixresc, *words, "-q"], capture_output=True, text=True)
    good = call.returncode == 1 and all(fragment in call.stderr for fragment in fragments)
    print(f"  {what}: {call.stderr.strip() or 'NOT REFUSED'}")
    if not good: failures.append(what)


def runtime(path, x):
    """Logits of ONNX Runtime: those of the last output, before a Softmax."""
    model = onnx.load(path)
    if model.graph.node[-1].op_type == "Softmax":
        last = model.graph.node[-1]
        model.graph.output[0].name = last.input[0]
        model.graph.node.remove(last)
        path = place("logits.onnx")
        onnx.save(model, path)
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = 2
    settings.log_severity_level = 3
    session = ort.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    if given.shape[-1] == 3: x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    if given.type == "tensor(float16)": x = x.astype(np.float16)
    rows = [session.run(None, {given.name: x[i:i + 1]})[-1].reshape(1, -1) for i in range(len(x))]
    return np.concatenate(rows).astype(np.float32)


def ours(path, x):
    np.save(place("x.npy"), x)
    fixresc("run", path, place("x.npy"), "--save-logits", place("y.npy"), "--save-features", place("z.npy"))
    assert np.load(place("z.npy")).shape[0] == len(x)
    return np.load(place("y.npy"))


def check(group, what, found, wanted):
    error = float(np.abs(found - wanted).max()) if found.shape == wanted.shape else float("inf")
    good = error <= LIMIT
    size = float(np.abs(wanted).max())
    print(f"  {what:46} {error:9.2e}   of {size:.1f}{'' if good else '   TOO MUCH'}", flush=True)
    if not good: failures.append(f"{group}: {what}")
    worst[what.split(",")[0]] = max(worst.get(what.split(",")[0], 0), error)


def pictures(side):
    """Two, so that a row each comes back."""
    return np.random.default_rng(side).standard_normal((2, 3, side, side)).astype(np.float32)


def text(binary):
    return subprocess.run([options.fixresc, "inspect", binary, "--ir"], capture_output=True, text=True).stdout


def through(name, path, reference, natives):
    """Everything that one file must do."""
    x = pictures(224)
    wanted = runtime(reference or path, x)
    check(name, "imported, at 224", ours(path, x), wanted)
    binary, back, again = place("a.bin"), place("back.onnx"), place("b.bin")
    fixresc("import", path, "-o", binary)
    fixresc("export", binary, "--format", "onnx", "-o", back)
    onnx.checker.check_model(onnx.load(back), full_check=True)
    check(name, "imported and exported, ONNX Runtime", runtime(back, x), wanted)
    fixresc("import", back, "-o", again)
    if len(text(binary)) < 1000 or text(binary) != text(again): failures.append(name + ": round trip")
    for side, native in natives():
        x = pictures(side)
        fixresc("adapt", path, "--to", str(side), "-o", binary)
        wanted = runtime(native, x)
        check(name, f"adapted to {side}, native export", ours(binary, x), wanted)
        fixresc("export", binary, "--format", "onnx", "-o", back)
        onnx.checker.check_model(onnx.load(back), full_check=True)
        check(name, f"adapted to {side} and exported, ONNX Runtime", runtime(back, x), wanted)
        remove(native)


def remove(path):
    if options.keep: return
    for file in (path, path + ".data"):
        if os.path.exists(file): os.remove(file)


def attempt(name, action):
    if options.only not in name: return
    print(name, flush=True)
    try: action()
    except Exception as error:
        print("  FAILED", type(error).__name__, str(error)[:600], flush=True)
        failures.append(name)


# MARK: Forms of torch, timm, Hugging Face and the tools that rewrite them

for number, (name, (form, right)) in enumerate(FORMS.items()):
    sides = (225, 384) if number % 2 == 0 else (193, 384)
    if "opset" in name: sides = (193, 256)

    def run():
        path = form(folder, name, 224)
        reference = right(folder, name, 224) if right else None
        through(name, path, reference, lambda: ((side, (right or form)(folder, name + "-native", side)) for side in sides))
        for file in (path, reference): file and remove(file)

    attempt(name, run)

# MARK: Keras

if options.keras and options.only in "keras" + options.only:
    here = os.path.dirname(os.path.abspath(__file__))
    python = os.path.join(options.keras, "bin", "python")
    if not os.path.exists(python):
        venv.create(options.keras, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", os.path.join(here, "requirements-keras.txt")], check=True)
    target = place("keras")
    os.makedirs(target, exist_ok=True)
    word = options.only if options.only.startswith("keras") else ""
    if not glob.glob(os.path.join(target, "*.onnx")):
        subprocess.run([python, os.path.join(here, "make_keras.py"), target, word], check=True, stderr=subprocess.DEVNULL)
    for path in sorted(p for p in glob.glob(os.path.join(target, "*.onnx")) if "@" not in p):
        name = os.path.basename(path)[:-5]
        natives = sorted(glob.glob(glob.escape(path[:-5]) + "@*.onnx"))
        if "v2" in name:
            # Zeros around values below zero, ahead of a maximum, are no padding of this compiler.
            attempt(name, lambda: refused(name, ("import", path, "-o", place("never.bin")), "pool1_pool", "zeros around"))
            continue
        attempt(name, lambda: through(name, path, None, lambda: ((int(p[:-5].split("@")[1]), p) for p in natives)))

# MARK: Back to PyTorch


def strict(name, build, source_kind):
    """Imported, retargeted and exported as safetensors: loads into its own class, and gives the same logits."""
    model = seeded(build(), 3)
    source, target, binary = place("m." + source_kind), place("m.safetensors"), place("r.bin")
    if source_kind == "pth": torch.save(model.state_dict(), source)
    elif source_kind == "onnx": torch.onnx.export(model, (torch.zeros(1, 3, 224, 224),), source, dynamo=False, **PRESERVE)
    for words in (("import", source), ("adapt", source, "--to", "160", "--passes", "retarget-resolution")):
        fixresc(*words, "-o", binary)
        fixresc("export", binary, "--format", "safetensors", "-o", target)
        fresh = build().eval()
        # Counters of batches, which nothing in a trained network reads, are the only names that torch fills in itself.
        fresh.load_state_dict(load_file(target), strict=True)
        side = 224 if words[0] == "import" else 160
        x = torch.from_numpy(pictures(side))
        with torch.no_grad():
            check(name, f"strict=True from {source_kind} ({words[0]})", fresh(x).numpy(), model(x).numpy())
        check(name, f"engine beside torch ({words[0]})", ours(binary, x.numpy()), model(x).detach().numpy())
    fixresc("adapt", source, "--to", "160", "-o", binary)
    refused("safetensors of a folded model", ("export", binary, "--format", "safetensors", "-o", target), "fold")


for name in ("resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2"):
    for kind in ("pth", "onnx"): attempt(f"safetensors-{name}-{kind}", lambda: strict(name, getattr(tv, name), kind))
for name in ("resnet50d", "seresnet50", "resnet26t", "seresnext50_32x4d", "resnet101d"):
    for kind in ("pth", "onnx"):
        attempt(f"safetensors-timm-{name}-{kind}", lambda: strict(name, lambda: timm.create_model(name), kind))

# MARK: Fine-tuned models


def tuned():
    from torchvision.models.resnet import BasicBlock, ResNet

    def network():
        """The shared folder's resnet18 of half the width."""
        model = ResNet(BasicBlock, [2, 2, 2, 2], num_classes=10)
        model.inplanes, model.conv1, model.bn1 = 32, torch.nn.Conv2d(3, 32, 7, 2, 3, bias=False), torch.nn.BatchNorm2d(32)
        for index, width in enumerate((32, 64, 128, 256)):
            setattr(model, f"layer{index + 1}", model._make_layer(BasicBlock, width, 2, stride=1 if index == 0 else 2))
        model.fc = torch.nn.Linear(256, 10)
        return model.eval()

    source = os.path.join(options.shared, "models", "resnet18w32-imagenette-r112.pth")
    photos = os.path.join(options.shared, "data", "imagenette160")
    tuned, fused, target = place("tuned.bin"), place("fused.bin"), place("tuned.safetensors")
    fixresc("finetune", source, os.path.join(photos, "train"), "--to", "160", "--mode", "bnstat+affine+fc", "--epochs", "2",
            "-o", tuned)
    fixresc("adapt", tuned, "-o", fused)
    some = sorted(glob.glob(os.path.join(photos, "val", "*", "*")))[::40]
    fixresc("run", tuned, *some, "--save-input", place("x.npy"), "--save-logits", place("y.npy"))
    x, y = np.load(place("x.npy")), np.load(place("y.npy"))
    print(f"  {len(x)} photos, logits to {np.abs(y).max():.1f}")
    for binary, what in ((tuned, "fine-tuned"), (fused, "fine-tuned and fused")):
        fixresc("export", binary, "--format", "onnx", "-o", place("tuned.onnx"))
        onnx.checker.check_model(onnx.load(place("tuned.onnx")), full_check=True)
        check("finetune", what + ", ONNX Runtime on photos", runtime(place("tuned.onnx"), x), ours(binary, x))
    fixresc("export", tuned, "--format", "safetensors", "-o", target)
    model = network()
    model.load_state_dict(load_file(target), strict=True)
    with torch.no_grad(): check("finetune", "strict=True, torch on photos", model(torch.from_numpy(x)).numpy(), y)
    refused("safetensors of the fused model", ("export", fused, "--format", "safetensors", "-o", target), "fold")


if options.shared: attempt("finetune", tuned)

# MARK: Refusals


def refusals():
    from onnx import helper, numpy_helper
    base = plain(tv.resnet18)(folder, "base", 224)
    out = place("never.bin")

    def altered(name, change):
        model = onnx.load(base)
        change(model.graph)
        onnx.save(model, place(name + ".onnx"))
        return ("import", place(name + ".onnx"), "-o", out)

    def retype(op, index=5, **attributes):
        def change(graph):
            node = graph.node[index]
            made = helper.make_node(op, [node.input[0]], list(node.output), name=node.name, **attributes)
            node.CopyFrom(made)
        return change

    name = onnx.load(base).graph.node[5].name
    for op in ("HardSigmoid", "Selu", "MyOp"): refused(op, altered(op, retype(op)), op, name)
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

    class Reader(CalibrationDataReader):
        left = [{onnx.load(base).graph.input[0].name: pictures(224)[:1]}]
        def get_next(self): return self.left.pop() if self.left else None

    quantize_static(base, place("qdq.onnx"), Reader(), quant_format=QuantFormat.QDQ)
    refused("QDQ", ("import", place("qdq.onnx"), "-o", out), "uantize", "float model")
    quantize_dynamic(base, place("dynamic.onnx"), weight_type=QuantType.QUInt8)
    refused("dynamic int8", ("import", place("dynamic.onnx"), "-o", out), "float model")
    model = tv.resnet18()
    model.avgpool, model.fc = torch.nn.Identity(), torch.nn.Linear(512 * 49, 10)
    tied = plain(lambda: model)(folder, "tied", 224)
    fixresc("import", tied, "-o", place("tied.bin"))
    refused("a flatten tied to its map", ("adapt", tied, "--to", "384", "-o", out), "25088")
    if os.path.exists(out): failures.append("a refused import wrote a file")
    extended = onnx_forms.through(plain(tv.resnet18), onnx_forms.optimised(ort.GraphOptimizationLevel.ORT_ENABLE_ALL))
    refused("ONNX Runtime's own fused operators", ("import", extended(folder, "extended", 224), "-o", out), "com.microsoft", "basic")


attempt("refusals", refusals)

# MARK: Time


def timed():
    model = seeded(tv.resnet50(), 5)
    plain_file, path, times = place("t.safetensors"), place("t.onnx"), {}
    save_file(model.state_dict(), plain_file)
    torch.onnx.export(model, (torch.zeros(1, 3, 224, 224),), path, dynamo=False, **PRESERVE)
    for _ in range(9):
        for kind, file in (("onnx", path), ("safetensors", plain_file)):
            start = time.perf_counter()
            fixresc("import", file, "-o", place("t.bin"))
            times.setdefault(kind, []).append(time.perf_counter() - start)
    a, b = (sorted(times[kind])[4] for kind in ("onnx", "safetensors"))
    print(f"  import of {os.path.getsize(path) / 1e6:.0f} MB, median of 9 in alternation: onnx {a:.3f} s, "
          f"safetensors {b:.3f} s, ratio {a / b:.2f} (limit 2)")
    if a > 2 * b: failures.append("import time")


attempt("time", timed)
print("\nworst of each kind:")
for what, error in sorted(worst.items()): print(f"  {what:46} {error:9.2e}")
print("failures:", failures or "none")
sys.exit(bool(failures))
