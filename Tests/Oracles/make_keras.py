"""Keras networks with random weights as tf2onnx writes them, for check_onnx.py, which starts this file in a venv of its own.

usage: python make_keras.py FOLDER [WORD]    (WORD: only the cases whose names hold it)

For each case FOLDER gets NAME.onnx, exported at 224 or with free sizes, and NAME@SIZE.onnx, the same weights exported
natively at other sizes. Pinned: python 3.11, tensorflow-cpu 2.16.2, tf_keras 2.16.0, keras 3.15.1, tf2onnx 1.16.1, onnx 1.16.2.
"""
import os
import sys

os.environ.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
import tf_keras

SIZES = (193, 225, 384)


def seeded(model, seed):
    generator = np.random.default_rng(seed)
    for layer in model.layers:
        weights = []
        for variable in layer.weights:
            shape = tuple(variable.shape)
            noise = generator.standard_normal(shape)
            if "variance" in variable.name: value = 0.5 + np.abs(noise)
            elif "gamma" in variable.name: value = 0.7 + 0.1 * noise
            elif len(shape) > 1: value = noise * (2.0 / np.prod(shape[:-1])) ** 0.5
            else: value = 0.1 * noise
            weights.append(value.astype(np.float32))
        if weights: layer.set_weights(weights)
    return model


def same_resnet(k):
    """A ResNet-18 as Keras users write it: padding="same" at every stride, no Pad layers."""
    layers = k.layers

    def block(x, width, stride):
        skip = x
        x = layers.Conv2D(width, 3, stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Conv2D(width, 3, 1, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        if stride > 1: skip = layers.BatchNormalization()(layers.Conv2D(width, 1, stride, use_bias=False)(skip))
        return layers.ReLU()(layers.Add()([x, skip]))

    def build(shape):
        given = layers.Input(shape)
        x = layers.Conv2D(64, 7, 2, padding="same", use_bias=False)(given)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D(3, 2, padding="same")(x)
        for width, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
            x = block(x, width, stride)
        return k.Model(given, layers.Dense(1000)(layers.GlobalAveragePooling2D()(x)))

    return build


def se_resnet(k):
    """A small ResNet whose gates are Dense layers, as squeeze-and-excitation is written in Keras."""
    layers = k.layers

    def gate(x, width):
        y = layers.GlobalAveragePooling2D()(x)
        y = layers.Dense(width, activation="sigmoid")(layers.Dense(width // 16, activation="relu")(y))
        return layers.Multiply()([x, layers.Reshape((1, 1, width))(y)])

    def build(shape):
        given = layers.Input(shape)
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(64, 7, 2, padding="same")(given)))
        x = layers.MaxPooling2D(3, 2, padding="same")(x)
        for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(width, 3, stride, padding="same")(x)))
            y = gate(layers.BatchNormalization()(layers.Conv2D(width, 3, padding="same")(y)), width)
            if stride > 1: x = layers.BatchNormalization()(layers.Conv2D(width, 1, stride)(x))
            x = layers.ReLU()(layers.Add()([x, y]))
        return k.Model(given, layers.Dense(100, activation="softmax")(layers.GlobalAveragePooling2D()(x)))

    return build


def application(k, name):
    def build(shape):
        return getattr(k.applications, name)(weights=None, input_shape=shape, include_top=True, classes=1000)
    return build


def free(k, name, classes=1000):
    """The application without its sizes: the same layers, whose head is built here."""
    def build(shape):
        body = getattr(k.applications, name)(weights=None, input_shape=shape, include_top=False, pooling="avg")
        return k.Model(body.input, k.layers.Dense(classes, activation="softmax")(body.output))
    return build


def export(model, shape, opset, path, nchw):
    spec = (tf.TensorSpec((None,) + shape, tf.float32, name="input"),)
    more = dict(opset=opset, output_path=path, inputs_as_nchw=["input"] if nchw else None)
    if type(model).__module__.startswith("tf_keras"):
        tf2onnx.convert.from_keras(model, spec, **more)
    else:
        call = tf.function(lambda x: model(x, training=False), input_signature=spec)
        tf2onnx.convert.from_function(call, spec, **more)


# name: network, opset, channels first, whether the first file's sizes are free
CASES = {
    "keras2-resnet50-opset13": (application(tf_keras, "ResNet50"), 13, False, False),
    "keras2-resnet50-opset8": (application(tf_keras, "ResNet50"), 8, False, False),
    "keras2-resnet50-nchw-opset17": (application(tf_keras, "ResNet50"), 17, True, False),
    "keras2-resnet50-free-opset11": (free(tf_keras, "ResNet50"), 11, False, True),
    "keras2-resnet50v2-opset13": (application(tf_keras, "ResNet50V2"), 13, False, False),
    "keras2-same-resnet18-opset13": (same_resnet(tf_keras), 13, False, False),
    "keras2-same-resnet18-free-opset15": (same_resnet(tf_keras), 15, False, True),
    "keras2-same-resnet18-free-nchw-opset12": (same_resnet(tf_keras), 12, True, True),
    "keras2-se-opset13": (se_resnet(tf_keras), 13, False, True),
    "keras3-resnet50-opset15": (application(keras, "ResNet50"), 15, False, False),
    "keras3-resnet50-nchw-opset18": (application(keras, "ResNet50"), 18, True, False),
    "keras3-same-resnet18-free-opset9": (same_resnet(keras), 9, False, True),
    "keras3-se-opset17": (se_resnet(keras), 17, False, True),
}

folder, word = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
for name, (build, opset, nchw, isFree) in CASES.items():
    if word not in name: continue
    for size in (None,) + (() if "v2" in name else SIZES):
        shape = (size or 224, size or 224, 3)
        model = seeded(build((None, None, 3) if isFree else shape), 11)
        given = (None, None, 3) if isFree and size is None else shape
        export(model, given, opset, os.path.join(folder, name + (f"@{size}" if size else "") + ".onnx"), nchw)
        (tf_keras if model.__module__.startswith("tf_keras") else keras).backend.clear_session()
