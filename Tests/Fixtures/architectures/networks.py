"""Networks with random weights in every supported architecture and naming, for make.py and check_parity.py.

Made with Python 3.11, torch 2.13.0, torchvision 0.28.0, timm 1.0.31, transformers 5.23.0, safetensors 0.8.0.
"""
import json
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

torch.set_num_threads(1)


def pictures(count, height, width):
    """Inputs that the Swift tests compute too: integer hashes of 8x8 patches and of pixels, all exact in float32."""
    def mix(*parts):
        value = np.full(np.broadcast_shapes(*(np.shape(p) for p in parts)), 0x9E3779B9, np.uint64)
        for part in parts:
            value = ((value ^ np.asarray(part, np.uint64)) * np.uint64(0x85EBCA6B)) & np.uint64(0xFFFFFFFF)
            value = value ^ (value >> np.uint64(15))
        return value
    n, c, y, x = np.ogrid[0:count, 0:3, 0:height, 0:width]
    patch = (mix(n, c, y // 8, x // 8) % np.uint64(256)).astype(np.float32) / 64 - 2
    pixel = (mix(n + 97, c, y, x) % np.uint64(64)).astype(np.float32) / 128 - 0.25
    tint = (mix(n + 11, c, 0, 0) % np.uint64(128)).astype(np.float32) / 64 - 1
    return torch.from_numpy(np.ascontiguousarray(patch + pixel + tint))


def randomise(model, seed, side=64):
    """Draws every parameter and statistic; statistics around those of the data, so that depth does no harm."""
    g = torch.Generator().manual_seed(seed)
    rand = lambda like, low, high: torch.rand(like.shape, generator=g) * (high - low) + low
    randn = lambda like: torch.randn(like.shape, generator=g)

    def draw_statistics(norm, inputs):
        # Around the second moment and not the variance: taking off the whole mean of data that is positive everywhere
        # would cancel digits at every layer, and float32 itself would be off by 1e-5 after fifty of them.
        x = inputs[0]
        moment = x.square().mean((0, 2, 3)) + 1e-2
        norm.running_mean.copy_(0.4 * moment.sqrt() * randn(moment))
        norm.running_var.copy_(moment * rand(moment, 0.5, 2))

    hooks = []
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, nn.Conv2d):
                fan = module.weight[0].numel()
                scale = rand(module.weight[:, :1, :1, :1], 0.5, 1.5)
                module.weight.copy_(randn(module.weight) * scale * (2 / fan) ** 0.5)
                if module.bias is not None: module.bias.copy_(0.2 * randn(module.bias))
            elif isinstance(module, nn.BatchNorm2d):
                sign = torch.where(rand(module.weight, 0, 1) < 0.2, -1.0, 1.0)
                module.weight.copy_(sign * rand(module.weight, 0.3, 0.9))
                module.bias.copy_(0.3 * randn(module.bias))
                module.num_batches_tracked.fill_(1234)
                hooks.append(module.register_forward_pre_hook(draw_statistics))
            elif isinstance(module, nn.Linear):
                module.weight.copy_(2 * randn(module.weight) / module.in_features ** 0.5)
                module.bias.copy_(0.5 * randn(module.bias))
        model.eval()
        logits_of(model, pictures(4, side, side))
        for hook in hooks: hook.remove()
    return model


def logits_of(model, x):
    y = model(x)
    return y.logits if hasattr(y, "logits") else y


def run(model, x):
    """Logits and what the classifier reads."""
    head = [m for m in model.modules() if isinstance(m, nn.Linear)][-1]
    seen = []
    hook = head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    with torch.inference_mode(): logits = logits_of(model, x)
    hook.remove()
    return logits.numpy(), seen[0].flatten(1).numpy()


# Builders ----------------------------------------------------------------------------------------------------

def torchvision_resnet(block, layers, width=64, classes=10, groups=1, width_per_group=64, v1=False):
    """torchvision's network with every channel count scaled by width / 64."""
    m = ResNet(block, [1, 1, 1, 1], num_classes=classes, groups=groups, width_per_group=width_per_group)
    m.inplanes = width
    m.conv1, m.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
    for i, count in enumerate(layers):
        stage = m._make_layer(block, width << i, count, stride=1 if i == 0 else 2)
        setattr(m, f"layer{i + 1}", stage)
        if v1 and i > 0: stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    m.fc = nn.Linear((width << 3) * block.expansion, classes)
    return m


def timm_resnet(block="basic", **arguments):
    from timm.models.resnet import BasicBlock, Bottleneck, ResNet
    kinds = {"basic": BasicBlock, "bottleneck": Bottleneck}
    block = kinds[block] if isinstance(block, str) else [kinds[b] for b in block]
    return ResNet(block, **arguments)


class CIFARBlock(nn.Module):
    def __init__(self, inputs, planes, stride, option):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False), nn.BatchNorm2d(planes)
        self.stride, self.missing = stride, planes - inputs
        self.shortcut = nn.Sequential()
        if option == "B" and (stride != 1 or inputs != planes):
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if len(self.shortcut): x = self.shortcut(x)
        elif self.stride != 1 or self.missing:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.missing // 2, self.missing - self.missing // 2))
        return F.relu(x + y)


class CIFARResNet(nn.Module):
    """6n+2 layers for 32x32 pictures (He et al. 2015, section 4.2); option A or B, the head named as asked."""
    def __init__(self, layers, width=16, option="A", head="linear", classes=10):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        inputs = width
        self.stages = []
        for i, count in enumerate(layers):
            planes, blocks = width << i, []
            for j in range(count):
                blocks.append(CIFARBlock(inputs, planes, 2 if i > 0 and j == 0 else 1, option))
                inputs = planes
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
            self.stages.append(f"layer{i + 1}")
        self.head = head
        setattr(self, head, nn.Linear(inputs, classes))

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in self.stages: x = getattr(self, stage)(x)
        return getattr(self, self.head)(x.mean((2, 3)))


def hugging_face(**arguments):
    from transformers import ResNetConfig, ResNetForImageClassification
    return ResNetForImageClassification(ResNetConfig(**arguments))


# Containers --------------------------------------------------------------------------------------------------

def save(model, path, container="zip", dtype=torch.float32, wrap=None, prefix="", config=None):
    """Writes the weights in `dtype` and gives `model` their up-cast values back."""
    state = {}
    for name, value in model.state_dict().items():
        state[name] = value.to(dtype).contiguous() if value.is_floating_point() else value
    model.load_state_dict({n: v.float() if v.is_floating_point() else v for n, v in state.items()})
    state = {prefix + name: value for name, value in state.items()}
    if container == "safetensors":
        from safetensors.torch import save_file
        save_file(state, path, metadata={"format": "pt"})
    else:
        if wrap: state = {"epoch": 7, wrap: state, "optimizer": {"param_groups": [{"lr": 0.1}], "state": {}}}
        torch.save(state, path, _use_new_zipfile_serialization=container == "zip")
    if config is not None:
        with open(os.path.join(os.path.dirname(path), "config.json"), "w") as f: json.dump(config, f, indent=1)
