"""Networks of the zoo: random weights and batch-norm statistics, and every fact that a file may leave open."""
import math
import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision.models.resnet import BasicBlock, Bottleneck

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Fixtures", "architectures"))
import networks as net

torch.set_num_threads(1)


def seeded(name):
    seed = sum((i + 1) * ord(c) for i, c in enumerate(name)) % (1 << 31)
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def randomise(model, name, channels=3, side=64, forward=None):
    """Draws parameters and statistics; statistics lie around the second moment of the data that reaches each norm."""
    g = seeded(name)
    rand = lambda like, low, high: torch.rand(like.shape, generator=g) * (high - low) + low
    randn = lambda like: torch.randn(like.shape, generator=g)

    def statistics(norm, inputs):
        x = inputs[0]
        moment = x.square().mean([d for d in range(x.dim()) if d != 1]) + 1e-2
        norm.running_mean.copy_(0.4 * moment.sqrt() * randn(moment))
        norm.running_var.copy_(moment * rand(moment, 0.5, 2))

    # Residual branches of very deep networks are weaker, or float32 itself would be off by 1e-5.
    names = [n for n, m in model.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    weak = {n for n in names if len(names) > 120 and n.rsplit(".", 1)[-1] == "bn3"}
    hooks = []
    with torch.no_grad():
        for name_of, module in model.named_modules():
            if isinstance(module, nn.Conv2d) and "weight" in module._parameters:
                scale = rand(module.weight[:, :1, :1, :1], 0.5, 1.5)
                module.weight.copy_(randn(module.weight) * scale * (2 / module.weight[0].numel()) ** 0.5)
                if module.bias is not None: module.bias.copy_(0.2 * randn(module.bias))
            elif isinstance(module, nn.modules.batchnorm._BatchNorm):
                if module.affine:
                    sign = torch.where(rand(module.weight, 0, 1) < 0.2, -1.0, 1.0)
                    module.weight.copy_(sign * rand(module.weight, 0.3, 0.9) * (0.3 if name_of in weak else 1))
                    module.bias.copy_(0.3 * randn(module.bias))
                if module.running_mean is not None:
                    module.num_batches_tracked.fill_(1234)
                    hooks.append(module.register_forward_pre_hook(statistics))
            elif isinstance(module, nn.Linear) and "weight" in module._parameters:
                module.weight.copy_(2 * randn(module.weight) / module.in_features ** 0.5)
                if module.bias is not None: module.bias.copy_(0.5 * randn(module.bias))
        model.eval()
        (forward or model)(inputs(4, channels, side, name))
        for hook in hooks: hook.remove()
    return model


def inputs(count, channels, side, name):
    """Seeded patches, pixels and a tint for each picture, so that pooled features differ between pictures."""
    g = seeded(name + str(side))
    patch = F.interpolate(torch.randn(count, channels, (side + 7) // 8, (side + 7) // 8, generator=g), scale_factor=8)
    tint = torch.randn(count, channels, 1, 1, generator=g)
    return (patch[:, :, :side, :side] + 0.3 * torch.randn(count, channels, side, side, generator=g) + tint).contiguous()


# The facts ---------------------------------------------------------------------------------------------------------

activations = {
    "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "leaky_relu:0.1": lambda: nn.LeakyReLU(0.1), "relu6": nn.ReLU6,
    "silu": nn.SiLU, "gelu": nn.GELU, "hardswish": nn.Hardswish, "mish": nn.Mish,
}


class GeM(nn.Module):
    def __init__(self, p=3.0, eps=1e-6):
        super().__init__()
        self.p, self.eps = nn.Parameter(torch.tensor([p])), eps

    def forward(self, x): return x.clamp(min=self.eps).pow(self.p).mean((2, 3)).pow(1 / self.p)


class FixedGeM(nn.Module):
    def forward(self, x): return x.clamp(min=1e-6).pow(3.0).mean((2, 3)).pow(1 / 3.0)


class Pooling(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def forward(self, x):
        average, greatest = x.mean((2, 3)), x.amax((2, 3))
        return {"avg": lambda: average, "max": lambda: greatest, "avgmax": lambda: 0.5 * (average + greatest),
                "catavgmax": lambda: torch.cat([average, greatest], 1),
                "catmaxavg": lambda: torch.cat([greatest, average], 1)}[self.kind]()


class Gate(nn.Module):
    def __init__(self, channels, kind):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, channels // 4, 1), nn.Conv2d(channels // 4, channels, 1)
        self.gate = nn.Sigmoid() if kind == "sigmoid" else nn.Hardsigmoid()

    def forward(self, x): return x * self.gate(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class Blur(nn.Module):
    """Zhang 2019's binomial filter over reflected edges, without a tensor in the file."""
    def __init__(self, channels, stride=2):
        super().__init__()
        self.channels, self.stride = channels, stride
        one = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.filter = one[:, None] * one[None]

    def forward(self, x):
        weight = self.filter.to(x)[None, None].repeat(self.channels, 1, 1, 1)
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weight, stride=self.stride, groups=self.channels)


class Block(nn.Module):
    def __init__(self, n, inputs, planes, stride, first, dilation):
        super().__init__()
        conv = lambda a, b, k, s=1, d=1, g=1: nn.Conv2d(a, b, k, s, d * (k // 2), d, g, bias=False)
        norm = lambda c: nn.BatchNorm2d(c, eps=n.bn_eps)
        output = planes * (4 if n.bottleneck else 1)
        self.bottleneck, self.missing, self.stride, self.padded = n.bottleneck, output - inputs, stride, n.shortcut
        filtered = n.anti_alias != "none" and stride > 1
        if n.bottleneck:
            s1, s2 = (stride, 1) if n.stride_on == "1x1" else (1, stride)
            self.conv1, self.bn1 = conv(inputs, planes, 1, s1), norm(planes)
            self.conv2, self.bn2 = conv(planes, planes, 3, 1 if filtered else s2, first, n.groups), norm(planes)
            self.conv3, self.bn3 = conv(planes, output, 1), norm(output)
        else:
            self.conv1, self.bn1 = conv(inputs, planes, 3, 1 if filtered else stride, first), norm(planes)
            self.conv2, self.bn2 = conv(planes, output, 3, 1, dilation), norm(output)
        self.act = activations[n.activation]()
        self.aa = (nn.AvgPool2d(2) if n.anti_alias == "avg2" else Blur(planes)) if filtered else nn.Identity()
        if n.gate: self.se = Gate(output, n.gate)
        if (stride != 1 or inputs != output) and n.shortcut in ("projection", "avgproj"):
            if n.shortcut == "avgproj":
                pool = nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False) if stride > 1 else nn.Identity()
                self.downsample = nn.Sequential(pool, conv(inputs, output, 1), norm(output))
            else: self.downsample = nn.Sequential(conv(inputs, output, 1, stride), norm(output))

    def skip(self, x):
        if hasattr(self, "downsample"): return self.downsample(x)
        if self.stride == 1 and not self.missing: return x
        x = F.avg_pool2d(x, self.stride) if self.padded == "average" and self.stride > 1 else x[:, :, :: self.stride, :: self.stride]
        before = self.missing // 2 if self.padded == "both" else 0
        return F.pad(x, (0, 0, 0, 0, before, self.missing - before))

    def forward(self, x):
        y = self.act(self.bn1(self.conv1(x)))
        if self.bottleneck: y = self.bn3(self.conv3(self.aa(self.act(self.bn2(self.conv2(y))))))
        else: y = self.bn2(self.conv2(self.aa(y)))
        if hasattr(self, "se"): y = self.se(y)
        return self.act(y + self.skip(x))


class Network(nn.Module):
    """torchvision's names; every fact of the arithmetic is an argument, and none of them leaves a trace but where it must."""
    def __init__(self, layers=(2, 2, 2, 2), width=16, bottleneck=False, classes=10, channels=3, stem="7x7", stem_stride=None,
                 stem_pool="max", strides=(1, 2, 2, 2), dilations=(1, 1, 1, 1), stride_on="3x3", activation="relu", gate=None,
                 shortcut="projection", anti_alias="none", pool="avg", bn_eps=1e-5, groups=1, head=None):
        super().__init__()
        self.bottleneck, self.stride_on, self.activation, self.gate = bottleneck, stride_on, activation, gate
        self.shortcut, self.anti_alias, self.bn_eps, self.groups = shortcut, anti_alias, bn_eps, groups
        if stem == "deep":
            half, act = width // 2, activations[activation]
            norm = lambda c: nn.BatchNorm2d(c, eps=bn_eps)
            self.conv1 = nn.Sequential(nn.Conv2d(channels, half, 3, stem_stride or 2, 1, bias=False), norm(half), act(),
                                       nn.Conv2d(half, half, 3, 1, 1, bias=False), norm(half), act(),
                                       nn.Conv2d(half, width, 3, 1, 1, bias=False))
        else:
            kernel = int(stem[0])
            stride = stem_stride or (2 if kernel == 7 else 1)
            self.conv1 = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)
        self.bn1, self.act1 = nn.BatchNorm2d(width, eps=bn_eps), activations[activation]()
        self.maxpool = {"max": lambda: nn.MaxPool2d(3, 2, 1), "none": nn.Identity, "avg": lambda: nn.AvgPool2d(3, 2, 1),
                        "max-ceil": lambda: nn.MaxPool2d(3, 2, ceil_mode=True)}[stem_pool]()
        if anti_alias == "blur3": self.maxpool = nn.Sequential(nn.MaxPool2d(3, 1, 1), Blur(width))
        if anti_alias == "avg2": self.maxpool = nn.AvgPool2d(2)
        outputs, self.stages = width, len(layers)
        for i, count in enumerate(layers):
            blocks, before = [], dilations[i - 1] if i and strides[i] == 1 else dilations[i]
            for j in range(count):
                block = Block(self, outputs, width << i, strides[i] if j == 0 else 1, before if j == 0 else dilations[i], dilations[i])
                blocks.append(block)
                outputs = (width << i) * (4 if bottleneck else 1)
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.pool = pool if isinstance(pool, nn.Module) else Pooling(pool)
        self.width = outputs * (2 if isinstance(pool, str) and pool.startswith("cat") else 1)
        self.fc = head(self.width) if head else nn.Linear(self.width, classes)

    def features(self, x):
        x = self.maxpool(self.act1(self.bn1(self.conv1(x))))
        for i in range(self.stages): x = getattr(self, f"layer{i + 1}")(x)
        return self.pool(x)

    def forward(self, x): return self.fc(self.features(x))


def small18(**facts): return Network(**facts)
def small50(**facts): return Network(**{**dict(layers=(2, 2, 2, 2), bottleneck=True), **facts})


def torchvision(name, width=16, classes=10, **more):
    kinds = {"resnet18": (BasicBlock, [2, 2, 2, 2]), "resnet34": (BasicBlock, [3, 4, 6, 3]), "resnet50": (Bottleneck, [3, 4, 6, 3])}
    return net.torchvision_resnet(*kinds[name], width=width, classes=classes, **more)


# Heads -------------------------------------------------------------------------------------------------------------

class Cosine(nn.Module):
    def __init__(self, width, classes=10, learned=False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, width))
        if learned: self.scale = nn.Parameter(torch.tensor(16.0))
        else: self.scale = 16.0

    def forward(self, x): return self.scale * F.linear(F.normalize(x), F.normalize(self.weight))


def heads():
    """name: builder for `fc`, and how the file's answer is compared; the last layer of no parameters leaves no trace."""
    L, R, D, N = nn.Linear, nn.ReLU, nn.Dropout, nn.BatchNorm1d
    S = nn.Sequential
    return {
        "linear10": lambda w: L(w, 10),
        "linear-no-bias": lambda w: L(w, 10, bias=False),
        "two-classes": lambda w: L(w, 2),
        "one-logit": lambda w: L(w, 1),
        "seq-linear": lambda w: S(L(w, 10)),
        "dropout-linear": lambda w: S(D(0.2), L(w, 10)),
        "dropout-linear-no-bias": lambda w: S(D(0.2), L(w, 10, bias=False)),
        "linear-relu-dropout-linear": lambda w: S(L(w, 32), R(), D(), L(32, 10)),
        "linear-relu-linear": lambda w: S(L(w, 32), R(), L(32, 10)),
        "linear-linear": lambda w: S(L(w, 32), L(32, 10)),
        "linear-dropout-linear": lambda w: S(L(w, 32), D(), L(32, 10)),
        "linear-gelu-linear": lambda w: S(L(w, 32), nn.GELU(), L(32, 10)),
        "linear-tanh-linear": lambda w: S(L(w, 32), nn.Tanh(), L(32, 10)),
        "bn-dropout-linear": lambda w: S(N(w), D(), L(w, 10)),
        "linear-bn-relu-linear": lambda w: S(L(w, 32), N(32), R(), L(32, 10)),
        "linear-relu-bn-linear": lambda w: S(L(w, 32), R(), N(32), L(32, 10)),
        "linear-bn-relu-dropout-linear": lambda w: S(L(w, 32), N(32), R(), D(), L(32, 10)),
        "linear-nobias-bn-relu-linear": lambda w: S(L(w, 32, bias=False), N(32), R(), L(32, 10)),
        "three-layers": lambda w: S(L(w, 48), R(), D(), L(48, 24), R(), D(), L(24, 10)),
        "three-layers-bn": lambda w: S(L(w, 48), N(48), R(), L(48, 24), N(24), R(), L(24, 10)),
        "log-softmax": lambda w: S(L(w, 32), R(), L(32, 10), nn.LogSoftmax(1)),
        "linear-log-softmax": lambda w: S(L(w, 10), nn.LogSoftmax(1)),
        "linear-softmax": lambda w: S(L(w, 10), nn.Softmax(1)),
        "linear-sigmoid": lambda w: S(L(w, 10), nn.Sigmoid()),
        "one-sigmoid": lambda w: S(L(w, 1), nn.Sigmoid()),
        "layernorm-linear": lambda w: S(nn.LayerNorm(w), L(w, 10)),
        "cosine": lambda w: Cosine(w),
        "cosine-scale": lambda w: Cosine(w, learned=True),
        "weight-norm": lambda w: nn.utils.parametrizations.weight_norm(L(w, 10)),
        "prelu": lambda w: S(L(w, 32), nn.PReLU(), L(32, 10)),
    }


class Neck(nn.Module):
    """Luo et al. 2019: batch norm between the pool and a classifier without bias."""
    def __init__(self, trunk, classes=10, names=("base", "bottleneck", "classifier"), bias=False):
        super().__init__()
        self.names = names
        width = trunk.width
        trunk.fc = nn.Identity()
        setattr(self, names[0], trunk)
        setattr(self, names[1], nn.BatchNorm1d(width))
        setattr(self, names[2], nn.Linear(width, classes, bias=bias))

    def features(self, x): return getattr(self, self.names[0]).features(x)

    def forward(self, x): return getattr(self, self.names[2])(getattr(self, self.names[1])(self.features(x)))


class Normalised(nn.Module):
    """A network that normalises pictures of 0 to 1 itself, with buffers under the names given."""
    def __init__(self, trunk, names, where="", shape=(1, 3, 1, 1)):
        super().__init__()
        self.names, self.trunk, self.where = names, trunk, where
        self.mean = torch.tensor([0.5, 0.4, 0.3]).reshape(shape)
        self.std = torch.tensor([0.2, 0.25, 0.3]).reshape(shape)

    def features(self, x): return self.trunk.features(self.inner(x))

    def inner(self, x): return (x - self.mean.reshape(1, -1, 1, 1)) / self.std.reshape(1, -1, 1, 1)

    def forward(self, x): return self.trunk(self.inner(x))

    def state(self, prefix=""):
        state = {prefix + k: v for k, v in self.trunk.state_dict().items()}
        state[self.where + self.names[0]], state[self.where + self.names[1]] = self.mean, self.std
        return state


class FastAI(nn.Module):
    """fastai's vision_learner: body by number, maximum and average pool concatenated, two linear layers."""
    def __init__(self, trunk, classes=10):
        super().__init__()
        children = [trunk.conv1, trunk.bn1, nn.ReLU(), trunk.maxpool, trunk.layer1, trunk.layer2, trunk.layer3, trunk.layer4]
        w = trunk.width
        head = [Pooling("catmaxavg"), nn.Flatten(), nn.BatchNorm1d(2 * w), nn.Dropout(0.25), nn.Linear(2 * w, 64, bias=False),
                nn.ReLU(), nn.BatchNorm1d(64), nn.Dropout(0.5), nn.Linear(64, classes, bias=False)]
        self.model = nn.Sequential(nn.Sequential(*children), nn.Sequential(*head))

    def features(self, x): return self.model[1][0](self.model[0](x))

    def forward(self, x): return self.model(x)


class ByNumber(nn.Module):
    """`nn.Sequential(*list(resnet.children())[:-1])`, its names, and maybe a classifier."""
    def __init__(self, trunk):
        super().__init__()
        self.trunk = trunk

    def features(self, x): return self.trunk.features(x)

    def forward(self, x): return self.trunk(x)

    def state(self, prefix="", head=None):
        order = {"conv1": 0, "bn1": 1, "layer1": 4, "layer2": 5, "layer3": 6, "layer4": 7}
        state = {}
        for name, value in self.trunk.state_dict().items():
            first, rest = name.split(".", 1)
            if first in order: state[f"{prefix}{order[first]}.{rest}"] = value
            elif head is not None: state[f"{head}{rest}"] = value
        return state
