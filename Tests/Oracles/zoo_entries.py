"""What the zoo holds: `entries()` in a fixed order; entries with one `key` share a network and follow each other."""
import dataclasses
import functools
from typing import Callable, Optional

import torch
import torch.nn as nn

import zoo_files as files
import zoo_networks as z


@dataclasses.dataclass
class Entry:
    name: str
    key: str                      # of the network
    build: Callable               # a network with random weights and statistics
    save: Callable                # (network, folder) -> the file that fixresc is given
    sizes: tuple = (64, 77)
    channels: int = 3
    options: tuple = ()           # always given: what no tool could know
    truth: dict = dataclasses.field(default_factory=dict)  # facts that the file does not tell: name -> value
    refusal: Optional[str] = None  # where a refusal is right: a pattern that its message has to match
    headless: bool = False
    logits: Optional[Callable] = None       # (network, x) -> scores before any softmax or sigmoid; default: the network
    probabilities: Optional[Callable] = None  # (network, x)
    features: Optional[Callable] = None     # (network, x); default `network.features`; False: not compared
    ignore: Optional[str] = None            # a tensor that changes the network: refused, and right with --ignore
    never: bool = False                     # the file is not what the network computes: refused, or right with --ignore
    parameters: Optional[Callable] = None   # their number, where the network may be too large for the zoo
    randomise: Optional[Callable] = None    # done only if the file is not refused


def made(key, build, channels=3, **more):
    """A builder that also randomises."""
    return lambda: z.randomise(build(), key, channels, **more)


# timm --------------------------------------------------------------------------------------------------------------

# What the messages of networks that are not supported have to name.
foreign = {
    "regnet": r"(?i)regnet", "res2net": r"(?i)res2net|scale", "resnest": r"(?i)resnest|split", "sknet": r"(?i)selective|sknet|SK",
    "resnetv2": r"(?i)v2|pre-?activation|BiT", "byobnet": r"(?i)byob|another layout|convnext", "byoanet": r"(?i)byo|another layout|convnext",
    "nfnet": r"(?i)\bnf|another layout|weight standard|normali[sz]er.free",
    "cspnet": r"(?i)csp", "tresnet": r"(?i)tresnet", "dla": r"(?i)dla|res2net", "inception_resnet_v2": r"(?i)inception",
    "eca": r"(?i)ECA|efficient channel", "gn": r"(?i)group ?norm|gn",
}
timm_modules = ["resnet", "senet", "resnetv2", "regnet", "byobnet", "byoanet", "nfnet", "cspnet", "res2net", "resnest", "sknet",
                "tresnet", "dla", "inception_resnet_v2"]


def timm_names():
    import timm
    from timm.models._registry import _model_to_module as module_of
    word = ("res", "regnet", "senet", "skres", "bot", "halo", "lambda", "gcres")
    for module in timm_modules:
        for name in timm.list_models():
            if module_of[name] == module and any(w in name for w in word): yield module, name


@functools.cache
def size_of(name):
    import timm
    with torch.device("meta"): return sum(v.numel() for v in timm.create_model(name).parameters())


def timm_refusal(module, name):
    if module not in ("resnet", "senet"): return foreign[module]
    return foreign["eca"] if name.startswith("eca") else foreign["gn"] if name.endswith("_gn") else None


def timm_entries():
    import timm
    for module, name in timm_names():
        refusal = timm_refusal(module, name)
        truth = {"anti-alias": "avg2"} if "aa" in name.split("_")[0].replace("seresnext", "x") else {}
        if "blur" in name: truth = {"anti-alias": "blur3"}
        if module != "resnet": truth = {}
        side = 64 if module in ("resnet", "senet") else (256 if module == "byoanet" else 128 if module == "nfnet" else 64)
        def build(name=name, refusal=refusal, side=side):
            model = timm.create_model(name, num_classes=10)
            return model.eval() if refusal else z.randomise(model, name, side=side)
        later = (lambda model, name=name, side=side: z.randomise(model, name, side=side)) if refusal else None
        common = dict(key=f"timm {name}", build=build, randomise=later, parameters=lambda name=name: size_of(name),
                      sizes=(64, 96) if "avg2" in truth.values() else (64, 77), refusal=refusal, features=None if not refusal else False)
        yield Entry(f"timm/{name}.pth", save=files.saved(), truth=truth, **common)
        yield Entry(f"timm/{name}.hub", save=files.hub, **common)


def timm_facts():
    """timm's arguments, which its config.json tells and the weights alone do not."""
    import timm
    import timm.layers as layers
    narrow = dict(channels=(16, 32, 64, 128), num_classes=10, stem_width=16)
    cases = {}
    for act in ("leaky_relu", "relu6", "silu", "gelu", "hard_swish", "mish"):
        cases["act-" + act] = ("resnet18", dict(act_layer=act), {"activation": act.replace("hard_swish", "hardswish")})
    for stride, truth in ((16, {"strides": "1,2,2,1", "dilations": "1,1,1,2"}), (8, {"strides": "1,2,1,1", "dilations": "1,1,2,4"})):
        cases[f"output-stride-{stride}-basic"] = ("resnet18", dict(output_stride=stride), truth)
        cases[f"output-stride-{stride}-bottleneck"] = ("resnet26", dict(output_stride=stride), truth)
        cases[f"output-stride-{stride}-d"] = ("resnet26d", dict(output_stride=stride), truth)
    for pool in ("max", "avgmax", "catavgmax"):
        cases["pool-" + pool] = ("resnet18", dict(global_pool=pool), {"pool": pool})
    cases["stem-deep"] = ("resnet18", dict(stem_type="deep"), {})
    cases["replace-stem-pool"] = ("resnet18", dict(replace_stem_pool=True), {})
    cases["avg-down"] = ("resnet26", dict(avg_down=True), {})
    cases["down-kernel-3"] = ("resnet26", dict(down_kernel_size=3), {})
    cases["block-reduce-first"] = ("resnet26", dict(block_reduce_first=2), {})
    cases["act-silu-bottleneck"] = ("resnet26", dict(act_layer="silu"), {"activation": "silu"})
    cases["act-and-stride"] = ("resnet26", dict(act_layer="leaky_relu", output_stride=16),
                               {"activation": "leaky_relu", "strides": "1,2,2,1", "dilations": "1,1,1,2"})
    for label, (name, more, truth) in cases.items():
        def build(name=name, more=more, label=label):
            return z.randomise(timm.create_model(name, **{**narrow, **more}), "timm-" + label)
        common = dict(key="timm-fact " + label, build=build)
        yield Entry(f"timm-fact/{label}.hub", save=files.hub, **common)
        yield Entry(f"timm-fact/{label}.pth", save=files.saved(), truth=truth, **common)
    cases = {
        "aa-blur": ("resnet18", dict(aa_layer=layers.BlurPool2d), {"anti-alias": "blur3"}),
        "aa-blur-bottleneck": ("resnet26", dict(aa_layer=layers.BlurPool2d), {"anti-alias": "blur3"}),
        "aa-blur-d": ("resnet26d", dict(aa_layer=layers.BlurPool2d), {"anti-alias": "blur3"}),
        "aa-avg": ("resnet18", dict(aa_layer=nn.AvgPool2d), {"anti-alias": "avg2"}),
        "aa-avg-bottleneck": ("resnet26", dict(aa_layer=nn.AvgPool2d), {"anti-alias": "avg2"}),
        "aa-avg-d": ("resnet26d", dict(aa_layer=nn.AvgPool2d), {"anti-alias": "avg2"}),
        "bn-eps-1e-3": ("resnet18", dict(norm_layer=functools.partial(nn.BatchNorm2d, eps=1e-3)), {"bn-eps": "1e-3"}),
        "hard-gate": ("resnet18", dict(block_args=dict(attn_layer=functools.partial(layers.SEModule, gate_layer="hard_sigmoid"))),
                      {"gate": "hard_sigmoid"}),
        "hard-gate-bottleneck": ("resnet26", dict(block_args=dict(attn_layer=functools.partial(layers.SEModule, gate_layer="hard_sigmoid"))),
                                 {"gate": "hard_sigmoid"}),
    }
    for label, (name, more, truth) in cases.items():
        def build(name=name, more=more, label=label):
            return z.randomise(timm.create_model(name, **{**narrow, **more}), "timm-" + label)
        sizes = (64, 96) if "aa-avg" in label else (64, 77)
        yield Entry(f"timm-fact/{label}.pth", key="timm-fact " + label, build=build, save=files.saved(), sizes=sizes, truth=truth)


# Plain torchvision -------------------------------------------------------------------------------------------------

def torchvision_entries():
    import torchvision.models as tv
    for name in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d",
                 "wide_resnet50_2"):
        def build(name=name): return z.randomise(getattr(tv, name)(num_classes=1000), name)
        yield Entry(f"torchvision/{name}.pth", "tv " + name, build, files.saved())
        yield Entry(f"torchvision/{name}.safetensors", "tv " + name, build, files.without_config)
    for name in ("regnet_y_400mf", "regnet_x_400mf", "densenet121", "vgg11_bn", "mobilenet_v2", "googlenet", "inception_v3", "convnext_tiny",
                 "efficientnet_b0", "shufflenet_v2_x0_5", "mnasnet0_5", "squeezenet1_0", "alexnet", "vit_b_16", "swin_t"):
        def build(name=name): return getattr(tv, name)(num_classes=10).eval()
        yield Entry(f"torchvision/{name}.pth", "tv " + name, build, files.saved(), refusal=r"(?i)is not supported|expected the weights of a ResNet", features=False)


def facts_of_plain_networks():
    """The ambiguous arithmetic under torchvision's names: nothing in the file tells it."""
    eight, fifty = z.small18, z.small50
    cases = {}
    for act in list(z.activations)[1:]: cases["activation-" + act.replace(":", "-")] = (eight, {"activation": act}, {})
    for act in ("silu", "leaky_relu", "relu6"): cases["activation-50-" + act] = (fifty, {"activation": act}, {})
    cases["last-stride-1"] = (eight, {"strides": (1, 2, 2, 1)}, {})
    cases["last-stride-1-bottleneck"] = (fifty, {"strides": (1, 2, 2, 1)}, {})
    cases["first-stride-2"] = (eight, {"strides": (2, 2, 2, 2)}, {})
    cases["last-two-strides-1"] = (fifty, {"strides": (1, 2, 1, 1)}, {})
    cases["dilated-16"] = (fifty, {"strides": (1, 2, 2, 1), "dilations": (1, 1, 1, 2)}, {})
    cases["dilated-8"] = (fifty, {"strides": (1, 2, 1, 1), "dilations": (1, 1, 2, 4)}, {})
    cases["dilated-16-basic"] = (eight, {"strides": (1, 2, 2, 1), "dilations": (1, 1, 1, 2)}, {})
    cases["stride-on-1x1"] = (fifty, {"stride_on": "1x1"}, {})
    for pool in ("none", "max-ceil", "avg"): cases["stem-pool-" + pool] = (eight, {"stem_pool": pool}, {})
    cases["stem-stride-1"] = (eight, {"stem_stride": 1}, {})
    cases["stem-stride-1-no-pool"] = (eight, {"stem_stride": 1, "stem_pool": "none"}, {})
    cases["cifar-stem-max"] = (eight, {"stem_pool": "max"}, {"stem": "3x3"})
    cases["cifar-stem-stride-2"] = (eight, {"stem_stride": 2, "stem_pool": "max"}, {"stem": "3x3"})
    cases["cifar-stem-stride-2-no-pool"] = (eight, {"stem_stride": 2, "stem_pool": "none"}, {"stem": "3x3"})
    cases["deep-stem"] = (eight, {}, {"stem": "deep"})
    cases["deep-stem-stride-1"] = (eight, {"stem_stride": 1}, {"stem": "deep"})
    cases["deep-stem-no-pool"] = (eight, {"stem_pool": "none"}, {"stem": "deep"})
    for pool in ("max", "avgmax"): cases["pool-" + pool] = (eight, {"pool": pool}, {})
    cases["pool-gem-without-exponent"] = (eight, {"pool": "gem:3"}, {"pool": "gem:3"})
    cases["bn-eps-1e-3"] = (eight, {"bn_eps": 1e-3}, {})
    cases["bn-eps-1e-3-bottleneck"] = (fifty, {"bn_eps": 1e-3}, {})
    cases["hard-gate"] = (eight, {"gate": "hard_sigmoid"}, {})
    cases["hard-gate-bottleneck"] = (fifty, {"gate": "hard_sigmoid"}, {})
    cases["gate"] = (fifty, {}, {"gate": "sigmoid"})
    for kind in ("blur3", "avg2"):
        cases["anti-alias-" + kind] = (eight, {"anti_alias": kind}, {})
        cases["anti-alias-50-" + kind] = (fifty, {"anti_alias": kind}, {})
    cases["avg-projection"] = (fifty, {}, {"shortcut": "avgproj"})
    cases["groups"] = (fifty, {}, {"groups": 4})
    cases["silu-and-stride"] = (fifty, {"activation": "silu", "strides": (1, 2, 2, 1)}, {})
    cases["v1-and-max-ceil"] = (fifty, {"stride_on": "1x1", "stem_pool": "max-ceil"}, {})
    cases["three-facts"] = (eight, {"activation": "leaky_relu", "pool": "max", "bn_eps": 1e-3}, {})
    for label, (network, facts, traced) in cases.items():
        def build(network=network, facts=facts, traced=traced, label=label):
            arguments = {**facts, **traced}
            if arguments.get("pool") == "gem:3": arguments["pool"] = z.FixedGeM()
            return z.randomise(network(**arguments), "fact-" + label)
        truth = {name.replace("_", "-"): ",".join(map(str, v)) if isinstance(v, tuple) else f"{v:g}" if isinstance(v, float) else str(v)
                 for name, v in facts.items()}
        sizes = (64, 96) if "avg2" in label else (64, 77)  # the average filter of odd maps does not meet the shortcut
        yield Entry(f"fact/{label}", "fact " + label, build, files.saved(), sizes, truth=truth)
    build = made("fact-catavgmax", lambda: z.small18(pool="catavgmax"))
    yield Entry("fact/pool-catavgmax", "fact catavgmax", build, files.saved())
    build = made("fact-catmaxavg", lambda: z.small18(pool="catmaxavg"))
    yield Entry("fact/pool-catmaxavg", "fact catmaxavg", build, files.saved(), truth={"pool": "catmaxavg"})


# Hugging Face ------------------------------------------------------------------------------------------------------

class HuggingFace(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.hugging_face = model
        self.bare = not hasattr(model, "classifier")

    def features(self, x): return (self.hugging_face if self.bare else self.hugging_face.resnet)(x).pooler_output.flatten(1)

    def forward(self, x): return self.features(x) if self.bare else self.hugging_face(x).logits

    def state(self): return self.hugging_face.state_dict()


def hugging_face_entries():
    import transformers as t
    t.utils.logging.disable_progress_bar()
    basic = dict(layer_type="basic", hidden_sizes=[16, 32, 64, 128], embedding_size=16, depths=[2, 2, 2, 2], num_labels=10)
    bottle = dict(layer_type="bottleneck", hidden_sizes=[64, 128, 256, 512], embedding_size=16, depths=[2, 2, 2, 2], num_labels=10)
    first = {"strides": "2,2,2,2"}
    configs = {
        "18": (basic, {}), "50": (bottle, {}), "26-v1": ({**bottle, "downsample_in_bottleneck": True}, {"stride-on": "1x1"}),
        "first-stage": ({**basic, "downsample_in_first_stage": True}, first),
        "first-stage-50": ({**bottle, "downsample_in_first_stage": True}, first),
        "gelu": ({**basic, "hidden_act": "gelu"}, {"activation": "gelu"}), "silu": ({**bottle, "hidden_act": "silu"}, {"activation": "silu"}),
        "leaky": ({**basic, "hidden_act": "leaky_relu"}, {"activation": "leaky_relu"}),
        "mish": ({**bottle, "hidden_act": "mish"}, {"activation": "mish"}),
        "relu6": ({**basic, "hidden_act": "relu6"}, {"activation": "relu6"}), "depths": ({**basic, "depths": [1, 1, 3, 1]}, {}),
        "one-label": ({**basic, "num_labels": 1}, {}), "embedding-32": ({**bottle, "embedding_size": 32}, {}),
    }
    forms = {"safetensors": (files.pretrained(), True), "bin": (files.pretrained(bin=True), True),
             "alone": (files.pretrained(config=False), False), "bin-alone": (files.pretrained(bin=True, config=False), False)}
    for label, (config, facts) in configs.items():
        def build(config=config, label=label):
            return z.randomise(HuggingFace(t.ResNetForImageClassification(t.ResNetConfig(**config))), "hf" + label)
        for form, (save, told) in forms.items():
            if form.startswith("bin") and label not in ("18", "26-v1", "gelu", "first-stage"): continue
            yield Entry(f"hf/{label}.{form}", "hf " + label, build, save, truth={} if told else facts)
    for channels in (1, 4):
        def build(channels=channels):
            return z.randomise(HuggingFace(t.ResNetForImageClassification(t.ResNetConfig(**basic, num_channels=channels))), "hfc", channels)
        yield Entry(f"hf/channels-{channels}", f"hf channels {channels}", build, files.pretrained(), channels=channels)
    for label, config in (("18", basic), ("50", bottle)):
        build = made("hfm" + label, lambda config=config: HuggingFace(t.ResNetModel(t.ResNetConfig(**config))))
        for form, (save, told) in forms.items(): yield Entry(f"hf/model-{label}.{form}", "hf model " + label, build, save, headless=True)
    build = made("hf18", lambda: HuggingFace(t.ResNetForImageClassification(t.ResNetConfig(**basic))))
    yield Entry("hf/sharded", "hf sharded", build, files.pretrained(shard="200KB"))
    yield Entry("hf/data-parallel", "hf sharded", build, files.saved(prefix="module."))
    yield Entry("hf/lightning", "hf sharded", build, files.lightning("model."))
    small = dict(hidden_sizes=[16, 32, 64, 128], depths=[1, 1, 1, 1], num_labels=10)
    others = {"regnet": (lambda: t.RegNetForImageClassification(t.RegNetConfig(**small, embedding_size=16, groups_width=8)), r"(?i)regnet"),
              "bit": (lambda: t.BitForImageClassification(t.BitConfig(**small, embedding_size=32, num_groups=8)), r"(?i)bit"),
              "convnext": (lambda: t.ConvNextForImageClassification(t.ConvNextConfig(**small)), r"(?i)convnext"),
              "vit": (lambda: t.ViTForImageClassification(t.ViTConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                                                                      intermediate_size=64)), r"(?i)vit|transformer")}
    for label, (build, refusal) in others.items():
        for form in ("safetensors", "alone"):
            yield Entry(f"hf/{label}.{form}", "hf " + label, lambda build=build: build().eval(), forms[form][0], refusal=refusal, features=False)


def entries():
    import zoo_neighbours
    import zoo_programs
    import zoo_usage as usage
    parts = (facts_of_plain_networks, timm_facts, usage.cifar_entries, usage.self_supervised, usage.framework_entries, usage.head_entries,
             usage.input_entries, usage.container_entries, zoo_neighbours.neighbours,
             zoo_programs.program_entries, hugging_face_entries, torchvision_entries, timm_entries)
    for part in parts: yield from part()
