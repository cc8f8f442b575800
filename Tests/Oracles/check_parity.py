"""Full-size networks with random weights, saved by torch in many ways, against the built fixresc.

usage: python check_parity.py FIXRESC [--only WORD] [--huge] [--keep FOLDER] [--exact] [--double]

Each network is imported and run at two resolutions, then adapted (folded and fused) to both and run again; logits must
lie within 1e-5 of the largest logit of torch's float32 on the same, up-cast weights; features are shown beside them. The
column from `--double` says how far torch's own float32 is from double precision. `--exact`: no Winograd. Versions: see networks.py.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import timm
import torch
import torchvision

warnings.filterwarnings("ignore")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Fixtures", "architectures"))
import networks as net

tv = torchvision.models
half, bfloat = torch.float16, torch.bfloat16


def v1(model):
    """Moves the stride of every bottleneck to its first convolution."""
    for m in model.modules():
        if isinstance(m, net.Bottleneck): m.conv1.stride, m.conv2.stride = m.conv2.stride, (1, 1)
    return model


def channels_last(model): return model.to(memory_format=torch.channels_last)


def hf(depths, sizes=(256, 512, 1024, 2048), kind="bottleneck", **more):
    return net.hugging_face(depths=list(depths), hidden_sizes=list(sizes), layer_type=kind, num_labels=1000, **more)


def timm_named(name, **more): return lambda: timm.create_model(name, **more)


# name: builder, how it is saved, options of import, resolutions
cases = {
    "resnet18": (tv.resnet18, {}, [], (160, 97)),
    "resnet34": (tv.resnet34, dict(container="legacy"), [], (160, 97)),
    "resnet50": (tv.resnet50, dict(wrap="model", prefix="module."), [], (160, 97)),
    "resnet50-f16": (tv.resnet50, dict(container="safetensors", dtype=half), [], (160, 97)),
    "resnet50-v1": (lambda: v1(tv.resnet50()), dict(container="safetensors"), ["--arch", "resnet50_v1"], (160, 97)),
    "resnet50-eps": (lambda: tv.resnet50(norm_layer=lambda c: torch.nn.BatchNorm2d(c, eps=1e-3)), {},
                     ["--bn-eps", "0.001"], (160, 97)),
    "resnet50-channels-last": (lambda: channels_last(tv.resnet50()), dict(dtype=bfloat), [], (160, 97)),
    "resnet101": (tv.resnet101, dict(container="legacy", dtype=bfloat, wrap="state_dict"), [], (96, 77)),
    "resnet152": (tv.resnet152, dict(wrap="state_dict", prefix="module."), [], (96, 77)),
    "wide_resnet50_2": (tv.wide_resnet50_2, dict(container="safetensors"), [], (96, 77)),
    "resnext50_32x4d": (tv.resnext50_32x4d, {}, [], (96, 77)),
    "resnext101_32x8d": (tv.resnext101_32x8d, dict(dtype=half), [], (96, 77)),
    "half-width": (lambda: net.torchvision_resnet(net.BasicBlock, [2, 2, 2, 2], 32), {}, [], (112, 75)),
    "timm-resnet50d": (timm_named("resnet50d"), dict(container="safetensors"), [], (96, 77)),
    "timm-resnet26t": (timm_named("resnet26t"), dict(wrap="state_dict_ema"), [], (128, 77)),
    "timm-resnet50c": (timm_named("resnet50c"), dict(container="legacy"), [], (96, 77)),
    "timm-resnet101d": (timm_named("resnet101d"), {}, [], (96, 77)),
    "timm-seresnet50": (timm_named("seresnet50"), dict(container="safetensors"), [], (96, 77)),
    "timm-seresnext26d": (timm_named("seresnext26d_32x4d"), {}, [], (96, 77)),
    "timm-resnetrs50": (timm_named("resnetrs50"), {}, [], (96, 77)),
    "timm-test_resnet": (timm_named("test_resnet"), dict(container="safetensors"), [], (96, 77)),
    "timm-legacy_seresnet50": (timm_named("legacy_seresnet50"), {}, [], (96, 77)),
    "timm-legacy_seresnext26": (timm_named("legacy_seresnext26_32x4d"), dict(container="legacy"), [], (96, 77)),
    "timm-legacy_senet154": (timm_named("legacy_senet154"), {}, [], (96, 77)),
    "cifar20-a": (lambda: net.CIFARResNet([3] * 3), dict(wrap="state_dict", prefix="module."), [], (32, 45)),
    "cifar32-a": (lambda: net.CIFARResNet([5] * 3, head="fc"), {}, [], (32, 45)),
    "cifar44-b": (lambda: net.CIFARResNet([7] * 3, option="B"), dict(wrap="net"), [], (32, 45)),
    "cifar56-a": (lambda: net.CIFARResNet([9] * 3), dict(container="legacy"), [], (32, 45)),
    "cifar110-a": (lambda: net.CIFARResNet([18] * 3), dict(container="legacy", dtype=half), [], (32, 45)),
    "cifar18-b": (lambda: net.CIFARResNet([2] * 4, 64, option="B", classes=100), dict(dtype=half), [], (32, 45)),
    "hf-resnet-18": (lambda: hf([2] * 4, (64, 128, 256, 512), "basic"), dict(container="safetensors"), [], (96, 77)),
    "hf-resnet-50": (lambda: hf([3, 4, 6, 3]), {}, [], (96, 77)),
    "hf-resnet-26-v1": (lambda: hf([2] * 4, downsample_in_bottleneck=True), dict(container="safetensors", dtype=half),
                        [], (96, 77)),
}
huge = {
    "resnext101_32x48d": (lambda: tv.ResNet(net.Bottleneck, [3, 4, 23, 3], groups=32, width_per_group=48),
                          dict(dtype=half), [], (64, 45)),
}


def compare(found, expected):
    return float(abs(found.astype(np.float64) - expected).max() / abs(expected).max())


def command(*arguments):
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode: raise RuntimeError(f"{' '.join(arguments[1:3])}: {done.stderr.strip()}")
    return done.stdout


def check(program, name, folder, double, run):
    build, saved, options, resolutions = {**cases, **huge}[name]
    torch.manual_seed(len(name))
    model = net.randomise(build(), seed=sum(map(ord, name)))
    suffix = {"safetensors": ".safetensors", "legacy": ".th"}.get(saved.get("container"), ".pth")
    file = os.path.join(folder, "weights" + suffix)
    config = model.config.to_dict() if hasattr(model, "config") and hasattr(model.config, "hidden_sizes") else None
    net.save(model, file, config=config, **saved)
    path = lambda n: os.path.join(folder, n)
    worst, drift, spread = dict(logits=0, features=0), 0, 9
    for side in resolutions:
        facts = json.loads(command(program, "import", file, "-o", path(f"{side}.bin"), "--train-resolution", str(side),
                                   "--json", *options))
    for side, other in zip(resolutions, resolutions[::-1]):
        x = net.pictures(2, side, side)
        np.save(path("x.npy"), x.numpy())
        expected = dict(zip(("logits", "features"), net.run(model, x)))
        logits = expected["logits"]
        spread = min(spread, abs(logits[0] - logits[1]).max() / abs(logits).max())
        if double:
            drift = max(drift, compare(logits, net.run(model.double(), x.double())[0]))
            model.float()
        command(program, "adapt", path(f"{other}.bin"), "--to", str(side), "--no-proof", "-o", path("adapted.bin"))
        for binary in (f"{side}.bin", "adapted.bin"):
            command(program, "run", path(binary), path("x.npy"), "--save-logits", path("logits.npy"),
                    "--save-features", path("features.npy"), *run)
            for output in expected:
                worst[output] = max(worst[output], compare(np.load(path(output + ".npy")), expected[output]))
    return worst, drift, spread, facts


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--only", default="")
    parser.add_argument("--huge", action="store_true")
    parser.add_argument("--keep")
    parser.add_argument("--double", action="store_true")
    parser.add_argument("--exact", action="store_true")
    arguments = parser.parse_args()
    names = [n for n in {**cases, **(huge if arguments.huge else {})} if arguments.only in n]
    failed = []
    for name in names:
        start = time.time()
        with tempfile.TemporaryDirectory() as temporary:
            folder = os.path.join(arguments.keep, name) if arguments.keep else temporary
            os.makedirs(folder, exist_ok=True)
            try:
                worst, drift, spread, facts = check(os.path.abspath(arguments.program), name, folder, arguments.double,
                                                     ["--exact"] if arguments.exact else [])
                good = worst["logits"] <= 1e-5 and spread > 1e-3
                print(f"{'ok  ' if good else 'FAIL'} {name:26} {worst['logits']:.1e} (features {worst['features']:.1e}, spread {spread:.2f}"
                      f"{f', torch from double {drift:.1e}' if arguments.double else ''}) "
                      f"{facts.get('architecture')} {facts.get('parameters'):,} {time.time() - start:.0f}s", flush=True)
            except RuntimeError as error:
                good = False
                print(f"FAIL {name:26} {error}", flush=True)
        if not good: failed.append(name)
    print(f"{len(names) - len(failed)} of {len(names)} agree" + (f"; not {', '.join(failed)}" if failed else ""))
    sys.exit(1 if failed else 0)
