"""Networks of CIFAR scripts, and the names under which other codes save a ResNet."""
import torch.nn as nn
import torch.nn.functional as F


# CIFAR -------------------------------------------------------------------------------------------------------------

class CIFARBlock(nn.Module):
    def __init__(self, inputs, planes, stride, option, downsample="shortcut"):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False), nn.BatchNorm2d(planes)
        self.stride, self.missing, self.option, self.name = stride, planes - inputs, option, downsample
        if option == "B" and (stride != 1 or inputs != planes):
            setattr(self, downsample, nn.Sequential(nn.Conv2d(inputs, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if hasattr(self, self.name): x = getattr(self, self.name)(x)
        elif self.stride != 1 or self.missing:
            x = F.avg_pool2d(x, self.stride) if self.option == "average" else x[:, :, :: self.stride, :: self.stride]
            before = self.missing // 2 if self.option == "both" else 0
            x = F.pad(x, (0, 0, 0, 0, before, self.missing - before))
        return F.relu(x + y)


class CIFARResNet(nn.Module):
    """6n+2 layers; zero channels on both sides (akamaster), at the end (weight-free elsewhere), averaged, or option B."""
    def __init__(self, layers, width=16, option="both", head="linear", downsample="shortcut", classes=10):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        inputs, self.count, self.head = width, len(layers), head
        for i, count in enumerate(layers):
            blocks = []
            for j in range(count):
                blocks.append(CIFARBlock(inputs, width << i, 2 if i and not j else 1, option, downsample))
                inputs = width << i
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        setattr(self, head, nn.Linear(inputs, classes))

    def features(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for i in range(self.count): x = getattr(self, f"layer{i + 1}")(x)
        return x.mean((2, 3))

    def forward(self, x): return getattr(self, self.head)(self.features(x))


class Renamed(nn.Module):
    """A network saved under the names of another code."""
    def __init__(self, trunk, rename):
        super().__init__()
        self.trunk, self.rename = trunk, rename

    def features(self, x): return self.trunk.features(x)

    def forward(self, x): return self.trunk(x)

    def state(self):
        return {new: v for k, v in self.trunk.state_dict().items() for new in [self.rename(k)] if new is not None}


def weiaicunzai(bottleneck):
    order = {"conv1": 0, "bn1": 1, "conv2": 3, "bn2": 4, "conv3": 6, "bn3": 7}

    def rename(name):
        part = name.split(".")
        if part[0] == "conv1": return f"conv1.0.{part[1]}"
        if part[0] == "bn1": return f"conv1.1.{part[1]}"
        if part[0] == "fc": return name
        stage = f"conv{int(part[0][5:]) + 1}_x.{part[1]}"
        if part[2] == "downsample": return f"{stage}.shortcut.{part[3]}.{part[4]}"
        return f"{stage}.residual_function.{order[part[2]]}.{part[3]}"
    return rename


def pytorchcv(name):
    part = name.split(".")
    if part[0] == "fc": return f"output.{part[1]}"
    if part[0] in ("conv1", "bn1"): return f"features.init_block.conv.{'conv' if part[0] == 'conv1' else 'bn'}.{part[1]}"
    unit = f"features.stage{part[0][5:]}.unit{int(part[1]) + 1}"
    if part[2] == "downsample": return f"{unit}.identity_conv.{'conv' if part[3] == '0' else 'bn'}.{part[4]}"
    return f"{unit}.body.conv{part[2][-1]}.{'conv' if part[2].startswith('conv') else 'bn'}.{part[3]}"


def detectron2(prefix="", head="linear."):
    def rename(name):
        part = name.split(".")
        if part[0] == "fc": return None if head is None else head + part[1]
        if name.endswith("num_batches_tracked"): return None
        if part[0] == "conv1": return f"{prefix}stem.conv1.weight"
        if part[0] == "bn1": return f"{prefix}stem.conv1.norm.{part[1]}"
        unit = f"{prefix}res{int(part[0][5:]) + 1}.{part[1]}"
        if part[2] == "downsample": return f"{unit}.shortcut{'' if part[3] == '0' else '.norm'}.{part[4]}"
        return f"{unit}.conv{part[2][-1]}{'' if part[2].startswith('conv') else '.norm'}.{part[3]}"
    return rename


def dxy(name):
    """D-X-Y's ResNeXt-DenseNet."""
    part = name.split(".")
    if part[0] in ("conv1", "bn1"): return ("conv_1_3x3." if part[0] == "conv1" else "bn_1.") + part[1]
    if part[0] == "fc": return "classifier." + part[1]
    letter = {"conv1": "conv_a", "bn1": "bn_a", "conv2": "conv_b", "bn2": "bn_b"}[part[2]]
    return f"stage_{part[0][5:]}.{part[1]}.{letter}.{part[3]}"


def caffe2(name):
    """mmcv's and mmsegmentation's deep stem (ResNetV1c)."""
    stem = {"conv1.0": "stem.0", "conv1.1": "stem.1", "conv1.3": "stem.3", "conv1.4": "stem.4", "conv1.6": "stem.6"}
    part = name.split(".")
    if part[0] == "bn1": return "stem.7." + part[1]
    key = ".".join(part[:2])
    return stem[key] + "." + part[2] if key in stem else name
