"""Entries of the zoo that are nearly a plain ResNet: what stands beside it in a file, what names it, and what only looks like one."""
import argparse

import torch
import torch.nn as nn

import zoo_files as files
import zoo_names as names
import zoo_networks as z
from zoo_entries import Entry, made
from zoo_usage import P, drop, noise, norm


def named_entries():
    """Facts that a name inside the checkpoint, a configuration or the code's own names tell."""
    import timm
    narrow = dict(channels=(16, 32, 64, 128), num_classes=10, stem_width=16)
    arch = lambda name: lambda s: {"epoch": 3, "arch": name, "state_dict": s, "version": 2}
    arguments = lambda **more: lambda s: {"epoch": 3, "state_dict": s, "args": argparse.Namespace(**more)}
    hyper = lambda **more: lambda s: {"state_dict": s, "pytorch-lightning_version": "2", "hyper_parameters": more}
    for name in ("resnetblur18", "resnetaa34d", "resnetblur50", "legacy_seresnet18"):
        def build(name=name): return z.randomise(timm.create_model(name, num_classes=10), "arch" + name)
        sizes = (64, 96) if "aa" in name else (64, 77)
        truth = {"anti-alias": "blur3" if "blur" in name else "avg2"}
        for form, wrap in (("arch", arch(name)), ("args-model", arguments(model=name, lr=0.1)), ("args-arch", arguments(arch=name)),
                           ("hyper-parameters", hyper(model_name=name, lr=0.1)), ("hyper-arch", hyper(arch=name))):
            if name != "resnetblur18" and form not in ("arch", "args-model"): continue
            yield Entry(f"told/{name}.{form}", "told " + name, build, files.saved(wrap), sizes, truth={} if "legacy" in name else truth)
    for name, config in (("other-depth", {"architecture": "resnet50", "num_classes": 10}),
                         ("other-kind", {"architecture": "vit_base_patch16_224", "num_classes": 10}),
                         ("other-classes", {"architecture": "resnet18", "num_classes": 1000}),
                         ("regnet", {"architectures": ["RegNetForImageClassification"], "model_type": "regnet"})):
        refusal = r"(?i)config\.json|resnet50|vit|regnet|classes"
        yield Entry(f"told/config-{name}", "told plain", made("told", lambda: z.torchvision("resnet18")), files.saved(config=config), refusal=refusal,
                    features=False)
    timm_wrapper = {"architecture": "resnet18", "model_type": "timm_wrapper", "num_classes": 10, "model_args": {"act_layer": "silu"}, "do_pooling": True}
    build = lambda: z.randomise(timm.create_model("resnet18", act_layer="silu", **narrow), "wrapper")
    yield Entry("told/timm-wrapper", "told wrapper", build, files.saved(prefix="timm_model.", container="safetensors", config=timm_wrapper), features=None)
    build = made("mmv1c", lambda: names.Renamed(z.small50(stem="deep"), names.caffe2))
    mm = lambda s: {"meta": {}, "state_dict": {("head.fc." + k[3:] if k.startswith("fc.") else "backbone." + k): v for k, v in s.items()}}
    yield Entry("told/mmpretrain-v1c", "mmv1c", build, files.saved(mm))


def beside_entries():
    plain, other = made("plain", z.small18), lambda s: files.other(s)
    decoder = {"decoder.blocks.0.conv1.0.weight": noise(16, 16, 3, 3), **P("decoder.blocks.0.conv1.1.", norm(16)),
               "segmentation_head.0.weight": noise(2, 16, 3, 3), "segmentation_head.0.bias": noise(2)}
    detector = {"rpn.head.conv.0.0.weight": noise(16, 16, 3, 3), "rpn.head.cls_logits.weight": noise(3, 16, 1, 1),
                "roi_heads.box_predictor.cls_score.weight": noise(5, 16), "backbone.fpn.inner_blocks.0.0.weight": noise(16, 16, 1, 1)}
    several = r"(?i)fc_age|fc_sex|--ignore|--key"
    cases = {
        "segmentation": (lambda s: {**P("encoder.", drop(s)), **decoder}, r"(?i)decoder|segmentation_head"),
        "detector": (lambda s: {**P("backbone.body.", drop(s)), **detector}, r"(?i)rpn|roi_heads|fpn"),
        "two-heads": (lambda s: {**drop(s), "fc_age.weight": noise(5, 128), "fc_age.bias": noise(5), "fc_sex.weight": noise(2, 128),
                                 "fc_sex.bias": noise(2)}, several),
        "aux-head": (lambda s: {**P("backbone.", drop(s)), "classifier.0.weight": noise(16, 16, 3, 3), "aux_classifier.0.weight": noise(16, 16, 3, 3)},
                     r"(?i)classifier"),
        "siamese": (lambda s: {**P("branch1.", s), **P("branch2.", other(s))}, r"--key"),
        "teacher-and-student": (lambda s: {"state_dict": {**P("student.", other(s)), **P("teacher.", s)}}, r"--key"),
        "generator-and-discriminator": (lambda s: {"G": {"conv.weight": noise(3, 3, 3, 3)}, "D": s}, r"--key"),
        "extra-block": (lambda s: {**s, "layer5.0.conv1.weight": noise(16, 16, 3, 3)}, r"layer5"),
        "cbam": (lambda s: {**s, "layer1.0.ca.fc.0.weight": noise(4, 16, 1, 1), "layer1.0.sa.conv1.weight": noise(1, 2, 7, 7)}, r"layer1\.0\.(ca|sa)"),
        "non-local": (lambda s: {**s, "layer3.1.nl.theta.weight": noise(8, 64, 1, 1)}, r"layer3\.1\.nl"),
        "position": (lambda s: {**s, "pos_embed": noise(1, 4, 128)}, r"pos_embed"),
        "layer-scale": (lambda s: {**s, "layer1.0.gamma": noise(16)}, r"gamma"),
        "fixup-scale": (lambda s: {**s, "layer1.0.scale": noise(1)}, r"scale"),
        "temperature": (lambda s: {**s, "temperature": noise(1)}, r"temperature"),
        "centres": (lambda s: {**s, "centers": noise(10, 128)}, r"centers"),
        "filters": (lambda s: {**s, "layer2.0.aa.filt": noise(32, 1, 3, 3)}, r"filt"),
        "instance-norm": (lambda s: {**{k: v for k, v in s.items() if "running" not in k}}, r"(?i)running_(mean|var)|batch norm|normalisation without running"),
        "no-batch-norm": (lambda s: {**{k: v for k, v in s.items() if ".bn" not in k and not k.startswith("bn")}}, r"(?i)batch norm"),
    }
    for name, modules in (("stem", ["conv1"]), ("all", None)):
        def build(name=name, modules=modules):
            network = z.small18()
            for path, module in network.named_modules():
                if isinstance(module, nn.Conv2d) and (modules is None or path in modules): module.bias = nn.Parameter(torch.zeros(module.out_channels))
            return z.randomise(network, "bias-" + name)
        yield Entry(f"near/bias-{name}", "bias " + name, build, files.saved(), refusal=r"conv1\.bias")
    right_too = {"two-heads", "aux-head", "segmentation", "detector", "siamese", "teacher-and-student", "generator-and-discriminator"}
    for name, (wrap, refusal) in cases.items():
        trunk = name in ("segmentation", "detector", "two-heads", "aux-head")
        key = "beside trunk" if trunk else "beside plain"
        yield Entry(f"near/{name}", key, plain, files.saved(wrap), refusal=refusal, headless=trunk, logits=False if trunk else None,
                    never=name not in right_too)


def look_alikes():
    class WideBlock(nn.Module):
        """Zagoruyko & Komodakis 2016: pre-activation."""
        def __init__(self, a, b, stride):
            super().__init__()
            self.bn1, self.conv1 = nn.BatchNorm2d(a), nn.Conv2d(a, b, 3, stride, 1, bias=False)
            self.bn2, self.conv2 = nn.BatchNorm2d(b), nn.Conv2d(b, b, 3, 1, 1, bias=False)
            self.shortcut = nn.Sequential(nn.Conv2d(a, b, 1, stride, bias=False)) if a != b or stride > 1 else nn.Sequential()

        def forward(self, x):
            y = torch.relu(self.bn1(x))
            return self.conv2(torch.relu(self.bn2(self.conv1(y)))) + (self.shortcut(y) if len(self.shortcut) else x)

    class PreActivation(nn.Module):
        def __init__(self, last_norm, widths=(16, 32, 64, 128)):
            super().__init__()
            self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
            a = widths[0]
            for i, b in enumerate(widths):
                setattr(self, f"layer{i + 1}", nn.Sequential(WideBlock(a, b, 2 if i else 1), WideBlock(b, b, 1)))
                a = b
            self.count = len(widths)
            if last_norm: self.bn1 = nn.BatchNorm2d(a)
            self.linear = nn.Linear(a, 10)

        def forward(self, x):
            x = self.conv1(x)
            for i in range(self.count): x = getattr(self, f"layer{i + 1}")(x)
            if hasattr(self, "bn1"): x = torch.relu(self.bn1(x))
            return self.linear(x.mean((2, 3)))

    own, refusal = (32, 48), r"(?i)pre-?activation|wide|is not supported"
    yield Entry("cifar/preact-kuangliu", "preact0", made("preact0", lambda: PreActivation(False), side=32), files.saved(), own, refusal=refusal,
                features=False)
    yield Entry("cifar/wide-resnet", "preact1", made("preact1", lambda: PreActivation(True, (16, 32, 64)), side=32), files.saved(), own,
                refusal=refusal, features=False)
    build = made("dxy", lambda: names.Renamed(names.CIFARResNet([3] * 3, option="end", head="fc"), names.dxy), side=32)
    yield Entry("cifar/d-x-y", "dxy", build, files.saved(), own, truth={"shortcut": "zeros-end"}, refusal=r"(?i)expected the weights of a ResNet")


def neighbours():
    yield from named_entries()
    yield from beside_entries()
    yield from look_alikes()
