"""The forms of ONNX that real exporters give full-size ResNets with random weights; used by check_onnx.py.

A form is a function of a side: it writes the network, exported at that side, and returns the file's path. Its weights
are the same at every side. Versions: requirements-onnx.txt.
"""
import copy
import os
import warnings

import numpy as np
import onnx
import onnxruntime as ort
import timm
import torch
import torchvision
from onnx import numpy_helper

warnings.filterwarnings("ignore")
torch.set_num_threads(2)
tv = torchvision.models
PRESERVE = dict(training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
UNFOLDED = dict(do_constant_folding=False)


def seeded(model, seed=7):
    """Random weights, and batch norms whose statistics matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if not tensor.is_floating_point(): continue
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"): tensor.copy_(0.5 + noise.abs())
            elif tensor.dim() == 1: tensor.copy_(noise * 0.1 + (0.7 if name.endswith("weight") else 0.0))
            else: tensor.copy_(noise * (2.0 / tensor[0].numel()) ** 0.5)
    return model.eval()


class FixedPool(torch.nn.Module):
    """A fixed average pool over the whole map and a constant Reshape, as heads were exported for years."""

    def __init__(self, model, side):
        super().__init__()
        self.trunk = torch.nn.Sequential(*list(model.children())[:-2])
        self.avgpool, self.fc = torch.nn.AvgPool2d((side + 31) // 32), model.fc

    def forward(self, x):
        return self.fc(self.avgpool(self.trunk(x)).reshape(1, self.fc.in_features))


class LinearGate(torch.nn.Module):
    """Squeeze-and-excitation whose layers are Linear, as its first implementations have it."""

    def __init__(self, channels, expands):
        super().__init__()
        self.fc = torch.nn.Sequential(
            torch.nn.Linear(channels, channels // 16, bias=False), torch.nn.ReLU(inplace=True),
            torch.nn.Linear(channels // 16, channels, bias=False), torch.nn.Sigmoid())
        self.expands = expands

    def forward(self, x):
        b, c, _, _ = x.size()
        y = self.fc(torch.nn.functional.adaptive_avg_pool2d(x, 1).view(b, c)).view(b, c, 1, 1)
        return x * (y.expand_as(x) if self.expands else y)


def linear_gates(expands):
    model = tv.resnet18()
    for stage in (model.layer1, model.layer2, model.layer3, model.layer4):
        for block in stage: block.bn2 = torch.nn.Sequential(block.bn2, LinearGate(block.bn2.num_features, expands))
    return model


class ConvolutionHead(torch.nn.Module):
    """A classifier that is a 1x1 convolution."""

    def __init__(self, model):
        super().__init__()
        self.trunk = torch.nn.Sequential(*list(model.children())[:-1])
        self.classifier = torch.nn.Conv2d(model.fc.in_features, 1000, 1)

    def forward(self, x): return self.classifier(self.trunk(x)).flatten(1)


class Several(torch.nn.Module):
    """Features and probabilities as well as logits."""

    def __init__(self, model):
        super().__init__()
        self.trunk, self.fc = torch.nn.Sequential(*list(model.children())[:-1]), model.fc

    def forward(self, x):
        features = self.trunk(x).flatten(1)
        logits = self.fc(features)
        return features, logits


def write(folder, name, side, model, dynamo, half=False, **more):
    path = os.path.join(folder, f"{name}@{side}.onnx")
    x = torch.zeros(1, 3, side, side)
    torch.onnx.export(model, (x.half() if half else x,), path, dynamo=dynamo, **({"verbose": False} if dynamo else {}), **more)
    return path


def plain(build, dynamo=False, wrap=None, **more):
    """A network of torch through its own exporter."""
    def form(folder, name, side):
        model = seeded(build())
        return write(folder, name, side, wrap(model, side) if wrap else model, dynamo, **more)
    return form


def through(inner, change):
    """A form whose file another tool rewrites."""
    def form(folder, name, side):
        path = inner(folder, name, side)
        onnx.save(change(onnx.load(path)), path)
        return path
    return form


def weights_as_inputs(model):
    """IR 3: every weight is listed as an input too."""
    given = {value.name for value in model.graph.input}
    for tensor in model.graph.initializer:
        if tensor.name in given: continue
        model.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    model.ir_version = 3
    return model


def optimised(level):
    def change(model):
        settings = ort.SessionOptions()
        settings.graph_optimization_level = level
        settings.optimized_model_filepath = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"optimised-{os.getpid()}.onnx")
        settings.log_severity_level = 3
        ort.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
        result = onnx.load(settings.optimized_model_filepath)
        os.remove(settings.optimized_model_filepath)
        return result
    return change


def simplified(model):
    import onnxsim
    result, good = onnxsim.simplify(model)
    assert good
    return result


def halved(keep):
    def change(model):
        from onnxconverter_common import float16
        return float16.convert_float_to_float16(model, keep_io_types=keep)
    return change


def widened(model):
    """Half-precision weights that Cast nodes widen again, as converters that keep float32 arithmetic write them."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT: continue
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
        casts.append(onnx.helper.make_node("Cast", [tensor.name + "_half"], [tensor.name], to=1))
        tensor.name += "_half"
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def in_float(inner):
    """What a half-precision file must compute: its own weights, in float32 arithmetic."""
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT

    def form(folder, name, side):
        path = inner(folder, name + "-float", side)
        model = onnx.load(path)
        for tensor in model.graph.initializer:
            if tensor.data_type != half: continue
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
        for value in list(model.graph.input) + list(model.graph.output):
            if value.type.tensor_type.elem_type == half: value.type.tensor_type.elem_type = single
        del model.graph.value_info[:]
        for node in model.graph.node:
            for attribute in node.attribute:
                if node.op_type == "Cast" and attribute.i == half: attribute.i = single
                if attribute.HasField("t") and attribute.t.data_type == half:
                    attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float32)))
        onnx.save(model, path)
        return path
    return form


def torch_half(folder, name, side):
    return write(folder, name, side, seeded(tv.resnet18()).half(), True, half=True)


def light(folder, name, side):
    """The zoo's ResNet-50 as the onnx package ships it, its ConstantOfShape weights replaced by random ones."""
    import onnx.backend.test
    source = os.path.join(os.path.dirname(onnx.backend.test.__file__), "data", "light", "light_resnet50.onnx")
    model = onnx.load(source)
    generator = np.random.default_rng(50)
    shapes = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        shape, weight = shapes[node.input[0]], node.output[0]
        noise = generator.standard_normal(shape)
        if "_riv_" in weight: value = 0.5 + np.abs(noise)
        elif len(shape) > 1: value = noise * (2.0 / np.prod(shape[1:])) ** 0.5
        else: value = noise * 0.1 + (0.7 if "_s_" in weight else 0.0)
        model.graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), weight))
    del model.graph.node[:]
    model.graph.node.extend(kept)
    if side != 224:
        # The same network as its converter would have written it at another side.
        del model.graph.value_info[:]
        for axis in (2, 3): model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = side
        for node in model.graph.node:
            if node.op_type != "AveragePool": continue
            for attribute in node.attribute:
                if attribute.name == "kernel_shape": attribute.ints[:] = [(side + 31) // 32] * 2
    path = os.path.join(folder, f"{name}@{side}.onnx")
    onnx.save(model, path)
    return path


def shipped_light(folder, name, side):
    import onnx.backend.test
    assert side == 224
    path = os.path.join(folder, name + ".onnx")
    onnx.save(onnx.load(os.path.join(os.path.dirname(onnx.backend.test.__file__), "data", "light", "light_resnet50.onnx")), path)
    return path


def free(*axes):
    names = {0: "batch", 2: "height", 3: "width"}
    return dict(input_names=["input"], output_names=["output"],
                dynamic_axes={"input": {axis: names[axis] for axis in axes}, "output": {0: "batch"}})


def dims(*axes):
    makers = {0: "batch", 2: "height", 3: "width"}
    return dict(dynamic_shapes=({axis: torch.export.Dim(makers[axis]) if axis == 0 else torch.export.Dim.DYNAMIC for axis in axes},))


def hugging_face():
    from transformers import ResNetConfig, ResNetForImageClassification

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = ResNetForImageClassification(ResNetConfig(num_labels=1000))

        def forward(self, x): return self.model(x).logits

    return Logits()


def timms(name): return lambda: timm.create_model(name)


r18, r50 = tv.resnet18, tv.resnet50
# name: (form, the form whose logits are the right ones where it is not the file itself)
FORMS = {
    "old-resnet50": (plain(r50), None),
    "old-unfolded-resnet50": (plain(r50, **UNFOLDED), None),
    "old-norms-resnet50": (plain(r50, **PRESERVE), None),
    "old-norms-resnet18": (plain(r18, **PRESERVE), None),
    "old-free-resnet18": (plain(r18, **free(0, 2, 3)), None),
    "old-batch-resnet34": (plain(tv.resnet34, opset_version=11, **free(0)), None),
    "old-norms-resnext50": (plain(tv.resnext50_32x4d, **PRESERVE), None),
    "old-wide-resnet50": (plain(tv.wide_resnet50_2), None),
    "old-ir3-resnet18": (through(plain(r18, opset_version=8, keep_initializers_as_inputs=True, **PRESERVE), weights_as_inputs), None),
    "old-ir3-fixed-resnet50": (through(plain(r50, wrap=FixedPool, opset_version=8, **PRESERVE), weights_as_inputs), None),
    "old-fixed-resnet50": (plain(r50, wrap=FixedPool), None),
    "new-fixed-resnet50": (plain(r50, True, wrap=FixedPool), None),
    "new-resnet18": (plain(r18, True), None),
    "new-resnet50": (plain(r50, True), None),
    "new-inside-resnet50": (plain(r50, True, external_data=False), None),
    "new-norms-resnet50": (plain(r50, True, optimize=False), None),
    "new-batch-resnet18": (plain(r18, True, **dims(0)), None),
    "new-free-resnet50": (plain(r50, True, **dims(0, 2, 3)), None),
    "new-free-norms-resnet18": (plain(r18, True, optimize=False, **dims(0, 2, 3)), None),
    "light-resnet50": (light, None),
    "fp16-widened-resnet18": (through(plain(r18), widened), None),
    "fp16-common-resnet18": (through(plain(r18), halved(False)), in_float(through(plain(r18), halved(False)))),
    "fp16-common-io-resnet50": (through(plain(r50), halved(True)), in_float(through(plain(r50), halved(True)))),
    "fp16-torch-resnet18": (torch_half, in_float(torch_half)),
    "onnxsim-resnet50": (through(plain(r50, **UNFOLDED), simplified), None),
    "onnxsim-fixed-resnet18": (through(plain(r18, wrap=FixedPool), simplified), None),
    "ort-basic-resnet50": (through(plain(r50, **PRESERVE), optimised(ort.GraphOptimizationLevel.ORT_ENABLE_BASIC)), None),
    "timm-resnet50d": (plain(timms("resnet50d"), **PRESERVE), None),
    "timm-new-seresnet50": (plain(timms("seresnet50"), True), None),
    "timm-seresnet50": (plain(timms("seresnet50"), **PRESERVE), None),
    "timm-resnet26t": (plain(timms("resnet26t")), None),
    "hugging-face-resnet50": (plain(hugging_face), None),
    "hugging-face-new-resnet50": (plain(hugging_face, True), None),
    "linear-gates": (plain(lambda: linear_gates(False)), None),
    "linear-gates-expanded": (plain(lambda: linear_gates(True), **free(0)), None),
    "linear-gates-new": (plain(lambda: linear_gates(True), True), None),
    "convolution-head": (plain(lambda: ConvolutionHead(r18())), None),
    "softmax-resnet18": (plain(lambda: torch.nn.Sequential(r18(), torch.nn.Softmax(1))), None),
    "several-outputs-resnet18": (plain(lambda: Several(r18())), None),
}
for _opset in range(7, 21): FORMS[f"opset{_opset}-resnet18"] = (plain(r18, opset_version=_opset, **(PRESERVE if _opset % 2 else {})), None)
for _opset in (18, 19, 20, 21, 22, 23): FORMS[f"new-opset{_opset}-resnet18"] = (plain(r18, True, opset_version=_opset, external_data=False), None)
