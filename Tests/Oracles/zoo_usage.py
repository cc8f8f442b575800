"""Entries of the zoo by what people do with a ResNet: CIFAR codes, self-supervision, new heads, containers."""
import argparse

import torch
import torch.nn as nn

import zoo_files as files
import zoo_names as names
import zoo_networks as z
from zoo_entries import Entry, made

P = files.prefixed


# CIFAR -------------------------------------------------------------------------------------------------------------

def cifar_entries():
    own = (32, 45)
    wrapped = files.saved(lambda s: {"net": P("module.", s), "acc": 93.1, "epoch": 199})
    for depth, n in ((20, 3), (32, 5), (56, 9)):
        for option in ("both", "B"):
            build = made(f"aka{depth}{option}", lambda n=n, option=option: names.CIFARResNet([n] * 3, option=option), side=32)
            yield Entry(f"cifar/akamaster-{depth}-{option}", f"aka {depth}{option}", build,
                        files.saved(lambda s: {"state_dict": P("module.", s), "best_prec1": 92.6}, name="model.th"), own)
    for option, truth in (("end", "zeros-end"), ("average", "averaged-zeros-end")):
        build = made("zero" + option, lambda option=option: names.CIFARResNet([3] * 3, option=option), side=32)
        yield Entry(f"cifar/option-a-{option}", "zero" + option, build, files.saved(), (32, 48), truth={"shortcut": truth})
    for head in ("fc", "linear", "classifier", "classify"):
        build = made("cifarhead" + head, lambda head=head: names.CIFARResNet([3] * 3, head=head, downsample="downsample", option="B"), side=32)
        yield Entry(f"cifar/chenyaofo-{head}", "cifarhead" + head, build, files.saved(), own)
    for name, layers in (("18", [2, 2, 2, 2]), ("34", [3, 4, 6, 3])):
        build = made("kuang" + name, lambda layers=layers: names.CIFARResNet(layers, option="B"), side=32)
        yield Entry(f"cifar/kuangliu-{name}.net", "kuang" + name, build, wrapped, own)
        yield Entry(f"cifar/kuangliu-{name}", "kuang" + name, build, files.saved(), own)
    cifar = dict(stem="3x3", stem_pool="none")
    shortcut = lambda state: {k.replace("downsample", "shortcut").replace("fc.", "linear."): v for k, v in state.items()}
    build = made("kuang50", lambda: z.small50(**cifar), side=32)
    yield Entry("cifar/kuangliu-50.net", "kuang50", build, files.saved(lambda s: {"net": P("module.", s), "acc": 1}, change=shortcut), own)
    yield Entry("cifar/kuangliu-50", "kuang50", build, files.saved(change=shortcut), own)
    for name, bottleneck in (("18", False), ("50", True)):
        build = made("weiai" + name, lambda b=bottleneck: names.Renamed(z.Network(bottleneck=b, **cifar), names.weiaicunzai(b)), side=32)
        yield Entry(f"cifar/weiaicunzai-{name}", "weiai" + name, build, files.saved(), own)
        yield Entry(f"cifar/weiaicunzai-{name}.ddp", "weiai" + name, build, files.saved(prefix="module."), own)
    for name, network in (("18", z.small18), ("50", z.small50)):
        build = made("huy" + name, lambda network=network: network(stem="3x3", stem_pool="max"), side=32)
        yield Entry(f"cifar/huyvnphan-{name}", "huy" + name, build, files.saved(name="resnet18.pt"), own, truth={"stem-pool": "max"})
        build = made("plain" + name, lambda network=network: network(**cifar), side=32)
        yield Entry(f"cifar/torchvision-{name}", "plain" + name, build, files.saved(), own)
        yield Entry(f"cifar/torchvision-{name}.safetensors", "plain" + name, build, files.without_config, own)
    build = made("v1cifar", lambda: z.small50(stride_on="1x1", **cifar), side=32)
    yield Entry("cifar/stride-on-1x1", "v1cifar", build, files.saved(), own, truth={"stride-on": "1x1"})
    build = made("greycifar", lambda: z.small18(channels=1, **cifar), channels=1, side=28)
    yield Entry("cifar/mnist", "greycifar", build, files.saved(), (28, 45), channels=1)
    preact = lambda s: {k.replace("layer1.0.bn1", "layer1.0.bn0"): v for k, v in s.items() if not k.startswith("bn1")}
    build = made("preact", lambda: names.CIFARResNet([2, 2, 2, 2], option="B"), side=32)
    yield Entry("cifar/pre-activation", "preact", build, files.saved(change=preact), own, refusal=r"(?i)pre-?activation", features=False)


# Self-supervision --------------------------------------------------------------------------------------------------

def drop(state, head="fc."): return {k: v for k, v in state.items() if not k.startswith(head)}


def noise(*shape): return torch.randn(*shape, generator=torch.Generator().manual_seed(9))


def two(width=128, out=64): return {"0.weight": noise(width, width), "0.bias": noise(width), "2.weight": noise(out, width), "2.bias": noise(out)}


def norm(width): return {"weight": noise(width), "bias": noise(width), "running_mean": noise(width), "running_var": noise(width) ** 2 + 1,
                         "num_batches_tracked": torch.tensor(5)}


def projector(width=128, layers=3):
    state = {}
    for i in range(layers - 1):
        state[f"{3 * i}.weight"] = noise(width, width)
        state.update(P(f"{3 * i + 1}.", norm(width)))
    state[f"{3 * layers - 3}.weight"] = noise(width, width)
    return state


def self_supervised():
    trunk = made("trunk", z.small18)
    mlp = made("trunkmlp", lambda: z.small18(head=lambda w: nn.Sequential(nn.Linear(w, w), nn.ReLU(), nn.Linear(w, 64))))
    student = lambda s: files.other(s)
    containers = {
        "moco-v1": lambda s: {"epoch": 200, "arch": "resnet18", "state_dict": {
            **P("module.encoder_q.", s), **P("module.encoder_k.", student(s)), "module.queue": noise(64, 100),
            "module.queue_ptr": torch.tensor([5])}, "optimizer": files.optimiser(s)},
        "moco-v3": lambda s: {"epoch": 300, "arch": "resnet18", "state_dict": {
            **P("module.base_encoder.", {**drop(s), **P("fc.", projector())}), **P("module.momentum_encoder.", {**drop(student(s)), **P("fc.", projector())}),
            **P("module.predictor.", projector(layers=2))}, "optimizer": files.optimiser(s)},
        "moco-v3-linear": lambda s: {"epoch": 90, "arch": "resnet18", "state_dict": P("module.", s), "best_acc1": torch.tensor(74.6)},
        "simclr-sthalles": lambda s: {"epoch": 200, "arch": "resnet18", "optimizer": files.optimiser(s),
                                      "state_dict": {**P("backbone.", drop(s)), **P("backbone.fc.", two())}},
        "simclr-spijkervet": lambda s: {**P("encoder.", drop(s)), "projector.0.weight": noise(128, 128), "projector.2.weight": noise(64, 128)},
        "simclr-bolts": lambda s: {"pytorch-lightning_version": "1.0", "hyper_parameters": {"arch": "resnet18"}, "state_dict": {
            **P("encoder.", drop(s)), "projection.model.0.weight": noise(128, 128), "projection.model.0.bias": noise(128),
            **P("projection.model.1.", norm(128)), "projection.model.3.weight": noise(64, 128)}},
        "supcon": lambda s: {"opt": argparse.Namespace(model="resnet18"), "epoch": 1000, "optimizer": files.optimiser(s),
                             "model": {**P("encoder.module.", drop(s)), **P("head.", two())}},
        "swav": lambda s: {**P("module.", drop(s)), **P("module.projection_head.", projector(layers=2)), "module.prototypes.weight": noise(30, 128)},
        "swav-full": lambda s: {"epoch": 400, "arch": "resnet18", "optimizer": files.optimiser(s), "state_dict": {
            **P("module.", drop(s)), **P("module.projection_head.", projector(layers=2)), "module.prototypes.weight": noise(30, 128)}},
        "dino": lambda s: {"student": {**P("module.backbone.", drop(student(s))), **P("module.head.mlp.", two())},
                           "teacher": {**P("backbone.", drop(s)), **P("head.mlp.", two()), "head.last_layer.weight_g": noise(30, 1),
                                       "head.last_layer.weight_v": noise(30, 64)},
                           "optimizer": files.optimiser(s), "epoch": 100, "args": argparse.Namespace(arch="resnet18"),
                           "dino_loss": {"center": noise(1, 30)}},
        "dino-backbone": lambda s: drop(s),
        "dino-linear": lambda s: {"epoch": 100, "state_dict": {"module.linear.weight": noise(10, 128), "module.linear.bias": noise(10)}},
        "byol-lucidrains": lambda s: {**P("online_encoder.net.", drop(s)), **P("online_encoder.projector.", projector(layers=2)),
                                      **P("target_encoder.net.", drop(student(s))), **P("online_predictor.", projector(layers=2))},
        "byol-net": lambda s: P("net.", drop(s)),
        "barlow": lambda s: {"epoch": 1000, "model": {**P("module.backbone.", drop(s)), **P("module.projector.", projector()),
                                                      "module.bn.running_mean": noise(128), "module.bn.running_var": noise(128) ** 2,
                                                      "module.bn.num_batches_tracked": torch.tensor(3)}, "optimizer": files.optimiser(s)},
        "simsiam": lambda s: {"epoch": 100, "arch": "resnet18", "state_dict": {
            **P("module.encoder.", drop(s)), **P("module.encoder.fc.", projector()), **P("module.predictor.", projector(layers=2))}},
        "vicreg": lambda s: {"epoch": 1000, "model": {**P("module.backbone.", drop(s)), **P("module.projector.", projector())},
                             "optimizer": files.optimiser(s)},
        "openselfsup": lambda s: {"state_dict": drop(s), "author": "OpenSelfSup"},
        "mmselfsup": lambda s: {"meta": {"mmcv_version": "1.7"}, "state_dict": {
            **P("backbone.", drop(s)), "neck.mlp.0.weight": noise(128, 128), "neck.mlp.0.bias": noise(128), "head.criterion.weight": noise(4)}},
        "mmselfsup-moco": lambda s: {"meta": {}, "state_dict": {
            **P("encoder_q.0.", drop(s)), **P("encoder_q.1.mlp.", two()), **P("encoder_k.0.", drop(student(s))), "queue": noise(64, 9)}},
        "solo-learn": lambda s: {"epoch": 400, "pytorch-lightning_version": "1.5", "state_dict": {
            **P("backbone.", drop(s)), **P("projector.", projector()), **P("momentum_backbone.", drop(student(s)))}},
        "lightly": lambda s: {"state_dict": {**P("backbone.", drop(s)), **P("projection_head.layers.", projector())}},
        "densecl": lambda s: {"state_dict": {**P("backbone.", drop(s)), **P("neck.mlp.", two()), **P("neck.mlp2.", two())}},
        "pixpro": lambda s: {"model": {**P("module.encoder.", drop(s)), **P("module.encoder_k.", drop(student(s))),
                                       **P("module.projector.", projector(layers=2))}},
        "encoder": lambda s: P("encoder.", drop(s)), "backbone": lambda s: P("backbone.", drop(s)), "module": lambda s: P("module.", drop(s)),
        "feature-extractor": lambda s: P("feature_extractor.", drop(s)), "resnet": lambda s: {"model": P("resnet.", drop(s))},
    }
    for name, wrap in containers.items():
        refusal = r"(?i)(linear|conv1|stage)" if name == "dino-linear" else None
        logits = None if name in ("moco-v1", "moco-v3-linear") else False
        yield Entry(f"ssl/{name}", "ssl", trunk, files.saved(wrap), headless=True, refusal=refusal, logits=logits)
    yield Entry("ssl/moco-v2", "ssl mlp", mlp, files.saved(lambda s: {"arch": "resnet18", "state_dict": {
        **P("module.encoder_q.", s), **P("module.encoder_k.", student(s)), "module.queue": noise(64, 100),
        "module.queue_ptr": torch.tensor([5])}}), headless=True)
    yield Entry("ssl/moco-v2-plain", "ssl mlp", mlp, files.saved(), headless=True)
    online = made("online", z.small18)
    yield Entry("ssl/solo-learn-online", "ssl online", online, files.saved(lambda s: {"epoch": 1, "pytorch-lightning_version": "1.5", "state_dict": {
        **P("backbone.", drop(s)), "classifier.weight": s["fc.weight"], "classifier.bias": s["fc.bias"], **P("projector.", projector())}}))
    yield Entry("ssl/lincls-head", "ssl online", online, files.saved(lambda s: {
        **P("backbone.", drop(s)), "linear.weight": s["fc.weight"], "linear.bias": s["fc.bias"]}))


# Frameworks --------------------------------------------------------------------------------------------------------

def moved(trunk, head):
    """Trunk and classifier under names of their own."""
    def wrap(state): return {(head + k[3:] if k.startswith("fc.") else trunk + k): v for k, v in state.items()}
    return wrap


def framework_entries():
    plain, fifty = made("plain", z.small18), made("plain50", z.small50)
    for trunk, head in (("backbone.", "head.fc."), ("backbone.", "classifier."), ("backbone.", "fc."), ("encoder.", "head."), ("resnet.", "fc."),
                        ("model.resnet.", "model.fc."), ("base_model.", "last_linear."), ("feature_extractor.", "classifier.1."),
                        ("model.backbone.", "model.head.1."), ("cnn.", "out."), ("net.backbone.", "net.classifier."), ("features.", "classifier."),
                        ("trunk.", "logits."), ("m.", "m.fc."), ("a.b.c.", "a.b.c.fc."), ("0.", "1."), ("0.", "2."), ("", "classifier."),
                        ("", "head."), ("", "last_linear."), ("", "output."), ("", "fc1."), ("", "new_fc."), ("timm_model.", "timm_model.fc."),
                        ("module.model.", "module.model.fc."), ("_orig_mod.", "_orig_mod.fc."), ("module._orig_mod.", "module._orig_mod.fc."),
                        ("_orig_mod.module.", "_orig_mod.module.fc."), ("_fsdp_wrapped_module.", "_fsdp_wrapped_module.fc.")):
        yield Entry(f"names/{trunk or '-'}+{head}", "names", plain, files.saved(change=moved(trunk, head)))
    numbered = made("numbered", lambda: z.ByNumber(z.small18()))
    take = lambda **where: lambda model, folder: files.write(model.state(**where), folder + "/model.pth")
    yield Entry("names/children", "numbered", numbered, take(), headless=True, logits=False)
    yield Entry("names/children-features", "numbered", numbered, take(prefix="features."), headless=True, logits=False)
    yield Entry("names/children-classifier", "numbered", numbered, take(prefix="features.", head="classifier."))
    yield Entry("names/children-fc", "numbered", numbered, take(prefix="backbone.", head="fc."))
    yield Entry("names/sequential-0-1", "numbered", numbered, take(prefix="0.", head="1."))
    yield Entry("names/sequential-0-2", "numbered", numbered, take(prefix="0.", head="2."))
    yield Entry("names/children-module", "numbered", numbered, take(prefix="module.0.", head="module.3."))
    fastai = made("fastai", lambda: z.FastAI(z.small18()))
    inner = lambda state: {k.removeprefix("model."): v for k, v in state.items()}
    truth = {"pool": "catmaxavg"}
    yield Entry("names/fastai", "fastai", fastai, files.saved(change=inner), truth=truth, features=False)
    yield Entry("names/fastai-learner", "fastai", fastai, files.saved(lambda s: {"model": s, "opt": {"state": [], "hypers": []}}, change=inner),
                truth=truth, features=False)
    for label, build in (("18", plain), ("50", fifty)):
        mm = lambda s: {"meta": {"mmpretrain_version": "1.0", "dataset_meta": {}}, "state_dict": moved("backbone.", "head.fc.")(s), "message_hub": {}}
        yield Entry(f"names/mmpretrain-{label}", "mm" + label, build, files.saved(mm))
        yield Entry(f"names/mmpretrain-ema-{label}", "mm" + label, build, files.saved(lambda s: {
            "meta": {}, "state_dict": moved("backbone.", "head.fc.")(files.other(s)),
            "ema_state_dict": {"steps": torch.tensor(9), **P("module.", moved("backbone.", "head.fc.")(s))}}))
    cv = lambda network, **facts: lambda: names.Renamed(network(**facts), names.pytorchcv)
    yield Entry("names/pytorchcv-18", "cv18", made("cv18", cv(z.small18)), files.saved())
    yield Entry("names/pytorchcv-50b", "cv50b", made("cv50b", cv(z.small50)), files.saved())
    yield Entry("names/pytorchcv-50", "cv50", made("cv50", cv(z.small50, stride_on="1x1")), files.saved(), truth={"stride-on": "1x1"})
    d2 = lambda network, prefix="", head="linear.", **facts: lambda: names.Renamed(network(**facts), names.detectron2(prefix, head))
    author = lambda s: {"model": s, "__author__": "third_party", "matching_heuristics": True}
    arrays = lambda s: author({k: v.numpy() for k, v in s.items()})
    yield Entry("names/detectron2-50", "d50", made("d50", d2(z.small50, head=None)), files.saved(author), headless=True, logits=False)
    yield Entry("names/detectron2-linear", "d50l", made("d50", d2(z.small50)), files.saved(author))
    yield Entry("names/detectron2-msra", "d50m", made("d50m", d2(z.small50, head=None, stride_on="1x1")), files.saved(author), headless=True,
                logits=False, truth={"stride-on": "1x1"})
    yield Entry("names/detectron2-arrays", "d50", made("d50", d2(z.small50, head=None)), files.saved(arrays, container="pickle"), headless=True,
                logits=False, refusal="(?i)numpy|array")
    yield Entry("names/detectron2-bottom-up", "d50b", made("d50b", d2(z.small50, "backbone.bottom_up.", None)), files.saved(author),
                headless=True, logits=False)


# Heads, channels, buffers ------------------------------------------------------------------------------------------

def head_entries():
    odd = {"layernorm-linear": r"(?i)layer ?norm|fc\.0", "cosine-scale": r"fc\.scale", "weight-norm": r"(?i)weight.?norm|parametrizations",
           "prelu": r"(?i)prelu|fc\.1"}
    last = {"log-softmax": lambda m, x: m(x).exp(), "linear-log-softmax": lambda m, x: m(x).exp(), "linear-softmax": lambda m, x: m(x),
            "linear-sigmoid": lambda m, x: m(x), "one-sigmoid": lambda m, x: m(x), "one-logit": lambda m, x: torch.sigmoid(m(x))}
    truths = {"linear-gelu-linear": {"head": "linear-gelu-linear"}, "linear-tanh-linear": {"head": "linear-tanh-linear"},
              "linear-dropout-linear": {"head": "linear-linear"}, "linear-sigmoid": {"outputs": "sigmoid"}, "cosine": {"head": "cosine"}}
    for name, head in z.heads().items():
        build = made("head-" + name, lambda head=head: z.small18(head=head))
        cut = name in last and name != "one-logit"
        logits = (lambda m, x: m.fc[:-1](m.features(x))) if cut else None
        yield Entry(f"head/{name}", "head " + name, build, files.saved(), refusal=odd.get(name), truth=truths.get(name, {}), logits=logits,
                    probabilities=last.get(name))
    for name in ("linear-relu-dropout-linear", "bn-dropout-linear", "linear-bn-relu-dropout-linear", "dropout-linear"):
        build = made("head-" + name, lambda name=name: z.small18(head=z.heads()[name]))
        for trunk, place in (("backbone.", "classifier."), ("encoder.", "head."), ("model.", "model.fc.")):
            yield Entry(f"head/{name}.{place}", "head " + name, build, files.saved(change=moved(trunk, place)))
    necks = {"base": ("base", "bottleneck", "classifier"), "fast": ("backbone", "heads.bottleneck.0", "heads.weight"), "bnneck": ("model", "bn", "fc")}
    for name, parts in necks.items():
        if "." in parts[1]: continue
        build = made("neck" + name, lambda parts=parts: z.Neck(z.small18(strides=(1, 2, 2, 1)), names=parts))
        yield Entry(f"head/bn-neck-{name}", "neck" + name, build, files.saved(), features=False, truth={"strides": "1,2,2,1"})
    build = made("neckbias", lambda: z.Neck(z.small50(), bias=True))
    yield Entry("head/bn-neck-bias", "neckbias", build, files.saved(), features=False)


def input_entries():
    for channels in (1, 2, 4):
        refusal = r"(?i)channel" if channels == 2 else None
        for name, network in (("18", z.small18), ("50", z.small50)):
            build = made(f"in{channels}{name}", lambda n=network, c=channels: n(channels=c), channels)
            yield Entry(f"input/channels-{channels}-{name}", f"in{channels}{name}", build, files.saved(), channels=channels, refusal=refusal)
    buffers = {"normalize": (("normalize.mean", "normalize.std"), "", (3,)), "norm-4d": (("mean", "std"), "", (1, 3, 1, 1)),
               "mu-sigma": (("mu", "sigma"), "", (1, 3, 1, 1)), "new": (("new_mean", "new_std"), "", (3, 1, 1)),
               "wrapped": (("mean", "std"), "normalize.", (1, 3, 1, 1)), "numbered": (("mean", "std"), "0.", (3, 1, 1)),
               "pixel": (("pixel_mean", "pixel_std"), "", (3, 1, 1)), "preprocess": (("mean", "std"), "preprocess.", (1, 3, 1, 1))}
    prefixes = {"wrapped": "model.", "numbered": "1.", "mu-sigma": "model.", "preprocess": "backbone."}
    for name, (pair, where, shape) in buffers.items():
        build = made("buffer" + name, lambda n=pair, w=where, s=shape: z.Normalised(z.small18(), n, w, s))
        prefix = prefixes.get(name, "")
        save = lambda model, folder, prefix=prefix: files.write(model.state(prefix), folder + "/model.pth")
        yield Entry(f"buffers/{name}", "buffer" + name, build, save)
    for where in ("avgpool", "global_pool", "pool", "gem"):
        def named(where=where):
            def change(state): return {k.replace("pool.p", where + ".p"): v for k, v in state.items()}
            return change
        build = made("gem", lambda: z.small18(pool=z.GeM(2.6)))
        yield Entry(f"gem/{where}", "gem", build, files.saved(change=named(where)))
    build = made("gem50", lambda: z.small50(pool=z.GeM(4.0)))
    move = lambda s: {("gem.p" if k == "pool.p" else ("classifier." + k[3:] if k.startswith("fc.") else "backbone." + k)): v for k, v in s.items()}
    yield Entry("gem/backbone", "gem50", build, files.saved(change=move))
    build = made("attention", z.small18)
    extra = lambda name, value: files.saved(change=lambda s: {**s, name: value})
    for name in ("ca.fc1.weight", "layer1.0.ca.fc.weight", "sa.conv1.weight", "fc2.weight", "bottleneck.weight", "alpha",
                 "attn.in_proj_weight", "stn.fc.weight", "conv0.weight"):
        yield Entry(f"unused/{name}", "attention", build, extra(name, noise(16, 16)), refusal=name.replace(".", r"\."), ignore=name)
    for name, value in (("criterion.weight", noise(10)), ("loss_fn.weight", noise(10)), ("total_ops", torch.zeros(1, dtype=torch.float64)),
                        ("global_step", torch.tensor(4))):
        yield Entry(f"beside/{name}", "attention", build, extra(name, value))


# Containers --------------------------------------------------------------------------------------------------------

def container_entries():
    plain = made("plain", z.small18)
    for kind in ("zip", "legacy", "protocol4", "legacy4", "safetensors"):
        for dtype in (None, torch.float16, torch.bfloat16, torch.float64):
            if dtype and kind in ("protocol4", "legacy4"): continue
            label = str(dtype).removeprefix("torch.") if dtype else "float32"
            yield Entry(f"container/{kind}-{label}", f"container {kind} {label}", plain, files.saved(container=kind, dtype=dtype))
    tutorial = lambda s: {"epoch": 5, "model_state_dict": s, "optimizer_state_dict": files.optimiser(s), "loss": torch.tensor(0.4)}
    wraps = {"tutorial": tutorial, "best_model": lambda s: {"best_model": s, "epoch": 3}, "ema": lambda s: {"ema": s, "epoch": 1},
             "weights": lambda s: {"weights": s}, "model-ema-key": lambda s: {"model": files.other(s), "ema": s},
             "net": lambda s: {"net": s, "acc": 0.9}, "params": lambda s: {"params": s}, "student": lambda s: {"student": s, "epoch": 1},
             "nested": lambda s: {"checkpoint": {"model": {"state_dict": P("module.", s)}}, "args": argparse.Namespace(arch="resnet18")},
             "list": lambda s: [s, {"epoch": 3}], "tuple": lambda s: (s, 7), "model-and-optimizer": lambda s: {"model": s, "optimizer": files.optimiser(s)},
             "timm-trainer": files.timm_trainer, "tv-reference": files.torchvision_reference, "imagenet-example": files.imagenet_example,
             "ema-params": lambda s: {"params": files.other(s), "params_ema": s}, "teacher-ema": lambda s: {"state_dict": files.other(s), "ema_state_dict": s},
             "swa": lambda s: {"n_averaged": torch.tensor(5), **P("module.", s)},
             "two-models": lambda s: {"model_a": s, "model_b": files.other(s)}, "generator": lambda s: {"netE": s, "netE_optimizer": files.optimiser(s)},
             "catalyst": lambda s: {"model_state_dict": s, "criterion_state_dict": {}, "stage": "train", "epoch_metrics": {"loss": 1.0}},
             "ignite": lambda s: {"model": s, "optimizer": files.optimiser(s), "trainer": {"iteration": 9}},
             "accelerate": lambda s: {"module": s}, "deepspeed": lambda s: {"module": P("module.", s), "ds_version": "0.9", "global_steps": 4},
             "composer": lambda s: {"state": {"model": P("module.", s), "run_name": "x"}, "rng": []},
             "ultralytics": lambda s: {"model": s, "ema": None, "train_args": {"lr": 1}}, "sam": lambda s: {"sd": s, "best": 0.1}}
    refusals = {"two-models": r"--key"}
    for name, wrap in wraps.items():
        yield Entry(f"wrapper/{name}", "wrappers", plain, files.saved(wrap), refusal=refusals.get(name))
    for prefix in ("model.", "net.", "backbone.", "model.resnet.", "classifier.", "model.model.", "resnet18."):
        yield Entry(f"wrapper/lightning-{prefix}", "wrappers", plain, files.lightning(prefix, arch="resnet18", lr=0.1))
    yield Entry("wrapper/lightning-criterion", "wrappers", plain, files.saved(
        lambda s: {"pytorch-lightning_version": "2", "state_dict": {**P("model.", s), "criterion.weight": noise(10), "train_acc.tp": noise(10)}}))
    yield Entry("wrapper/lightning-ema", "wrappers", plain, files.saved(
        lambda s: {"pytorch-lightning_version": "2", "state_dict": {**P("model.", files.other(s)), **P("ema_model.module.", s)}}), refusal=r"--key")
    yield Entry("container/non-contiguous", "wrappers", plain, files.non_contiguous)
    yield Entry("container/shared-storage", "wrappers", plain, files.shared_storage)
    yield Entry("container/sharded-safetensors", "wrappers", plain, files.sharded_safetensors)
    yield Entry("container/sharded-bin", "wrappers", plain, files.sharded_bin)
    module = lambda model, folder: files.write(model, folder + "/model.pth")
    yield Entry("container/pickled-module", "wrappers", plain, module, refusal=r"(?i)nn\.Module|pickled|state_dict")

    def script(model, folder):
        path = folder + "/model.pt"
        torch.jit.trace(model, torch.zeros(1, 3, 64, 64)).save(path)
        return path
    yield Entry("container/torchscript", "wrappers", plain, script, refusal=r"(?i)torchscript")
