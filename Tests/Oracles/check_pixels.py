"""Pixels of many pictures of odd sizes, byte for byte as torchvision, timm and Hugging Face make them.

usage: python check_pixels.py FIXRESC [--only WORD] [--pictures N] [--folder DIR] [--keep DIR]

Pictures are made (JPEG of every subsampling, progressive or not, PNG, grey, palette, with alpha), or taken from `--folder`. Each
pipeline is set as its users set it: an option, timm's config.json, transformers' preprocessor_config.json. Requirements:
requirements-zoo.txt.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode

import check_reference
import zoo_files as files
import zoo_networks as z

K = 112


def made(folder, count):
    r = np.random.default_rng(17)
    for i in range(count):
        width, height = (int(n) for n in r.integers(57, 700, 2))
        if i % 10 == 0: width, height = [(K, 300), (K + 1, K), (128, 128), (K - 7, 55), (640, 427), (427, 640), (116, 333), (500, 375)][i // 10 % 8]
        picture = check_reference.photo(100 + i, width, height)
        name = os.path.join(folder, f"{i:03}")
        kind = i % 8
        if kind < 5:
            picture.save(name + ".jpg", quality=int(r.integers(40, 96)), subsampling=i % 3, progressive=kind == 3, optimize=kind == 4)
        elif kind == 5: picture.convert("L").save(name + ".png")
        elif kind == 6: picture.convert("P").save(name + ".png")
        else:
            picture.putalpha(Image.fromarray((np.arange(width * height) % 256).astype(np.uint8).reshape(height, width)))
            picture.save(name + ".png")


def centre(resized, side, mode=InterpolationMode.BILINEAR): return T.Compose([T.Resize(resized, mode), T.CenterCrop(side)])


def timm_pixels(side, share, mode="bicubic", crop_mode="center"):
    from timm.data import create_transform
    transform = create_transform((3, side, side), interpolation=mode, crop_pct=share, crop_mode=crop_mode, mean=(0.0,) * 3, std=(1.0,) * 3)
    return lambda image: (transform(image) * 255).round().byte().permute(1, 2, 0).numpy()


def processor(kind, **arguments):
    import importlib
    module = {"ConvNext": "convnext", "ViT": "vit", "Bit": "bit"}[kind]
    return getattr(importlib.import_module("transformers.models." + module), kind + "ImageProcessorPil")(
        image_mean=[0.0] * 3, image_std=[1.0] * 3, **arguments)


def hub(folder, **config):
    """A checkpoint with timm's config.json."""
    base = dict(input_size=[3, K, K], interpolation="bicubic", crop_pct=0.95, mean=[0.0] * 3, std=[1.0] * 3, **{})
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump({"architecture": "resnet18", "num_classes": 10, "pretrained_cfg": {**base, **config}}, f)


def hugging_face(kind, **arguments):
    def write(folder):
        p = processor(kind, **arguments)
        p.save_pretrained(folder)
        path = os.path.join(folder, "preprocessor_config.json")
        stored = json.load(open(path))
        with open(path, "w") as f: json.dump({**stored, "image_processor_type": kind + "ImageProcessor"}, f)
        with open(os.path.join(folder, "config.json"), "w") as f: json.dump({"model_type": "resnet", "architectures": ["ResNetForImageClassification"]}, f)
    make = processor(kind, **arguments)
    return write, lambda image: (np.asarray(make(image, return_tensors="np")["pixel_values"][0]) * 255).round().astype(np.uint8).transpose(1, 2, 0)


def height_first(side):
    resized = int(side * 256 / 224)
    return lambda image: T.CenterCrop(side)(image.resize((int(resized * image.width / image.height), resized), Image.BILINEAR))


def pipelines():
    """name: what is written beside the checkpoint, options, the size, and the pipeline."""
    none = lambda folder: None
    size = ["--train-resolution", str(K)]
    yield "torchvision-v1", none, size, K, centre(128, K)
    yield "torchvision-v1-option", none, [*size, "--preprocess", "torchvision"], K, centre(128, K)
    yield "torchvision-v2", none, [*size, "--preprocess", "torchvision-v2"], K, centre(116, K)
    yield "torchvision-v2-224", none, ["--preprocess", "torchvision-v2"], 224, centre(232, 224)
    yield "resize-side", none, [*size, "--resize-side", "141"], K, centre(141, K)
    yield "bicubic", none, [*size, "--filter", "bicubic"], K, centre(128, K, InterpolationMode.BICUBIC)
    yield "lanczos", none, [*size, "--filter", "lanczos"], K, centre(128, K, InterpolationMode.LANCZOS)
    yield "fixres", none, [*size, "--preprocess", "fixres"], K, height_first(K)
    yield "timm", lambda f: hub(f), [], K, timm_pixels(K, 0.95)
    yield "timm-bilinear-0.875", lambda f: hub(f, crop_pct=0.875, interpolation="bilinear"), [], K, timm_pixels(K, 0.875, "bilinear")
    yield "timm-test-size", lambda f: hub(f, test_input_size=[3, 144, 144], test_crop_pct=1.0), [], 144, timm_pixels(144, 1.0)
    yield "timm-test-size-0.97", lambda f: hub(f, test_input_size=[3, 136, 136], test_crop_pct=0.97), [], 136, timm_pixels(136, 0.97)
    yield "timm-other-size", lambda f: hub(f, test_input_size=[3, 144, 144], test_crop_pct=1.0), [], 128, timm_pixels(128, 0.95)
    yield "timm-squash", lambda f: hub(f, crop_mode="squash", crop_pct=0.9), [], K, timm_pixels(K, 0.9, crop_mode="squash")
    yield "timm-border", lambda f: hub(f, crop_mode="border", crop_pct=0.9), [], K, timm_pixels(K, 0.9, crop_mode="border")
    for name, kind, arguments, side in (
            ("hf-convnext", "ConvNext", dict(size={"shortest_edge": K}, crop_pct=0.875, resample=3), K),
            ("hf-convnext-bilinear", "ConvNext", dict(size={"shortest_edge": K}, crop_pct=0.95, resample=2), K),
            ("hf-convnext-384", "ConvNext", dict(size={"shortest_edge": 384}, crop_pct=0.875, resample=3), 384),
            ("hf-vit", "ViT", dict(size={"height": K, "width": K}, resample=2), K),
            ("hf-bit", "Bit", dict(size={"shortest_edge": 130}, crop_size={"height": K, "width": K}, resample=3), K)):
        write, pixels = hugging_face(kind, **arguments)
        yield name, write, [], side, pixels


def one(program, pictures, checkpoint, name, write, options, side, pixels):
    with tempfile.TemporaryDirectory(prefix="pixels-") as folder:
        model = os.path.join(folder, "model.safetensors")
        files.write(checkpoint, model, "safetensors")
        write(folder)
        adapted, out = os.path.join(folder, "m.bin"), os.path.join(folder, "p.npy")
        done = subprocess.run([program, "adapt", model, *options, "--to", str(side), "-o", adapted, "--no-proof"], capture_output=True, text=True)
        if done.returncode: return f"adapt: {done.stderr.strip()[-300:]}"
        done = subprocess.run([program, "run", adapted, *pictures, "--save-pixels", out, "--top", "1"], capture_output=True, text=True)
        if done.returncode: return f"run: {done.stderr.strip()[-300:]}"
        found, wrong = np.load(out), []
        for path, mine in zip(pictures, found):
            expected = np.asarray(pixels(Image.open(path).convert("RGB")))
            if expected.shape != mine.shape: wrong.append(f"{os.path.basename(path)} {mine.shape} for {expected.shape}")
            elif not np.array_equal(expected, mine):
                wrong.append(f"{os.path.basename(path)} {Image.open(path).size} by {np.abs(expected.astype(int) - mine).max()}")
        return f"{len(wrong)} of {len(pictures)} differ: {', '.join(wrong[:4])}" if wrong else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--only", default="")
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--folder")
    arguments = parser.parse_args()
    checkpoint = z.randomise(z.small18(), "pixels").state_dict()
    failed, count = [], 0
    with tempfile.TemporaryDirectory(prefix="pixels-") as folder:
        if not arguments.folder: made(folder, arguments.pictures)
        pictures = sorted(glob.glob(os.path.join(arguments.folder or folder, "**", "*.*"), recursive=True))[: arguments.pictures]
        for name, *rest in pipelines():
            if arguments.only not in name: continue
            problem = one(os.path.abspath(arguments.program), pictures, checkpoint, name, *rest)
            count += 1
            if problem: failed.append(name)
            print(f"{'FAIL' if problem else 'ok  '} {name:24} {problem or f'{len(pictures)} pictures, every byte'}", flush=True)
    print(f"{count - len(failed)} of {count} pipelines equal" + (f"; not {', '.join(failed)}" if failed else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__": main()
