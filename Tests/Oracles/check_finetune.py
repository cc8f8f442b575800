"""Fine-tuning with torch against `fixresc finetune`, on a torchvision-named ResNet and folders of pictures.

usage: python check_finetune.py FIXRESC MODEL.pth TRAIN VALIDATION --train-resolution K [--to 64,224] [--recipe paper]

Torch computes the maps that meet in the last block once a size, then trains every mode on them: the recipe of
fixresc's defaults (20 epochs, SGD 0.9, batch 64, rate 0.01 falling as a cosine, decay 1e-4, exact statistics) or the
authors' (56 epochs, rate 0.001, a tenth after 30, each batch's own statistics and running averages of them at test).
Top-1 must agree within 0.5 points and the loss within 0.02 (orders of the pictures differ), both must be equal before.
KS and W1 are the greatest gap and the area between the distribution functions of the pooled activations at K and at
the training resolution, of the values above zero and of all. Written for torch 2.13, torchvision 0.28, Pillow 13.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F
import torchvision.transforms as T
from PIL import Image
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

arguments = argparse.ArgumentParser()
for name in ("fixresc", "model", "train", "validation"): arguments.add_argument(name)
arguments.add_argument("--train-resolution", type=int, required=True)
arguments.add_argument("--to", default="64,224")
arguments.add_argument("--recipe", choices=["default", "paper"], default="default")
arguments.add_argument("--modes", default="fc,bnstat+fc,bnstat+affine+fc")
options = arguments.parse_args()
torch.set_num_threads(int(os.environ.get("THREADS", "1")))
paper = options.recipe == "paper"


def network(path):
    state = torch.load(path, map_location="cpu", weights_only=True)
    block = Bottleneck if "layer1.0.conv3.weight" in state else BasicBlock
    depths = [1 + max(int(k.split(".")[1]) for k in state if k.startswith(f"layer{i}.")) for i in (1, 2, 3, 4)]
    width = state["conv1.weight"].shape[0]
    m = ResNet(block, depths, num_classes=state["fc.weight"].shape[0])
    m.inplanes = width
    m.conv1, m.bn1 = torch.nn.Conv2d(3, width, 7, 2, 3, bias=False), torch.nn.BatchNorm2d(width)
    for i, depth in enumerate(depths): setattr(m, f"layer{i + 1}", m._make_layer(block, width << i, depth, stride=min(i + 1, 2)))
    m.fc = torch.nn.Linear((width << 3) * block.expansion, state["fc.weight"].shape[0])
    m.load_state_dict(state)
    return m.eval()


net = network(options.model)
last = net.layer4[-1]
norm = last.bn3 if hasattr(last, "bn3") else last.bn2
start = dict(weight=net.fc.weight.detach(), bias=net.fc.bias.detach())
source = dict(mean=norm.running_mean, variance=norm.running_var, gamma=norm.weight.detach(), beta=norm.bias.detach())


def listed(folder):
    classes = sorted((d for d in os.listdir(folder) if os.path.isdir(os.path.join(folder, d))), key=os.fsencode)
    return [(os.path.join(folder, c, f), i) for i, c in enumerate(classes)
            for f in sorted(os.listdir(os.path.join(folder, c)), key=os.fsencode)]


def maps(folder, size, place):
    """[N, 2, C, H, W]: what the last batch norm reads, and the shortcut."""
    files, found = listed(folder), {}
    hooks = [norm.register_forward_pre_hook(lambda _, a: found.__setitem__("x", a[0])),
             last.register_forward_pre_hook(lambda _, a: found.__setitem__("r", a[0]))]
    shortcut = last.downsample or torch.nn.Identity()
    resize = T.Compose([T.Resize(size * 256 // 224), T.CenterCrop(size)])
    mean, std = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    store = None
    with torch.inference_mode():
        for first in range(0, len(files), 32):
            part = [np.asarray(resize(Image.open(f).convert("RGB"))) for f, _ in files[first:first + 32]]
            net(((torch.from_numpy(np.stack(part)).permute(0, 3, 1, 2) / 255) - mean) / std)
            both = torch.stack([found["x"], shortcut(found["r"])], 1).numpy()
            if store is None:
                store = np.lib.format.open_memmap(place, mode="w+", dtype=np.float32, shape=(len(files),) + both.shape[1:])
            store[first:first + len(both)] = both
    for hook in hooks: hook.remove()
    return store, torch.tensor([label for _, label in files])


def pooled(store, mean, variance, gamma, beta):
    rows, view = [], (-1, 1, 1)
    for first in range(0, len(store), 256):
        part = torch.from_numpy(np.array(store[first:first + 256]))
        z = (part[:, 0] - mean.view(view)) / torch.sqrt(variance.view(view) + norm.eps) * gamma.view(view) + beta.view(view)
        rows.append(torch.relu(z + part[:, 1]).mean((2, 3)))
    return torch.cat(rows)


def exact(store):
    count, total, squares = store.shape[0] * store.shape[3] * store.shape[4], 0, 0
    for first in range(0, len(store), 256): total = total + store[first:first + 256, 0].astype(np.float64).sum((0, 2, 3))
    mean = total / count
    for first in range(0, len(store), 256):
        part = store[first:first + 256, 0].astype(np.float64) - mean[None, :, None, None]
        squares = squares + (part * part).sum((0, 2, 3))
    return dict(mean=torch.from_numpy(mean).float(), variance=torch.from_numpy(squares / count).float())


def tune(store, labels, mode, head):
    """The released code's loop (paper) or the default one, on maps; features where those do not change."""
    weight, bias = start["weight"].clone().requires_grad_(), start["bias"].clone().requires_grad_()
    moving = torch.nn.BatchNorm2d(len(head["mean"]), eps=norm.eps)
    with torch.no_grad():
        for own, given in zip((moving.running_mean, moving.running_var, moving.weight, moving.bias),
                              (head["mean"], head["variance"], head["gamma"], head["beta"])): own.copy_(given)
    affine, batches = mode == "bnstat+affine+fc", paper and mode != "fc"
    for p in moving.parameters(): p.requires_grad_(affine)
    moving.train(batches)
    fixed = None if affine or batches else pooled(store, **head)
    epochs, rate = (56, 1e-3) if paper else (20, 1e-2)
    sgd = torch.optim.SGD([weight, bias] + list(moving.parameters()) * affine, lr=rate, momentum=0.9, weight_decay=1e-4)
    draw, count = torch.Generator().manual_seed(0), len(labels)
    steps, order = (-(-count // 64) if paper else count // 64), torch.randperm(count, generator=draw)
    for epoch in range(epochs):
        if not paper: order = torch.randperm(count, generator=draw)
        for step in range(steps):
            done = (epoch * steps + step) / (epochs * steps)
            sgd.param_groups[0]["lr"] = rate * (0.1 ** (epoch // 30) if paper else 0.5 * (1 + math.cos(math.pi * done)))
            batch = order[64 * step:64 * step + 64].sort().values
            if fixed is None:
                part = torch.from_numpy(store[batch.numpy()])
                features = torch.relu(moving(part[:, 0]) + part[:, 1]).mean((2, 3))
            else:
                features = fixed[batch]
            loss = F.cross_entropy(features @ weight.T + bias, labels[batch])
            sgd.zero_grad(); loss.backward(); sgd.step()
    return (weight.detach(), bias.detach(),
            dict(mean=moving.running_mean, variance=moving.running_var, gamma=moving.weight.detach(), beta=moving.bias.detach()))


def distances(values, reference):
    a, b = np.sort(values), np.sort(reference)
    points = np.sort(np.concatenate([a, b]))
    gap = np.abs(np.searchsorted(a, points, "right") / len(a) - np.searchsorted(b, points, "right") / len(b))
    return gap.max(), (gap[:-1] * np.diff(points)).sum()


def measured(features, labels, weight, bias, reference):
    logits, values = features @ weight.T + bias, features.numpy().ravel().astype(np.float64)
    score = [100 * (logits.argmax(1) == labels).double().mean().item(), F.cross_entropy(logits.double(), labels).item()]
    return score + [*distances(values[values > 0], reference[reference > 0]), *distances(values, reference)]


def ours(folder, mode, size):
    out = os.path.join(folder, "tuned.bin")
    words = [options.fixresc, "finetune", options.model, options.train, "--validate", options.validation, "--to", str(size),
             "--mode", mode, "--train-resolution", str(options.train_resolution), "--json", "-o", out]
    text = subprocess.run(words + ["--recipe", "paper"] * paper, capture_output=True, text=True)
    if text.returncode: sys.exit(text.stdout + text.stderr)
    j = json.loads(text.stdout)
    return [[100 * j[f"{when}_top1"], j[f"{when}_loss"], j[f"ks_{when}"], j[f"w1_{when}"], j[f"ks_with_zeros_{when}"],
             j[f"w1_with_zeros_{when}"]] for when in ("before", "after")]


def show(name, row): print(f"{name:34s}" + "".join(f"{v:10.{2 if i == 0 else 4}f}" for i, v in enumerate(row)), flush=True)


faults = []
with tempfile.TemporaryDirectory() as folder:
    place = lambda name: os.path.join(folder, name + ".npy")
    trained, _ = maps(options.validation, options.train_resolution, place("reference"))
    reference = pooled(trained, **source).numpy().ravel().astype(np.float64)
    print(f"{'':34s}" + "".join(f"{n:>10s}" for n in ("top-1 %", "loss", "KS > 0", "W1 > 0", "KS all", "W1 all")))
    for size in map(int, options.to.split(",")):
        store, labels = maps(options.train, size, place("train"))
        held, truth = maps(options.validation, size, place("held"))
        before = measured(pooled(held, **source), truth, start["weight"], start["bias"], reference)
        show(f"{size} before, torch", before)
        for mode in options.modes.split(","):
            head = dict(source) if mode == "fc" or paper else {**source, **exact(store)}
            weight, bias, head = tune(store, labels, mode, head)
            after = measured(pooled(held, **head), truth, weight, bias, reference)
            own_before, own = ours(folder, mode, size)
            show(f"{size} {mode}, torch", after)
            show(f"{size} {mode}, fixresc", own)
            checks = {
                "before": all(abs(a - b) < 1e-4 for a, b in zip(own_before, before)),
                "top-1": abs(own[0] - after[0]) <= 0.5, "loss": abs(own[1] - after[1]) <= 0.02,
                "distances": all(abs(a - b) < 0.02 for a, b in zip(own[2:], after[2:])),
                "moves back above zero": mode == "fc" or max(own[2], after[2]) < before[2],
            }
            faults += [f"{size} {mode}: {name}" for name, holds in checks.items() if not holds]
print("differ: " + "; ".join(faults) if faults else "all agree")
sys.exit(bool(faults))
