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


def reparametrised():
    """Weights that are stored as parts of the weights that the network uses, and norms beside norms."""
    plain = made("plain", z.small18)

    def pruned(s):
        mask = {k: (noise(*v.shape) > 0).float() for k, v in s.items() if k.endswith("conv1.weight")}
        return {**{k: v for k, v in s.items() if k not in mask}, **{k[:-6] + "weight_orig": s[k] for k in mask},
                **{k[:-6] + "weight_mask": v for k, v in mask.items()}}

    def split(name, *parts): return lambda s: {**{k: v for k, v in s.items() if k != name}, **{name[:-6] + p: v for p, v in parts}}
    extra = lambda prefix: lambda s: {**s, **{k.replace("layer1.0.bn1.", f"layer1.0.bn1.{prefix}"): v for k, v in s.items() if k.startswith("layer1.0.bn1.")}}
    cases = {
        "pruned": (pruned, r"weight_(orig|mask)"),
        "spectral-norm": (split("fc.weight", ("weight_orig", noise(10, 128)), ("weight_u", noise(10)), ("weight_v", noise(128))), r"(?i)weight_orig|spectral"),
        "weight-norm-of-2018": (split("fc.weight", ("weight_g", noise(10, 1)), ("weight_v", noise(10, 128))), r"(?i)weight_[gv]|weight.?norm"),
        "weight-norm-of-conv": (split("layer2.0.conv1.weight", ("weight_g", noise(32, 1, 1, 1)), ("weight_v", noise(32, 16, 3, 3))),
                                r"(?i)weight_[gv]|weight.?norm"),
        "lora": (lambda s: {**s, "layer1.0.conv1.lora_A.weight": noise(4, 16, 3, 3), "layer1.0.conv1.lora_B.weight": noise(16, 4, 1, 1)}, r"lora"),
        "auxiliary-norm": (extra("aux_bn.0."), r"aux_bn"), "domain-norm": (extra("bns.0."), r"bns"),
        "flattened-map": (lambda s: {**s, "fc.weight": noise(10, 512)}, r"fc\.weight"),
        "transposed-linear": (lambda s: {**s, "fc.weight": s["fc.weight"].t().contiguous()}, r"fc\.weight"),
        "keras-layout": (lambda s: {k: v.permute(2, 3, 1, 0).contiguous() if v.dim() == 4 else v for k, v in s.items()}, r"(?i)shape|conv1"),
        "quantised": (lambda s: {k: (v * 50).round().to(torch.int8) if v.dim() == 4 else v for k, v in s.items()}, r"(?i)int8|quanti"),
        "not-a-number": (lambda s: {**s, "fc.bias": torch.full((10,), float("nan"))}, r"(?i)nan|finite|number"),
        "missing-block": (lambda s: {k: v for k, v in s.items() if not k.startswith("layer2.1.bn2")}, r"layer2\.1\.bn2"),
        "missing-shortcut": (lambda s: {k: v for k, v in s.items() if "layer3.0.downsample" not in k}, r"layer3\.0\.downsample|shortcut"),
    }
    for name, (wrap, refusal) in cases.items():
        yield Entry(f"near/{name}", "beside plain", plain, files.saved(wrap), refusal=refusal, never=True)
    chosen = {"best-and-last": lambda s: {"state_dict": files.other(s), "best_state_dict": s}, "folds": lambda s: [s, files.other(s)],
              "ensemble": lambda s: {**P("models.0.", s), **P("models.1.", files.other(s))},
              "two-branches": lambda s: {"rgb": s, "flow": files.other(s), "epoch": 1}}
    for name, wrap in chosen.items(): yield Entry(f"near/{name}", "beside plain", plain, files.saved(wrap), refusal=r"--key")
    fine = {"parameters": lambda s: {k: nn.Parameter(v) if v.is_floating_point() else v for k, v in s.items()},
            "no-counters": lambda s: {k: v for k, v in s.items() if not k.endswith("num_batches_tracked")},
            "shadow-list": lambda s: {"model": s, "ema": {"decay": 0.99, "shadow_params": [v for v in files.other(s).values()]}},
            "double-wrapped": lambda s: {"state_dict": {"model": P("module.", s)}, "epoch": 1},
            "other-dictionaries": lambda s: {"model": s, "scaler": {"scale": 1.0, "growth": torch.tensor(2.0)}, "rng": torch.zeros(8, dtype=torch.uint8),
                                             "history": {"loss": [1.0, 0.5], "acc": torch.tensor([0.1, 0.4])}, "class_to_idx": {"a": 0}}}
    for name, wrap in fine.items(): yield Entry(f"near/{name}", "beside plain", plain, files.saved(wrap))
    arrays = files.saved(lambda s: {k: v.numpy() for k, v in s.items()}, container="pickle")
    yield Entry("container/numpy-pickle", "beside plain", plain, arrays, refusal=r"(?i)numpy|arrays")
    yield Entry("container/torch-save-of-arrays", "beside plain", plain, files.saved(lambda s: {k: v.numpy() for k, v in s.items()}), refusal=r"(?i)numpy|arrays")

    def module_inside(model, folder): return files.write({"epoch": 1, "model": model}, folder + "/model.pth")
    def compressed(model, folder):
        import gzip
        path = files.write(files.state_of(model), folder + "/model.pth")
        with open(path, "rb") as f: data = f.read()
        with gzip.open(path + ".gz", "wb", compresslevel=1) as f: f.write(data)
        return path + ".gz"
    def npz(model, folder):
        import numpy
        numpy.savez(folder + "/model.npz", **{k: v.numpy() for k, v in files.state_of(model).items()})
        return folder + "/model.npz"
    yield Entry("container/module-inside", "beside plain", plain, module_inside, refusal=r"(?i)pickled|state_dict")
    yield Entry("container/gzip", "beside plain", plain, compressed, refusal=r"(?i)gzip|compressed|unpack")
    yield Entry("container/npz", "beside plain", plain, npz, refusal=r"(?i)numpy|npz|array")


def shapes():
    """Forms of the trunk that are rarer than torchvision's."""
    import transformers as t
    from zoo_entries import HuggingFace
    nets = {"stem-5x5": (dict(stem="5x5", stem_stride=2), {"stem-stride": "2", "stem-pool": "max"}),
            "stem-5x5-stride-1": (dict(stem="5x5", stem_stride=1, stem_pool="none"), {"stem-stride": "1", "stem-pool": "none"}),
            "three-stages": (dict(layers=(2, 2, 2), strides=(1, 2, 2), dilations=(1, 1, 1)), {}),
            "five-stages": (dict(layers=(1, 1, 1, 1, 1), strides=(1, 2, 2, 2, 2), dilations=(1,) * 5, width=8), {}),
            "one-block-each": (dict(layers=(1, 1, 1, 1)), {}), "many-classes": (dict(classes=2000), {}), "odd-width": (dict(width=18), {}),
            "dilated-16-last-only-bottleneck": (dict(bottleneck=True, strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2)), {"strides": "1,2,2,1", "dilations": "1,1,1,2"})}
    for name, (facts, truth) in nets.items():
        refusal = r"(?i)conv1|kernel|stem" if "5x5" in name else r"(?i)stages|layer5" if name == "five-stages" else None
        yield Entry(f"shape/{name}", "shape " + name, made("shape" + name, lambda facts=facts: z.Network(**facts)), files.saved(), truth=truth, refusal=refusal)
    basic = dict(layer_type="basic", embedding_size=16, depths=[2, 2, 2, 2], num_labels=10)
    for name, sizes in (("same-widths", [32, 32, 64, 64]), ("first-as-embedding", [16, 16, 32, 32])):
        build = made("hfs" + name, lambda sizes=sizes: HuggingFace(t.ResNetForImageClassification(t.ResNetConfig(**basic, hidden_sizes=sizes))))
        yield Entry(f"shape/hf-{name}", "hf " + name, build, files.pretrained())
        yield Entry(f"shape/hf-{name}.alone", "hf " + name, build, files.pretrained(config=False))
    linear = lambda s: {k.replace("se.fc1.", "se.fc.0.").replace("se.fc2.", "se.fc.2."): v.flatten(1) if ".se." in k and v.dim() == 4 else v
                        for k, v in s.items()}
    gated = made("gated", lambda: z.small50(gate="sigmoid"))
    yield Entry("shape/gate-linear", "gated", gated, files.saved(change=linear))
    def without_bias():
        network = z.small18(gate="sigmoid")
        for m in network.modules():
            if isinstance(m, z.Gate): m.fc1.bias, m.fc2.bias = None, None
        return network
    yield Entry("shape/gate-no-bias", "gated no bias", made("gated-no-bias", without_bias), files.saved(change=linear))
    conv = lambda s: {k: v[:, :, None, None] if k == "fc.weight" else v for k, v in s.items()}
    yield Entry("shape/head-conv", "head conv", made("plain", z.small18), files.saved(change=conv))


def neighbours():
    yield from reparametrised()
    yield from shapes()
    yield from named_entries()
    yield from beside_entries()
    yield from look_alikes()
