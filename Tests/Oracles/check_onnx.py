"""Full-size ONNX models of real exporters, with random weights, against the built fixresc and ONNX Runtime.

usage: python check_onnx.py FIXRESC [--only WORD] [--keep FOLDER]

Each model is run at its own size as imported, folded and fused (fixresc adapt), and exported back; logits must lie within
1e-4 of ONNX Runtime's on the original. It is adapted to two other sizes and held against torch at that size where the
network came from torch, and the exported file of each against ONNX Runtime. Networks saved by torchvision's names are exported
as safetensors and loaded with strict=True. Last, the time of importing a 98 MB file, beside the same weights as safetensors.
torch 2.13.0, torchvision 0.28.0, onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.32.0.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import onnx
import onnxruntime as ort
import torch
import torchvision
from onnx import numpy_helper
from safetensors.torch import load_file, save_file

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
tv = torchvision.models
parser = argparse.ArgumentParser()
parser.add_argument("fixresc")
parser.add_argument("--only", default="")
parser.add_argument("--keep")
options = parser.parse_args()
folder = options.keep or tempfile.mkdtemp(prefix="check-onnx-")
failures = []


def seeded(model, seed):
    """Random weights, and batch norms whose statistics matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if not tensor.is_floating_point(): continue
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"): tensor.copy_(0.5 + noise.abs())
            elif tensor.dim() == 1: tensor.copy_(noise * 0.1 + (0.7 if name.endswith("weight") else 0.0))
            else: tensor.copy_(noise * (2.0 / tensor[0].numel()) ** 0.5)
    return model.eval()


def fixresc(*words):
    call = subprocess.run([options.fixresc, *words, "-q"], capture_output=True, text=True)
    if call.returncode != 0: raise RuntimeError(call.stderr.strip())


def runtime(path, x, softmax=False):
    model = onnx.load(path)
    if softmax:
        last = model.graph.node[-1]
        model.graph.node.remove(last)
        model.graph.output[0].name = last.input[0]
        path = os.path.join(folder, "logits.onnx")
        onnx.save(model, path)
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = 2
    settings.log_severity_level = 3
    session = ort.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    return session.run(None, {given.name: x})[0].reshape(len(x), -1)


def ours(path, x):
    np.save(os.path.join(folder, "x.npy"), x)
    fixresc("run", path, os.path.join(folder, "x.npy"), "--save-logits", os.path.join(folder, "y.npy"))
    return np.load(os.path.join(folder, "y.npy"))


def check(what, found, wanted):
    if found.shape != wanted.shape:
        error = float("inf")
    else:
        error = float(np.abs(found - wanted).max()) / max(1.0, float(np.abs(wanted).max()))
    good = error <= 1e-4
    print(f"  {what:46} {error:9.2e}{'' if good else '   TOO MUCH'}", flush=True)
    if not good: failures.append(what)


def picture(side): return np.random.default_rng(side).standard_normal((1, 3, side, side)).astype(np.float32)


def old(name, model, **more):
    path = os.path.join(folder, name + ".onnx")
    torch.onnx.export(model, (torch.zeros(1, 3, 224, 224),), path, dynamo=False, **more)
    return path


def new(name, model, **more):
    path = os.path.join(folder, name + ".onnx")
    torch.onnx.export(model, (torch.zeros(1, 3, 224, 224),), path, dynamo=True, verbose=False, **more)
    return path


def light(name, model):
    """The zoo's ResNet-50 as the onnx package ships it, its ConstantOfShape weights replaced by random ones."""
    import onnx.backend.test
    source = os.path.join(os.path.dirname(onnx.backend.test.__file__), "data", "light", "light_resnet50.onnx")
    model = onnx.load(source)
    generator = np.random.default_rng(50)
    shapes = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        shape, weight = shapes[node.input[0]], node.output[0]
        noise = generator.standard_normal(shape)
        if "_riv_" in weight: value = 0.5 + np.abs(noise)
        elif len(shape) > 1: value = noise * (2.0 / np.prod(shape[1:])) ** 0.5
        else: value = noise * 0.1 + (0.7 if "_s_" in weight else 0.0)
        model.graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), weight))
    del model.graph.node[:]
    model.graph.node.extend(kept)
    path = os.path.join(folder, name + ".onnx")
    onnx.save(model, path)
    return path


def fixed(model):
    model.avgpool = torch.nn.AvgPool2d(7)
    return model


def half(name, model):
    path = old(name, model)
    loaded = onnx.load(path)
    for tensor in loaded.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    # Widened again by Cast nodes, as converters that keep float32 arithmetic do.
    casts = []
    for tensor in loaded.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT16: continue
        casts.append(onnx.helper.make_node("Cast", [tensor.name + "_half"], [tensor.name], to=1))
        tensor.name += "_half"
    nodes = casts + list(loaded.graph.node)
    del loaded.graph.node[:]
    loaded.graph.node.extend(nodes)
    onnx.save(loaded, path)
    return path


keep = dict(training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
# name: exporter, network, whether torch can run the same network at other sizes
cases = {
    "old-resnet18": (old, tv.resnet18, {}, True),
    "old-norms-resnet18": (old, tv.resnet18, keep, True),
    "new-resnet18": (new, tv.resnet18, {}, True),
    "new-norms-resnet50": (new, tv.resnet50, dict(optimize=False), True),
    "old-resnext50": (old, tv.resnext50_32x4d, keep, True),
    "old-fixed-resnet18": (old, lambda: fixed(tv.resnet18()), {}, False),
    "new-fixed-resnet50": (new, lambda: fixed(tv.resnet50()), {}, False),
    "half-resnet18": (half, tv.resnet18, {}, False),
    "light-resnet50": (light, lambda: None, {}, False),
}

for name, (export, build, more, anySize) in cases.items():
    if options.only not in name: continue
    print(name, flush=True)
    try:
        model = build()
        if model is not None: model = seeded(model, 7)
        path = export(name, model, **more)
        x = picture(224)
        wanted = runtime(path, x, softmax=export is light)
        check("as imported, at 224", ours(path, x), wanted)
        binary, back = os.path.join(folder, "a.bin"), os.path.join(folder, "back.onnx")
        fixresc("import", path, "-o", binary)
        fixresc("export", binary, "--format", "onnx", "-o", back)
        onnx.checker.check_model(onnx.load(back), full_check=True)
        check("imported and exported, ONNX Runtime", runtime(back, x), wanted)
        again = os.path.join(folder, "b.bin")
        fixresc("import", back, "-o", again)
        graphs = [subprocess.run([options.fixresc, "inspect", p, "--json"], capture_output=True, text=True).stdout for p in (binary, again)]
        import json
        if json.loads(graphs[0])["layers"] != json.loads(graphs[1])["layers"]: failures.append(name + ": round trip")
        for side in (160, 256):
            x = picture(side)
            fixresc("adapt", path, "--to", str(side), "-o", binary)
            found = ours(binary, x)
            if anySize:
                with torch.no_grad(): wanted = model(torch.from_numpy(x)).numpy()
                check(f"adapted to {side}, torch", found, wanted)
            fixresc("export", binary, "--format", "onnx", "-o", back)
            onnx.checker.check_model(onnx.load(back), full_check=True)
            check(f"adapted to {side} and exported, ONNX Runtime", runtime(back, np.concatenate([x, x[:, :, ::-1]])),
                  np.concatenate([found, ours(binary, np.ascontiguousarray(x[:, :, ::-1]))]))
    except Exception as error:
        print("  FAILED", str(error)[:600], flush=True)
        failures.append(name)

if "safetensors" in "safetensors" + options.only:
    print("safetensors")
    for name, build in (("resnet18", tv.resnet18), ("resnext50_32x4d", tv.resnext50_32x4d)):
        model = seeded(build(), 3)
        source, target = os.path.join(folder, "m.pth"), os.path.join(folder, "m.safetensors")
        torch.save(model.state_dict(), source)
        binary = os.path.join(folder, "r.bin")
        fixresc("adapt", source, "--to", "160", "--passes", "retarget-resolution", "-o", binary)
        fixresc("export", binary, "--format", "safetensors", "-o", target)
        fresh = build().eval()
        fresh.load_state_dict(load_file(target), strict=True)
        x = torch.from_numpy(picture(160))
        with torch.no_grad(): check(name + " loaded with strict=True", fresh(x).numpy(), model(x).numpy())
        fixresc("adapt", source, "--to", "160", "-o", binary)
        call = subprocess.run([options.fixresc, "export", binary, "--format", "safetensors", "-o", target], capture_output=True)
        if call.returncode != 1: failures.append("a folded model was exported as safetensors")
    model = seeded(tv.resnet50(), 5)
    plain = os.path.join(folder, "t.safetensors")
    save_file(model.state_dict(), plain)
    path = old("t", model, **keep)
    times = {}
    for _ in range(5):
        for kind, file in (("onnx", path), ("safetensors", plain)):
            start = time.perf_counter()
            fixresc("import", file, "-o", os.path.join(folder, "t.bin"))
            times.setdefault(kind, []).append(time.perf_counter() - start)
    print("  import of %d MB: onnx %.3f s, safetensors %.3f s" % (
        os.path.getsize(path) / 1e6, min(times["onnx"]), min(times["safetensors"])))

print("failures:", failures or "none")
sys.exit(bool(failures))
