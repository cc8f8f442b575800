"""Makes the tf-*.onnx fixtures beside this file: tiny seeded Keras ResNets as tf2onnx writes them at 32, and the logits of
the same weights exported natively at other sizes (expected-sizes.json, by ONNX Runtime).

Pinned: python 3.11, tensorflow-cpu 2.16.2, tf_keras 2.16.0, tf2onnx 1.16.1, onnx 1.16.2, onnxruntime 1.26.0, numpy 1.26.4.
Run: python make_keras_fixtures.py
"""
import json
import os

os.environ.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")

import numpy as np
import onnxruntime as ort
import tensorflow as tf
import tf2onnx
import tf_keras as k

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = (32, 33, 47, 64)
layers = k.layers


def norm(x):
    return layers.BatchNormalization(epsilon=1.001e-5)(x)


def same(shape):
    """padding="same" at every stride."""
    given = layers.Input(shape)
    x = layers.ReLU()(norm(layers.Conv2D(4, 7, 2, padding="same", use_bias=False)(given)))
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    y = layers.ReLU()(norm(layers.Conv2D(8, 3, 2, padding="same")(x)))
    y = norm(layers.Conv2D(8, 3, padding="same")(y))
    x = layers.ReLU()(layers.Add()([norm(layers.Conv2D(8, 1, 2)(x)), y]))
    x = layers.AveragePooling2D(2, 2, padding="same")(x)
    return k.Model(given, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))


def gate(shape):
    """ZeroPadding2D before the stem and the pool, Dense layers in the gate, Softmax."""
    given = layers.Input(shape)
    x = layers.Conv2D(4, 7, 2)(layers.ZeroPadding2D(3)(given))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(layers.ReLU()(norm(x))))
    y = norm(layers.Conv2D(4, 3, padding="same")(x))
    z = layers.Dense(2, activation="relu")(layers.GlobalAveragePooling2D()(y))
    z = layers.Reshape((1, 1, 4))(layers.Dense(4, activation="sigmoid")(z))
    x = layers.ReLU()(layers.Add()([x, layers.Multiply()([y, z])]))
    return k.Model(given, layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def seeded(model, seed):
    generator = np.random.default_rng(seed)
    for variable in model.weights:
        shape = tuple(variable.shape)
        noise = generator.standard_normal(shape)
        if "variance" in variable.name: value = 0.5 + np.abs(noise)
        elif "gamma" in variable.name: value = 0.9 + 0.3 * noise
        elif len(shape) > 1: value = noise * (2.0 / np.prod(shape[:-1])) ** 0.5
        else: value = 0.3 * noise
        variable.assign(value.astype(np.float32))
    return model


def logits(model, side):
    """Of the graph before its Softmax, for the sine that the tests make too."""
    index = np.arange(3 * side * side, dtype=np.float64)
    x = np.sin(index * 0.37 + (index % 11) * 0.9).astype(np.float32).reshape(1, 3, side, side)
    last = model.graph.node[-1]
    if last.op_type == "Softmax":
        model.graph.node.remove(last)
        model.graph.output[0].name = last.input[0]
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    if given.shape[-1] == 3: x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    return [float(v) for v in session.run(None, {given.name: x})[0].reshape(-1)]


expected = {}
for name, build, opset, nchw in (("tf-same.onnx", same, 13, False), ("tf-same-nchw.onnx", same, 9, True),
                                 ("tf-gate.onnx", gate, 15, False)):
    for side in SIZES:
        shape = (side, side, 3)
        model = seeded(build(shape), 21)
        spec = (tf.TensorSpec((None,) + shape, tf.float32, name="input"),)
        made, _ = tf2onnx.convert.from_keras(model, spec, opset=opset, inputs_as_nchw=["input"] if nchw else None)
        if side == SIZES[0]:
            with open(os.path.join(HERE, name), "wb") as file: file.write(made.SerializeToString())
        expected.setdefault(name, {})[str(side)] = logits(made, side)
        k.backend.clear_session()
with open(os.path.join(HERE, "expected-sizes.json"), "w") as file:
    json.dump(expected, file, indent=1)
    file.write("\n")
