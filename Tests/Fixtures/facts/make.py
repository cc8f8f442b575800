"""Makes the networks beside this file, whose weights do not tell what they compute: python make.py

Each file of weights serves many networks: CASE.K.npy holds the logits (features where there is no classifier) that
torch gives for `pictures(2, K, K)` with the facts that manifest.json states for the case. Versions: see
../architectures/networks.py.
"""
import copy
import json
import os
import shutil
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "architectures"))
import networks as net
from networks import BasicBlock, Bottleneck

sizes = [64, 40]
manifest = []


def pictures(channels, side):
    x = net.pictures(2, side, side)
    return torch.cat([x, x[:, :1] * 0.5], 1) if channels == 4 else x[:, :channels]


def randomise(model, seed, channels=3):
    """As networks.randomise, which knows neither batch norms of rows nor other channels."""
    g = torch.Generator().manual_seed(seed)
    rand = lambda like, low, high: torch.rand(like.shape, generator=g) * (high - low) + low
    randn = lambda like: torch.randn(like.shape, generator=g)

    def statistics(norm, inputs):
        x = inputs[0].detach()
        axes = (0, 2, 3) if x.dim() == 4 else (0,)
        moment = x.square().mean(axes) + 1e-2
        norm.running_mean.copy_(0.4 * moment.sqrt() * randn(moment))
        norm.running_var.copy_(moment * rand(moment, 0.5, 2))

    hooks = []
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.copy_(randn(module.weight) * (2 / module.weight[0].numel()) ** 0.5)
                if module.bias is not None: module.bias.copy_(0.2 * randn(module.bias))
            elif isinstance(module, (nn.BatchNorm2d, nn.BatchNorm1d)):
                if module.affine:
                    module.weight.copy_(rand(module.weight, 0.4, 1.0))
                    module.bias.copy_(0.3 * randn(module.bias))
                hooks.append(module.register_forward_pre_hook(statistics))
            elif isinstance(module, nn.Linear):
                module.weight.copy_(2 * randn(module.weight) / module.in_features ** 0.5)
                if module.bias is not None: module.bias.copy_(0.5 * randn(module.bias))
        model.eval()
        net.logits_of(model, pictures(channels, 64))
        for hook in hooks: hook.remove()
    return model


def save(model, name, rename=lambda n: n):
    from safetensors.torch import save_file
    state = {rename(n): v.contiguous() for n, v in model.state_dict().items() if "num_batches" not in n}
    save_file(state, os.path.join(here, name + ".safetensors"), metadata={"format": "pt"})


def record(weights, network, model, channels=3, tolerance=1e-5, **more):
    """One case: `network` is what --network states; several in one case follow commas."""
    name = weights + ("-" + network if network else "")
    name = "".join(c if c.isalnum() else "_" for c in name)
    # A 2x2 average rounds odd maps down, which torch itself refuses to add to a shortcut.
    sides = [64, 32] if "avg2" in network and "anti" in network else sizes
    for side in sides:
        with torch.inference_mode(): y = net.logits_of(model, pictures(channels, side)).numpy()
        spread = abs(y[0] - y[1]).max() / abs(y).max()
        assert spread > 1e-3 and np.isfinite(y).all(), (name, side, spread)
        np.save(os.path.join(here, f"{name}.{side}.npy"), y)
    manifest.append(dict(name=name, weights=weights + ".safetensors", network=network, channels=channels, sizes=sides, **more))


def changed(model, change):
    model = copy.deepcopy(model)
    change(model)
    return model.eval()


def activations(model, make):
    """Every ReLU but the gates' becomes `make()`."""
    for name, module in list(model.named_modules()):
        for child, value in list(module.named_children()):
            if isinstance(value, nn.ReLU) and not name.endswith("se"): setattr(module, child, make())


def dilate(model, dilations, whole=False, strides=True):
    """A dilation in the place of each stage's stride; its first 3x3 keeps the stage before's unless `whole`."""
    before = 1
    for s, d in enumerate(dilations):
        stage = getattr(model, f"layer{s + 1}")
        for b, block in enumerate(stage):
            first = True
            for name in ("conv1", "conv2", "conv3"):
                conv = getattr(block, name, None)
                if conv is None or conv.kernel_size != (3, 3): continue
                own = before if b == 0 and first and not whole else d
                conv.dilation = conv.padding = (own, own)
                first = False
            if d > 1 and strides:
                for conv in [m for m in block.modules() if isinstance(m, nn.Conv2d)]: conv.stride = (1, 1)
        before = d


def strides(model, values):
    for s, value in enumerate(values):
        block = getattr(model, f"layer{s + 1}")[0]
        conv = block.conv2 if hasattr(block, "conv3") else block.conv1
        conv.stride = (value, value)
        if block.downsample is not None: block.downsample[0].stride = (value, value)


def epsilon(model, value):
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm2d, nn.BatchNorm1d)): m.eps = value


class GeM(nn.Module):
    def __init__(self, p, trained=False):
        super().__init__()
        self.p = nn.Parameter(torch.tensor([p])) if trained else p

    def forward(self, x): return x.clamp(min=1e-6).pow(self.p).mean((2, 3), keepdim=True).pow(1 / self.p)


class Pool(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x): return self.function(x)


mean, most = (lambda x: x.mean((2, 3), keepdim=True)), (lambda x: x.amax((2, 3), keepdim=True))


def basic():
    m = randomise(net.torchvision_resnet(BasicBlock, [1, 2, 1, 1], 6), 1)
    save(m, "basic")
    record("basic", "", m)
    for text, make in [
        ("leaky_relu:0.1", lambda: nn.LeakyReLU(0.1)), ("relu6", nn.ReLU6), ("silu", nn.SiLU), ("gelu", nn.GELU),
        ("gelu_tanh", lambda: nn.GELU("tanh")), ("hardswish", nn.Hardswish), ("mish", nn.Mish), ("tanh", nn.Tanh),
        ("leaky_relu:0.01", nn.LeakyReLU),
    ]: record("basic", "activation=" + text, changed(m, lambda n: activations(n, make)))
    for text, pool in [
        ("none", nn.Identity()), ("max-ceil", nn.MaxPool2d(3, 2, ceil_mode=True)), ("max2", nn.MaxPool2d(2)),
        ("avg", nn.AvgPool2d(3, 2, 1)), ("avg2", nn.AvgPool2d(2)), ("max", nn.MaxPool2d(3, 2, 1)),
    ]: record("basic", "stem-pool=" + text, changed(m, lambda n: setattr(n, "maxpool", pool)))
    record("basic", "stem-stride=1", changed(m, lambda n: setattr(n.conv1, "stride", (1, 1))))
    record("basic", "strides=1,2,2,1", changed(m, lambda n: strides(n, [1, 2, 2, 1])))
    record("basic", "strides=1,2,1,1,activation=silu",
           changed(m, lambda n: (strides(n, [1, 2, 1, 1]), activations(n, nn.SiLU))))
    record("basic", "dilations=1,1,2,4", changed(m, lambda n: dilate(n, [1, 1, 2, 4])))
    record("basic", "dilations=1,1,1,2,strides=1,2,2,2", changed(m, lambda n: dilate(n, [1, 1, 1, 2], strides=False)))
    record("basic", "bn-eps=0.01", changed(m, lambda n: epsilon(n, 1e-2)))
    for text, pool in [
        ("avg", mean), ("max", most), ("avgmax", lambda x: 0.5 * mean(x) + 0.5 * most(x)), ("gem:3", GeM(3.0)), ("gem:2.5", GeM(2.5)),
    ]: record("basic", "pool=" + text, changed(m, lambda n: setattr(n, "avgpool", Pool(pool))))

    def averaged(n):
        for block in [b for s in range(1, 5) for b in getattr(n, f"layer{s}")]:
            if block.downsample is None: continue
            conv, norm = block.downsample
            conv.stride = (1, 1)
            block.downsample = nn.Sequential(nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False), conv, norm)
    record("basic", "shortcut=averaged", changed(m, averaged))
    record("basic", "outputs=sigmoid", m)


def bottleneck():
    m = randomise(net.torchvision_resnet(Bottleneck, [1, 1, 2, 2], 3), 2)
    save(m, "bottleneck")
    record("bottleneck", "stride-on=3x3", m)

    def first(n):
        for s in (2, 3, 4):
            block = getattr(n, f"layer{s}")[0]
            block.conv1.stride, block.conv2.stride = (2, 2), (1, 1)
    record("bottleneck", "stride-on=1x1", changed(m, first))
    record("bottleneck", "dilations=1,1,2,4", changed(m, lambda n: dilate(n, [1, 1, 2, 4])))
    record("bottleneck", "dilations=1,1,1,2,whole", changed(m, lambda n: dilate(n, [1, 1, 1, 2], whole=True)))
    record("bottleneck", "strides=1,2,2,1", changed(m, lambda n: strides(n, [1, 2, 2, 1])))


def timm_variants():
    from timm.layers import BlurPool2d
    plain = dict(layers=(1, 1, 2, 1), channels=(4, 8, 12, 16), num_classes=7)
    deep = dict(layers=(1, 2, 1, 1), channels=(8, 12, 16, 20), stem_width=4, stem_type="deep", avg_down=True, num_classes=7)
    rs = dict(layers=(1, 1, 1, 1), channels=(8, 8, 12, 16), stem_width=4, stem_type="deep", replace_stem_pool=True, num_classes=7)
    for name, kind, arguments in [("timm-plain", "bottleneck", plain), ("timm-d", "basic", deep)]:
        m = randomise(net.timm_resnet(kind, **arguments), 3)
        save(m, name)
        for text, more in [
            ("anti-alias=none", {}), ("anti-alias=blur3", dict(aa_layer=BlurPool2d)), ("anti-alias=avg2", dict(aa_layer=nn.AvgPool2d)),
            ("dilations=1,1,2,4", dict(output_stride=8)), ("dilations=1,1,1,2", dict(output_stride=16)),
            ("activation=silu", dict(act_layer=nn.SiLU)),
            ("anti-alias=blur3,dilations=1,1,1,2", dict(aa_layer=BlurPool2d, output_stride=16)),
        ]:
            n = net.timm_resnet(kind, **arguments, **more).eval()
            n.load_state_dict(m.state_dict())
            config = dict(model_args={k: {"BlurPool2d": "blur", "AvgPool2d": "avg", "SiLU": "silu"}[v.__name__] if isinstance(v, type) else v
                                      for k, v in more.items()})
            record(name, text, n, config=config)
    m = randomise(net.timm_resnet("basic", **rs), 4)
    save(m, "timm-rs")
    record("timm-rs", "stem-pool=convolution", m)
    se = dict(layers=(1, 1, 1, 1), channels=(8, 8, 12, 16), block_args=dict(attn_layer="se"), num_classes=7)
    m = randomise(net.timm_resnet("basic", **se), 5)
    save(m, "timm-se")
    record("timm-se", "gate=sigmoid", m)

    def hard(n):
        for block in n.modules():
            if hasattr(block, "gate") and hasattr(block, "fc1"): block.gate = nn.Hardsigmoid()
    record("timm-se", "gate=hard_sigmoid", changed(m, hard))

    def behind(n):
        for block in n.modules():
            if hasattr(block, "bn2") and hasattr(block, "se"): block.bn2 = nn.Sequential(block.bn2, nn.ReLU())
    record("timm-se", "gate=relu-then-sigmoid", changed(m, behind))
    record("timm-se", "activation=silu", changed(m, lambda n: activations(n, nn.SiLU)))


def cifar():
    m = randomise(net.CIFARResNet([2, 1, 1], 6), 6)
    save(m, "cifar")
    record("cifar", "shortcut=zeros-both", m)

    def shortcut(pool, end):
        def change(n):
            for block in n.modules():
                if not hasattr(block, "missing") or not block.missing: continue

                def forward(x, b=block):
                    y = b.bn2(b.conv2(F.relu(b.bn1(b.conv1(x)))))
                    x = F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False) if pool else x[:, :, ::2, ::2]
                    before = 0 if end else b.missing // 2
                    return F.relu(F.pad(x, (0, 0, 0, 0, before, b.missing - before)) + y)
                block.forward = forward
        return change
    record("cifar", "shortcut=zeros-end", changed(m, shortcut(False, True)))
    record("cifar", "shortcut=averaged-zeros-both", changed(m, shortcut(True, False)))
    record("cifar", "shortcut=averaged-zeros-end", changed(m, shortcut(True, True)))


def hugging_face():
    for kind in ("basic", "bottleneck"):
        arguments = dict(embedding_size=8, num_labels=5, hidden_sizes=[16, 12, 16, 20], depths=[1, 1, 1, 1], layer_type=kind)
        m = randomise(net.hugging_face(**arguments), 7)
        save(m, "hf-" + kind)
        for act in ("relu", "silu", "gelu"):
            n = net.hugging_face(**arguments, hidden_act=act).eval()
            n.load_state_dict(m.state_dict())
            record("hf-" + kind, "activation=" + act, n)


class Whole(nn.Module):
    """A trunk, what makes features of its last map, and a head; `before` changes the input."""
    def __init__(self, head, pool=mean, channels=3, before=None, neck=None):
        super().__init__()
        self.trunk = net.torchvision_resnet(BasicBlock, [1, 1, 1, 1], 4)
        self.trunk.conv1 = nn.Conv2d(channels, 4, 7, 2, 3, bias=False)
        self.trunk.fc = nn.Identity()
        self.trunk.avgpool = pool if isinstance(pool, nn.Module) else Pool(pool)
        self.fc, self.before, self.neck = head, before, neck

    def forward(self, x):
        if self.before is not None: x = self.before(x)
        x = self.trunk(x)
        if self.neck is not None: x = self.neck(x)
        return self.fc(x)


class Normalise(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))

    def forward(self, x): return (x - self.mean[:, None, None]) / self.std[:, None, None]


def heads():
    L = nn.Linear
    rename = lambda n: n.removeprefix("trunk.").replace("before.", "input.")
    both = lambda x: torch.cat([mean(x), most(x)], 1)
    other = lambda x: torch.cat([most(x), mean(x)], 1)
    cases = [
        ("head-bare", Whole(L(32, 5, bias=False)), ["head=linear"], {}),
        ("head-none", Whole(nn.Identity()), ["head=none"], {}),
        ("head-last", Whole(nn.Sequential(nn.Dropout(), L(32, 5))), ["head=linear"], {}),
        ("head-neck", Whole(L(32, 5, bias=False), neck=nn.BatchNorm1d(32)), ["head=bn-linear"], {}),
        ("head-pair", Whole(L(64, 5), both), ["pool=catavgmax"], {}),
        ("head-fastai", Whole(nn.Sequential(nn.BatchNorm1d(64), nn.Dropout(), L(64, 12), nn.ReLU(), nn.BatchNorm1d(12), nn.Dropout(), L(12, 5)), other),
         ["pool=catmaxavg", "head=bn-linear-relu-bn-linear"], {}),
        ("head-plain-norm", Whole(nn.Sequential(L(32, 12), nn.BatchNorm1d(12, affine=False), nn.ReLU(), L(12, 5))), ["head=linear-bn-relu-linear"], {}),
        ("gem", Whole(L(32, 5), GeM(2.7, True)), [""], {}),
        ("grey", Whole(L(32, 5), channels=1), [""], dict(channels=1)),
        ("rgba", Whole(L(32, 5), channels=4), [""], dict(channels=4)),
        ("input", Whole(L(32, 5), before=Normalise([0.4, 0.5, 0.3], [0.3, 0.2, 0.25])), [""], {}),
    ]
    for seed, (name, model, stated, more) in enumerate(cases):
        m = randomise(model, 20 + seed, more.get("channels", 3))
        save(m, name, rename)
        for network in stated: record(name, network, m, **more)
        if name == "head-pair":
            record(name, "pool=catmaxavg", changed(m, lambda n: setattr(n.trunk, "avgpool", Pool(other))))
    m = randomise(Whole(nn.Sequential(L(32, 12), nn.ReLU(), nn.Dropout(), L(12, 5))), 40)
    save(m, "head-deep", rename)
    for text, layer in [("relu", nn.ReLU()), ("gelu", nn.GELU()), ("tanh", nn.Tanh()), (None, nn.Identity())]:
        n = changed(m, lambda n: n.fc.__setitem__(1, layer))
        record("head-deep", "head=linear-" + (text + "-" if text else "") + "linear", n)


if __name__ == "__main__":
    torch.manual_seed(0)
    for file in os.listdir(here):
        if file.endswith((".npy", ".safetensors")): os.remove(os.path.join(here, file))
    for make in (basic, bottleneck, timm_variants, cifar, hugging_face, heads): make()
    with open(os.path.join(here, "manifest.json"), "w") as f: json.dump(manifest, f, indent=1)
    print(len(manifest), "cases,", sum(os.path.getsize(os.path.join(here, f)) for f in os.listdir(here)), "bytes")
