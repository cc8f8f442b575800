"""Makes the ONNX fixtures beside this file: tiny seeded ResNets as real exporters and old converters write them.

Pinned: torch 2.13.0, torchvision 0.28.0, onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.32.0, numpy 2.x.
Run: python make_fixtures.py            (writes *.onnx, *.onnx.data and, for each, <name>.npz-free logits in expected.json)
"""
import io
import json
import os
import sys

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck, conv1x1

HERE = os.path.dirname(os.path.abspath(__file__))
SIDE = 32
torch.set_num_threads(1)


class Tiny(nn.Module):
    """torchvision's ResNet in small, with its names."""

    def __init__(self, block=BasicBlock, classes=5, width=4, head="flatten"):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.inplanes = width
        self.layer1 = self.stage(block, width, 1)
        self.layer2 = self.stage(block, width * 2, 2)
        self.avgpool = nn.AvgPool2d(4) if head == "fixed" else nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width * 2 * block.expansion, classes)
        self.head = head

    def stage(self, block, planes, stride):
        out = planes * block.expansion
        downsample = None
        if stride != 1 or self.inplanes != out:
            downsample = nn.Sequential(conv1x1(self.inplanes, out, stride), nn.BatchNorm2d(out))
        kwargs = {"base_width": 64}
        made = block(self.inplanes, planes, stride, downsample, **kwargs)
        self.inplanes = out
        return nn.Sequential(made)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        if self.head == "mean":
            return self.fc(x.mean([2, 3]))
        x = self.avgpool(x)
        if self.head == "view":
            return self.fc(x.view(x.size(0), -1))
        if self.head == "squeeze":
            return self.fc(x.squeeze(3).squeeze(2))
        return self.fc(torch.flatten(x, 1))


def seeded(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if not tensor.is_floating_point():
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(0.5 + noise.abs())
            elif tensor.dim() == 1:
                tensor.copy_(noise * 0.3 + (1.0 if name.endswith("weight") else 0.0))
            else:
                tensor.copy_(noise * (2.0 / tensor[0].numel()) ** 0.5)
    return model.eval()


def path(name):
    return os.path.join(HERE, name)


def torch_old(name, model, **options):
    x = torch.zeros(1, 3, SIDE, SIDE)
    torch.onnx.export(model, (x,), path(name), dynamo=False, input_names=["input"], output_names=["output"], **options)


def torch_new(name, model, **options):
    x = torch.zeros(1, 3, SIDE, SIDE)
    torch.onnx.export(model, (x,), path(name), dynamo=True, verbose=False, **options)
    forget_machine(path(name))


def forget_machine(file):
    """Exporters keep stack traces with paths in metadata; nothing reads them."""
    model = onnx.load(file, load_external_data=False)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in list(model.graph.value_info) + list(model.graph.input) + list(model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
    onnx.save(model, file)


def weights(seed, bottleneck=False):
    block = Bottleneck if bottleneck else BasicBlock
    return {k: v.numpy() for k, v in seeded(Tiny(block), seed).state_dict().items() if v.is_floating_point()}


class Builder:
    """A graph by hand, as converters of older frameworks wrote them."""

    def __init__(self):
        self.nodes, self.initializers, self.inputs = [], [], []

    def tensor(self, name, array, listed=False):
        tensor = numpy_helper.from_array(np.ascontiguousarray(array), name)
        self.initializers.append(tensor)
        if listed:
            self.inputs.append(helper.make_tensor_value_info(name, tensor.data_type, list(array.shape)))
        return name

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name="", **attributes))
        return output

    def save(self, name, shape, output, out_shape, ir, opset, input_name="data", dtype=TensorProto.FLOAT):
        graph = helper.make_graph(
            self.nodes, "tiny",
            [helper.make_tensor_value_info(input_name, dtype, shape)] + self.inputs,
            [helper.make_tensor_value_info(output, dtype, out_shape)], self.initializers)
        model = helper.make_model(
            graph, producer_name="make_fixtures", ir_version=ir, opset_imports=[helper.make_opsetid("", opset)])
        if opset >= 7:
            onnx.checker.check_model(model)
        onnx.save(model, path(name))


def zoo(name, ir, opset):
    """The zoo's converters of 2017: weights as graph inputs, spatial batch norm, Sum, fixed pool, Reshape, Softmax."""
    w, b = weights(7), Builder()
    listed = ir < 4

    def conv(x, module, out, stride, pad, kernel):
        b.node("Conv", [x, b.tensor(module + "_w", w[module + ".weight"], listed)], out,
               kernel_shape=[kernel, kernel], strides=[stride] * 2, pads=[pad] * 4, group=1, dilations=[1, 1])
        return out

    def norm(x, module, out):
        names = [b.tensor(module + s, w[module + t], listed) for s, t in
                 (("_s", ".weight"), ("_b", ".bias"), ("_rm", ".running_mean"), ("_riv", ".running_var"))]
        extra = {"spatial": 1} if opset < 9 else {}
        if opset < 7:
            extra["is_test"] = 1
        b.node("BatchNormalization", [x] + names, out, epsilon=1e-5, momentum=0.9, **extra)
        return out

    x = b.node("Relu", [norm(conv("data", "conv1", "conv1_1", 2, 3, 7), "bn1", "conv1_2")], "conv1_3")
    x = b.node("MaxPool", [x], "pool1", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for layer, stride in (("layer1.0", 1), ("layer2.0", 2)):
        skip = x
        y = norm(conv(x, layer + ".conv1", layer + "_1", stride, 1, 3), layer + ".bn1", layer + "_2")
        y = b.node("Relu", [y], layer + "_3")
        y = norm(conv(y, layer + ".conv2", layer + "_4", 1, 1, 3), layer + ".bn2", layer + "_5")
        if stride == 2:
            skip = norm(conv(x, layer + ".downsample.0", layer + "_6", 2, 0, 1), layer + ".downsample.1", layer + "_7")
        x = b.node("Relu", [b.node("Sum", [y, skip], layer + "_8")], layer + "_9")
    x = b.node("AveragePool", [x], "pool5", kernel_shape=[4, 4], strides=[1, 1], pads=[0] * 4)
    x = b.node("Dropout", [x], "drop", **({"is_test": 1} if opset < 7 else {}))
    if opset < 5:
        x = b.node("Reshape", [x], "flat", shape=[0, -1])
    else:
        x = b.node("Reshape", [x, b.tensor("flat_shape", np.array([1, 8], np.int64), listed)], "flat")
    extra = {"broadcast": 1} if opset < 7 else {}
    x = b.node("Gemm", [x, b.tensor("pred_w", w["fc.weight"], listed), b.tensor("pred_b", w["fc.bias"], listed)],
               "pred", transB=1, **extra)
    b.node("Softmax", [x], "prob")
    b.save(name, [1, 3, SIDE, SIDE], "prob", [1, 5], ir, opset)


def keras(name, decomposed):
    """A TensorFlow graph: NHWC input, Pad before convolution and pool, NHWC mean, MatMul + Add, Softmax."""
    w, b = weights(8), Builder()

    def conv(x, module, out, stride, pad, kernel, **extra):
        padding = {} if "auto_pad" in extra else {"pads": [pad] * 4}
        return b.node("Conv", [x, b.tensor(module + "/kernel", w[module + ".weight"])], out,
                      kernel_shape=[kernel, kernel], strides=[stride] * 2, **padding, **extra)

    def norm(x, module, out):
        scale, shift, mean, var = (w[module + s] for s in (".weight", ".bias", ".running_mean", ".running_var"))
        if not decomposed:
            names = [b.tensor(module + "/" + n, v) for n, v in
                     (("gamma", scale), ("beta", shift), ("mean", mean), ("variance", var))]
            return b.node("BatchNormalization", [x] + names, out, epsilon=1e-3)
        factor = scale / np.sqrt(var + np.float32(1e-3))
        b.node("Mul", [x, b.tensor(module + "/mul", factor.reshape(1, -1, 1, 1))], out + "/scaled")
        return b.node("Add", [out + "/scaled", b.tensor(module + "/add", (shift - mean * factor).reshape(-1, 1, 1))], out)

    def pad(x, out, amount, kind):
        pads = b.tensor(out + "/pads", np.array([0, 0, amount, amount, 0, 0, amount, amount], np.int64))
        value = [b.tensor(out + "/value", np.array(kind, np.float32))] if kind is not None else []
        return b.node("Pad", [x, pads] + value, out)

    x = b.node("Transpose", ["data"], "nchw", perm=[0, 3, 1, 2])
    x = conv(pad(x, "conv1_pad", 3, 0.0), "conv1", "conv1", 2, 0, 7)
    x = b.node("Relu", [norm(x, "bn1", "bn1/out")], "relu1")
    x = b.node("MaxPool", [pad(x, "pool1_pad", 1, None)], "pool1", kernel_shape=[3, 3], strides=[2, 2])
    for layer, stride in (("layer1.0", 1), ("layer2.0", 2)):
        skip = x
        y = norm(conv(x, layer + ".conv1", layer + "/c1", stride, 1, 3, auto_pad="SAME_UPPER"), layer + ".bn1", layer + "/n1")
        lows = [b.tensor(layer + "/zero", np.array(0, np.float32))]
        y = b.node("Clip", [y] + lows, layer + "/r1")
        y = norm(conv(y, layer + ".conv2", layer + "/c2", 1, 1, 3), layer + ".bn2", layer + "/n2")
        if stride == 2:
            skip = norm(conv(x, layer + ".downsample.0", layer + "/cs", 2, 0, 1, auto_pad="VALID"), layer + ".downsample.1", layer + "/ns")
        x = b.node("Relu", [b.node("Add", [skip, y], layer + "/sum")], layer + "/out")
    x = b.node("Transpose", [x], "nhwc", perm=[0, 2, 3, 1])
    x = b.node("ReduceMean", [x], "mean", axes=[1, 2], keepdims=0)
    x = b.node("MatMul", [x, b.tensor("dense/kernel", w["fc.weight"].T)], "dense")
    x = b.node("Add", [x, b.tensor("dense/bias", w["fc.bias"])], "dense/add")
    b.node("Softmax", [x], "probs", axis=-1)
    b.save(name, ["batch", SIDE, SIDE, 3], "probs", ["batch", 5], 8, 13)


def half(name):
    import copy
    model = onnx.load(path("torch-old-eval.onnx"))
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            array = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    cast_in = helper.make_node("Cast", ["input"], ["input_half"], to=TensorProto.FLOAT16)
    for node in model.graph.node:
        for i, x in enumerate(node.input):
            if x == "input":
                node.input[i] = "input_half"
        for i, x in enumerate(node.output):
            if x == "output":
                node.output[i] = "output_half"
    nodes = [cast_in] + list(model.graph.node) + [helper.make_node("Cast", ["output_half"], ["output"], to=TensorProto.FLOAT)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.graph.value_info[:]
    onnx.save(model, path(name))


def fill(name):
    """ConstantOfShape weights, as onnx's own light models have them, typed data and a Constant node."""
    b = Builder()
    for out, shape, value in (("w", [4, 3, 3, 3], 0.02), ("v", [5, 4], 0.1)):
        b.node("ConstantOfShape", [b.tensor(out + "_shape", np.array(shape, np.int64))], out,
               value=helper.make_tensor("value", TensorProto.FLOAT, [1], [value]))
    bias = helper.make_tensor("bias", TensorProto.FLOAT, [4], [0.5, -0.25, 0.125, 0.0])
    b.nodes.append(helper.make_node("Constant", [], ["bias"], value=bias))
    b.initializers.append(helper.make_tensor("pred_b", TensorProto.FLOAT16, [5], [0.5, 1.5, -2.0, 0.25, 0.0]))
    b.node("Cast", ["pred_b"], "pred_bias", to=TensorProto.FLOAT)
    x = b.node("Relu", [b.node("Conv", ["data", "w", "bias"], "c", pads=[1] * 4)], "r")
    x = b.node("GlobalAveragePool", [x], "p")
    x = b.node("Flatten", [x], "f")
    b.node("Gemm", [x, "v", "pred_bias"], "pred", transB=1)
    b.save(name, ["n", 3, SIDE, SIDE], "pred", ["n", 5], 8, 17)


def picture(shape):
    """The same input for every runtime: a sine over the index."""
    count = int(np.prod(shape))
    index = np.arange(count, dtype=np.float64)
    return np.sin(index * 0.37 + (index % 11) * 0.9).astype(np.float32).reshape(shape)


def logits(file):
    model = onnx.load(file)
    last = model.graph.node[-1]
    if last.op_type == "Softmax":
        model.graph.node.remove(last)
        model.graph.output[0].name = last.input[0]
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    onnx.save(model, "/tmp/fixresc-fixture.onnx")
    session = ort.InferenceSession("/tmp/fixresc-fixture.onnx", options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    shape = [d if isinstance(d, int) else 1 for d in given.shape]
    x = picture((1, 3, SIDE, SIDE))
    if shape[1] != 3:
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    return session.run(None, {given.name: x})[0].reshape(-1)


def main():
    torch_old("torch-old-eval.onnx", seeded(Tiny(), 1))
    torch_old("torch-old-view.onnx", seeded(Tiny(head="view"), 2),
              dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}}, opset_version=11)
    torch_old("torch-old-norms.onnx", seeded(Tiny(Bottleneck, width=2), 3),
              training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    torch_old("torch-old-fixed.onnx", seeded(Tiny(head="fixed"), 4))
    torch_old("torch-old-squeeze.onnx", seeded(Tiny(head="squeeze"), 9))
    torch_new("torch-new.onnx", seeded(Tiny(), 5))
    torch_new("torch-new-inside.onnx", seeded(Tiny(head="mean"), 6), external_data=False)
    torch_new("torch-new-norms.onnx", seeded(Tiny(), 11), external_data=False, optimize=False)
    zoo("zoo-ir3-opset3.onnx", 3, 3)
    zoo("zoo-ir3-opset8.onnx", 3, 8)
    keras("keras.onnx", False)
    keras("keras-decomposed.onnx", True)
    half("half.onnx")
    fill("fill.onnx")
    expected = {}
    for name in sorted(n for n in os.listdir(HERE) if n.endswith(".onnx")):
        expected[name] = [float(v) for v in logits(path(name))] if "opset3" not in name else None
    expected["zoo-ir3-opset3.onnx"] = expected["zoo-ir3-opset8.onnx"]
    with open(path("expected.json"), "w") as out:
        json.dump(expected, out, indent=1)
        out.write("\n")


main()
