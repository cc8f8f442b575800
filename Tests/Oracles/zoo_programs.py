"""ONNX programs of the zoo: they tell everything, so that each has to be right, at the size of the export and at another."""
import os
import warnings

import torch
import torch.nn as nn

import zoo_names as names
import zoo_networks as z
from zoo_entries import Entry, made


class Wrapped(nn.Module):
    """A network with something before or behind it in the exported program."""
    def __init__(self, network, after=None, before=None):
        super().__init__()
        self.network, self.after, self.before = network, after, before

    def features(self, x): return self.network.features(self.inner(x))

    def inner(self, x): return self.before(x) if self.before else x

    def forward(self, x):
        y = self.network(self.inner(x))
        return self.after(y) if self.after else y


def exported(dynamic=False, opset=17, outputs=None):
    def save(model, folder):
        side = model.side if hasattr(model, "side") else 64
        channels = model.channels if hasattr(model, "channels") else 3
        path = os.path.join(folder, "model.onnx")
        axes = {"input": {0: "n", **({2: "h", 3: "w"} if dynamic else {})}}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(model, (torch.zeros(2, channels, side, side),), path, dynamo=False, opset_version=opset, dynamic_axes=axes,
                              input_names=["input"], output_names=outputs)
        return path
    return save


def program_entries():
    facts = {
        "plain": {}, "activation-silu": dict(activation="silu"), "activation-leaky": dict(activation="leaky_relu:0.1"),
        "activation-gelu": dict(activation="gelu"), "activation-relu6": dict(activation="relu6"), "activation-hardswish": dict(activation="hardswish"),
        "activation-mish": dict(activation="mish"), "last-stride-1": dict(strides=(1, 2, 2, 1)),
        "dilated-8": dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), bottleneck=True), "v1": dict(stride_on="1x1", bottleneck=True),
        "stem-pool-none": dict(stem_pool="none"), "stem-pool-avg": dict(stem_pool="avg"), "stem-pool-max-ceil": dict(stem_pool="max-ceil"),
        "pool-max": dict(pool="max"), "pool-avgmax": dict(pool="avgmax"), "pool-catavgmax": dict(pool="catavgmax"),
        "pool-catmaxavg": dict(pool="catmaxavg"), "bn-eps": dict(bn_eps=1e-3), "gate": dict(gate="sigmoid"), "hard-gate": dict(gate="hard_sigmoid"),
        "blur": dict(anti_alias="blur3"), "blur-bottleneck": dict(anti_alias="blur3", bottleneck=True), "avg2": dict(anti_alias="avg2"),
        "avg-projection": dict(shortcut="avgproj", bottleneck=True), "groups": dict(groups=4, bottleneck=True), "deep-stem": dict(stem="deep"),
    }
    for name, arguments in facts.items():
        key = "onnx-" + name
        build = made(key, lambda arguments=arguments: z.Network(**arguments))
        sizes = (64, 96) if name == "avg2" else (64, 77)
        yield Entry(f"onnx/{name}", key, build, exported(), sizes)
        if name in ("plain", "pool-avgmax", "dilated-8", "gate"): yield Entry(f"onnx/{name}.dynamic", key, build, exported(dynamic=True), sizes)
        if name in ("plain", "pool-avgmax", "activation-relu6"): yield Entry(f"onnx/{name}.opset11", key, build, exported(opset=11), sizes)
    for exponent in (3.0, 2.6):
        build = made(f"onnx-gem{exponent}", lambda exponent=exponent: z.small18(pool=z.GeM(exponent)))
        yield Entry(f"onnx/gem-{exponent}", f"onnx gem {exponent}", build, exported(), refusal=r"(?i)Pow|generali[sz]ed mean")
    for option in ("both", "end", "B"):
        def build(option=option):
            model = z.randomise(names.CIFARResNet([2] * 3, option=option), "onnx-a" + option, side=32)
            model.side = 32
            return model
        yield Entry(f"onnx/cifar-option-{option}", "onnx a" + option, build, exported(), (32, 45))
    for channels in (1, 4):
        def build(channels=channels):
            model = z.randomise(z.small18(channels=channels), f"onnx-c{channels}", channels)
            model.channels = channels
            return model
        yield Entry(f"onnx/channels-{channels}", f"onnx c{channels}", build, exported(), channels=channels)
    for name in ("linear-relu-dropout-linear", "bn-dropout-linear", "linear-bn-relu-linear", "linear-relu-bn-linear", "linear-no-bias", "one-logit",
                 "linear-tanh-linear", "linear-gelu-linear"):
        build = made("onnx-h" + name, lambda name=name: z.small18(head=z.heads()[name]))
        refusal = r"(?i)Tanh|Erf|Gelu" if "tanh" in name or "gelu" in name else None
        probabilities = (lambda m, x: torch.sigmoid(m(x))) if name == "one-logit" else None
        yield Entry(f"onnx/head-{name}", "onnx h" + name, build, exported(), refusal=refusal, probabilities=probabilities, features=False)
    tails = {"softmax": (lambda y: y.softmax(1), None), "log-softmax": (lambda y: y.log_softmax(1), None), "sigmoid": (torch.sigmoid, None),
             "argmax": (lambda y: (y.softmax(1).argmax(1), y.softmax(1)), None), "topk": (lambda y: torch.topk(y.softmax(1), 5), None),
             "scaled": (lambda y: y / 1.7, 1.7), "logits-and-softmax": (lambda y: (y, y.softmax(1)), None), "max": (lambda y: y.softmax(1).max(1), None)}
    mean, std = torch.tensor([0.5, 0.4, 0.3]).reshape(1, 3, 1, 1), torch.tensor([0.2, 0.25, 0.3]).reshape(1, 3, 1, 1)
    heads = {"normalised": lambda x: (x - mean) / std, "divided-by-255": lambda x: x / 255.0, "byte-normalised": lambda x: (x / 255.0 - mean) / std,
             "bgr": lambda x: x[:, [2, 1, 0]], "two-x-minus-1": lambda x: 2 * x - 1}
    for name, (after, scale) in tails.items():
        build = made("onnx-t", lambda after=after: Wrapped(z.small18(), after), forward=None)
        def build(after=after, name=name): return Wrapped(z.randomise(z.small18(), "onnx-t"), after).eval()
        logits = (lambda m, x, scale=scale: m.network(x) / (scale or 1))
        probabilities = (lambda m, x: torch.sigmoid(m.network(x))) if name == "sigmoid" else None
        yield Entry(f"onnx/tail-{name}", "onnx tail " + name, build, exported(), logits=logits, probabilities=probabilities)
    for name, before in heads.items():
        def build(before=before, name=name): return Wrapped(z.randomise(z.small18(), "onnx-b"), None, before).eval()
        yield Entry(f"onnx/input-{name}", "onnx input " + name, build, exported(), refusal=r"(?i)Gather|Slice|channel" if name == "bgr" else None)
    neck = made("onnx-neck", lambda: z.Neck(z.small18()))
    yield Entry("onnx/bn-neck", "onnx neck", neck, exported(), features=False)
    fastai = made("onnx-fastai", lambda: z.FastAI(z.small18()))
    yield Entry("onnx/fastai", "onnx fastai", fastai, exported(), features=False)
