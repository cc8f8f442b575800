"""Makes the ONNX files beside this script: tiny seeded ResNets with every head, tail and input arithmetic that PyTorch's
older exporter writes with the sizes of the export in it; and expected.json, their logits from torch at that size and others.

Pinned: torch 2.13.0, onnx 1.23.2, numpy 2.x.  Run: python make.py
"""
import json
import os
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
SIDE = 32
SIZES = [32, 40, 47, 64]
torch.set_num_threads(1)
warnings.filterwarnings("ignore")


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, activation, dilation=1, blur=False, option="B"):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 1 if blur else stride, dilation, dilation, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        self.blur = Blur(outputs) if blur and stride > 1 else None
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, dilation, dilation, bias=False)
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)) if option == "B" else None
        self.activation, self.added = activation, outputs - inputs

    def forward(self, x):
        y = self.activation(self.bn1(self.conv1(x)))
        if self.blur is not None: y = self.blur(y)
        y = self.bn2(self.conv2(y))
        if self.shortcut is not None: return self.activation(y + self.shortcut(x))
        return self.activation(y + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.added // 2, self.added - self.added // 2)))


class Blur(nn.Module):
    """timm's BlurPool2d: reflection, then a binomial filter of each channel."""
    def __init__(self, channels):
        super().__init__()
        line = torch.tensor([0.25, 0.5, 0.25])
        self.channels = channels
        self.register_buffer("filter", (line[:, None] * line[None, :]).repeat(channels, 1, 1, 1))

    def forward(self, x): return F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), self.filter, stride=2, groups=self.channels)


def whole_max(x): return F.max_pool2d(x, (int(x.shape[2]), int(x.shape[3])))
def whole_mean(x): return F.avg_pool2d(x, (int(x.shape[2]), int(x.shape[3])))


POOLS = {
    "mean": lambda x: F.adaptive_avg_pool2d(x, 1),
    "avgmax": lambda x: 0.5 * (F.adaptive_avg_pool2d(x, 1) + F.adaptive_max_pool2d(x, 1)),
    "avgmax-baked": lambda x: 0.5 * (x.mean((2, 3), keepdim=True) + whole_max(x)),
    "avgmax-both-baked": lambda x: (whole_mean(x) + whole_max(x)) / 2,
    "catavgmax": lambda x: torch.cat([x.mean((2, 3), keepdim=True), whole_max(x)], 1),
    "catavgmax-rows": lambda x: torch.cat([whole_mean(x).flatten(1), whole_max(x).squeeze(3).squeeze(2)], 1),
    "gem": lambda x: whole_mean(x.clamp(min=1e-6).pow(3.5)).pow(1 / 3.5),
}


class Net(nn.Module):
    def __init__(self, pool="mean", activation=F.relu, before=None, after=None, head=None, scores=None, **block):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4)
        self.layer1, self.layer2 = Block(4, 6, 2, activation, **block), Block(6, 8, 1 if block.get("dilation", 1) > 1 else 2, activation, **block)
        self.last = scores
        self.pool, self.activation, self.before, self.after = POOLS[pool], activation, before, after
        self.fc = head or nn.Linear(16 if pool.startswith("cat") else 8, 5)

    def scores(self, x):
        if self.before: x = self.before(x)
        x = self.layer2(self.layer1(self.activation(self.bn1(self.conv1(x)))))
        if self.last is not None: x = self.last(x)
        return self.fc(torch.flatten(self.pool(x), 1))

    def forward(self, x):
        y = self.scores(x)
        return self.after(y) if self.after else y


MEAN, STD = torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)
CAFFE = torch.tensor([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1)


def networks():
    for pool in POOLS:
        if pool != "mean": yield "pool-" + pool, Net(pool)
    yield "option-a", Net(option="A")
    yield "blur", Net(blur=True)
    yield "dilated", Net(dilation=2)
    for name, function in {"silu": F.silu, "gelu": F.gelu, "gelu-tanh": lambda x: F.gelu(x, approximate="tanh"), "mish": F.mish, "relu6": F.relu6,
                           "leaky": lambda x: F.leaky_relu(x, 0.1), "hardswish": lambda x: x * F.relu6(x + 3) / 6}.items():
        yield name, Net(activation=function)
    yield "neck", Net(head=nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 5)))
    yield "tail-softmax", Net(after=lambda y: y.softmax(1))
    yield "tail-log-softmax", Net(after=lambda y: y.log_softmax(1))
    yield "tail-sigmoid", Net(after=torch.sigmoid)
    yield "tail-argmax", Net(after=lambda y: (y.argmax(1), y.softmax(1)))
    yield "tail-topk", Net(after=lambda y: torch.topk(y.softmax(1), 3))
    yield "headless", Net("avgmax", head=nn.Identity())
    yield "scores-of-a-convolution", Net(activation=F.relu, head=nn.Identity(), scores=nn.Conv2d(8, 5, 1))
    yield "tail-unsupported", Net(after=lambda y: (y.softmax(1).cumsum(1), y))
    yield "tail-scaled", Net(after=lambda y: y / 1.7)
    yield "input-unit", Net(before=lambda x: (x - MEAN) / STD)
    yield "input-byte", Net(before=lambda x: x / 127.5 - 1)
    yield "input-caffe", Net(before=lambda x: x - CAFFE)
    yield "input-flipped", Net(before=lambda x: x[:, [2, 1, 0]] - CAFFE)
    yield "input-norm", Net(before=nn.BatchNorm2d(3))


def picture(side, scale):
    i = np.arange(3 * side * side, dtype=np.float64)
    values = np.sin(i * 0.37 + (i % 11) * 0.9).astype(np.float32)
    return torch.tensor((values * np.float32(0.5) + np.float32(0.5)) * np.float32(scale) if scale else values).reshape(1, 3, side, side)


def main():
    expected = {}
    for name, model in networks():
        torch.manual_seed(sum(name.encode()))
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm1d)):
                module.running_mean.normal_(0, 0.2), module.running_var.uniform_(0.5, 1.5), module.weight.data.uniform_(0.8, 1.6), module.bias.data.normal_(0, 0.3)
            elif isinstance(module, (nn.Conv2d, nn.Linear)):
                module.weight.data.normal_(0, 1.4 / module.weight[0].numel() ** 0.5)
                if module.bias is not None: module.bias.data.normal_(0, 0.3)
        # A batch norm of pictures whose values are 0 to 255.
        if isinstance(model.before, nn.BatchNorm2d):
            model.before.running_mean.copy_(torch.tensor([123.7, 116.3, 103.5])), model.before.running_var.copy_(torch.tensor([3400.0, 3260.0, 3290.0]))
        scale = {"input-unit": 1, "input-byte": 255, "input-caffe": 255, "input-flipped": 255, "input-norm": 255}.get(name, 0)
        model.eval()
        outputs = {"tail-argmax": ["classes", "probabilities"], "tail-topk": ["best", "indices"], "tail-unsupported": ["sums", "scores"]}.get(name, ["scores"])
        path = os.path.join(HERE, name + ".onnx")
        torch.onnx.export(model, (picture(SIDE, scale),), path, dynamo=False, opset_version=17, input_names=["input"], output_names=outputs)
        with torch.no_grad():
            expected[name] = {"scale": scale, "logits": {str(side): (model.scores(picture(side, scale))[0] / (1.7 if name == "tail-scaled" else 1)).tolist() for side in SIZES}}
    with open(os.path.join(HERE, "expected.json"), "w") as file: json.dump(expected, file, indent=1)


if __name__ == "__main__": main()
