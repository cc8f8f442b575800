"""Pixels and inputs of the built fixresc beside timm, torchvision and transformers, on photos of odd sizes.

usage: python check_pictures.py FIXRESC PHOTOS [--count N] [--seed S] [--only WORD] [--keep FOLDER]

PHOTOS is searched recursively. N of its pictures are resized to odd sizes (some smaller than the crop) and saved as JPEG and
PNG in colour, grey, with a palette, with alpha and as CMYK. For each pipeline the table shows how many pictures have equal
bytes after resize and crop, how many equal float32 inputs, and the greatest differences. The exit status is 1 where
a pipeline that must be equal is not. Versions: torch 2.13, torchvision 0.28, timm 1.0.31, transformers 5.24, Pillow 13.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import timm
import torch
import torchvision
import torchvision.transforms as T
from PIL import Image
from safetensors.torch import save_file
from timm.data import create_transform, resolve_data_config
from timm.models._hub import save_config_for_hf

warnings.filterwarnings("ignore")
SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".webp", ".bmp")


def make_pictures(source, target, count, seed):
    r = random.Random(seed)
    found = sorted(os.path.join(at, name) for at, _, names in os.walk(source) for name in names
                   if name.lower().endswith(SUFFIXES))
    paths = []
    for index, path in enumerate(r.sample(found, min(count, len(found)))):
        image = Image.open(path).convert("RGB")
        low, high = r.choice([(9, 120), (150, 330), (230, 700), (230, 700)])
        image = image.resize((r.randint(low, high), r.randint(low, high)), Image.Resampling.BICUBIC)
        kind = ["jpeg", "png", "jpeg-444", "progressive", "grey-jpeg", "grey", "palette", "alpha", "cmyk", "ppm"][index % 10]
        name = os.path.join(target, f"{index:03d}-{kind}")
        if kind == "png": image.save(name + ".png")
        elif kind == "grey": image.convert("L").save(name + ".png")
        elif kind == "palette": image.quantize(64).save(name + ".png")
        elif kind == "alpha":
            alpha = Image.linear_gradient("L").resize(image.size)
            image.putalpha(alpha)
            image.save(name + ".png")
        elif kind == "cmyk": image.convert("CMYK").save(name + ".jpg", quality=90)
        elif kind == "ppm": image.save(name + ".ppm")
        elif kind == "grey-jpeg": image.convert("L").save(name + ".jpg", quality=r.randint(50, 95))
        else:
            image.save(name + ".jpg", quality=r.randint(50, 95), progressive=kind == "progressive",
                       subsampling="4:4:4" if kind == "jpeg-444" else "4:2:0")
        paths.append(name + next(e for e in (".png", ".jpg", ".ppm") if os.path.exists(name + e)))
    return paths


class Bench:
    def __init__(self, binary, folder, pictures):
        self.binary, self.folder, self.pictures, self.failed = binary, folder, pictures, 0
        self.images = {mode: [Image.open(path).convert(mode) for path in pictures] for mode in ("RGB", "L", "RGBA")}

    def call(self, *words):
        done = subprocess.run([self.binary, *words], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(words[:4])}: {done.stderr.strip()}")

    def check(self, name, model, options, pixels, values, mode="RGB", must=True):
        """`pixels` and `values` make [K, K, C] bytes and the [C, K, K] input of a Pillow picture."""
        saved = [os.path.join(self.folder, f) for f in ("pixels.npy", "input.npy")]
        self.call("run", model, *self.pictures, "-q", "--top", "1", *options, "--save-pixels", saved[0], "--save-input", saved[1])
        ours = [np.load(path) for path in saved]
        equal, most = [0, 0], [0, 0]
        for index, image in enumerate(self.images[mode]):
            for k, make in enumerate((pixels, values)):
                theirs = np.asarray(make(image))
                mine = ours[k][index].reshape(theirs.shape)
                equal[k] += bool((mine == theirs).all())
                most[k] = max(most[k], float(np.abs(mine.astype(np.float64) - theirs).max()))
        good = equal == [len(self.pictures)] * 2
        self.failed += must and not good
        print(f"{name:44} {equal[0]:4} {equal[1]:4} of {len(self.pictures)}   {most[0]:5.0f} {most[1]:9.2g}   "
              f"{'equal' if good else 'DIFFERENT' if must else 'different'}", flush=True)


def tensor(mean, std):
    return T.Compose([T.ToTensor(), T.Normalize(mean, std)])


MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def torchvision_pipelines(bench, only):
    path = os.path.join(bench.folder, "resnet18.pth")
    torch.save(torchvision.models.resnet18().state_dict(), path)
    weights = torchvision.models
    cases = {
        "torchvision V1": (weights.ResNet18_Weights.IMAGENET1K_V1.transforms(), ["--preprocess", "torchvision"]),
        "torchvision V2": (weights.ResNet50_Weights.IMAGENET1K_V2.transforms(), ["--preprocess", "torchvision-v2"]),
        "torchvision V2 by --resize-side": (weights.ResNet50_Weights.IMAGENET1K_V2.transforms(), ["--resize-side", "232"]),
    }
    for name, (preset, options) in cases.items():
        if only not in name: continue
        cut = T.Compose([T.Resize(preset.resize_size), T.CenterCrop(preset.crop_size)])
        bench.check(name, path, options, lambda i, cut=cut: cut(i), lambda i, preset=preset: preset(i).numpy())
    for filter_name in ("nearest", "box", "hamming", "bicubic", "lanczos"):
        name = f"torchvision, {filter_name}"
        if only not in name: continue
        cut = T.Compose([T.Resize(240, T.InterpolationMode(filter_name)), T.CenterCrop(224)])
        bench.check(name, path, ["--filter", filter_name, "--resize-side", "240"], cut,
                    lambda i, cut=cut: tensor(MEAN, STD)(cut(i)).numpy())
    if only in "FixRes by height":
        def by_height(i): return T.CenterCrop(224)(T.Resize((256, int(256 * i.width / i.height)))(i))
        bench.check("FixRes by height", path, ["--preprocess", "fixres"], by_height,
                    lambda i: tensor(MEAN, STD)(by_height(i)).numpy())
    if only in "Caffe: BGR, 0 to 255":
        cut = T.Compose([T.Resize(256), T.CenterCrop(224)])
        means = np.float32([103.939, 116.779, 123.68])
        bench.check("Caffe: BGR, 0 to 255", path,
                    ["--channel-order", "bgr", "--input-scale", "255", "--mean", "103.939,116.779,123.68", "--std", "1,1,1"],
                    cut, lambda i: (np.float32(cut(i))[:, :, ::-1] - means).transpose(2, 0, 1))


def channel_pipelines(bench, only):
    for channels, mode, mean, std in [(1, "L", [0.5], [0.25]), (4, "RGBA", [0.4, 0.5, 0.6, 0.5], [0.2, 0.3, 0.4, 0.5])]:
        name = f"{channels} channels ({mode})"
        if only not in name: continue
        model = torchvision.models.resnet18()
        model.conv1 = torch.nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        path = os.path.join(bench.folder, f"channels{channels}.pth")
        torch.save(model.state_dict(), path)
        cut = T.Compose([T.Resize(256), T.CenterCrop(224)])
        bench.check(name, path, ["--mean", ",".join(map(str, mean)), "--std", ",".join(map(str, std))],
                    lambda i, cut=cut: np.asarray(cut(i)).reshape(224, 224, -1),
                    lambda i, cut=cut, mean=mean, std=std: tensor(mean, std)(cut(i)).numpy(), mode=mode)


def timm_pipelines(bench, only):
    names = ["resnet18.a1_in1k", "resnet18.tv_in1k", "resnet18.fb_swsl_ig1b_ft_in1k", "resnet34.a2_in1k", "resnet10t.c3_in1k"]
    changes = {"": {}, " squash": dict(crop_mode="squash"), " border": dict(crop_mode="border", crop_pct=1.0),
               " crop 0.9 lanczos": dict(crop_pct=0.9, interpolation="lanczos")}
    for name in names:
        for label, change in changes.items():
            if only not in f"timm {name}{label}" or (label and name != names[0]): continue
            model = timm.create_model(name, pretrained=False, pretrained_cfg_overlay=change)
            folder = os.path.join(bench.folder, f"{name}{label}".replace(" ", "-"))
            os.makedirs(folder, exist_ok=True)
            path = os.path.join(folder, "model.safetensors")
            save_file(model.state_dict(), path)
            save_config_for_hf(model, os.path.join(folder, "config.json"))
            train, test = [resolve_data_config({}, model=model, use_test_size=u) for u in (False, True)]
            for kind, data in [("train", train), ("test", test)]:
                if kind == "test" and test == train: continue
                side, file = data["input_size"][1], path
                if side != train["input_size"][1]:
                    file = os.path.join(folder, "adapted.bin")
                    bench.call("adapt", path, "--to", str(side), "-o", file, "--no-proof", "-q")
                raw, whole = create_transform(**data, normalize=False), create_transform(**data)
                bench.check(f"timm {name}{label}, {kind} size {side}", file, [],
                            lambda i, raw=raw: raw(i).numpy().transpose(1, 2, 0), lambda i, whole=whole: whole(i).numpy())


def hugging_face_pipelines(bench, only):
    from transformers import ResNetConfig, ResNetForImageClassification
    import transformers.models as models
    mean, std = list(MEAN), list(STD)
    cases = [
        ("convnext", "ConvNext", dict(size={"shortest_edge": 224}, crop_pct=0.875, resample=3, image_mean=mean, image_std=std)),
        ("convnext", "ConvNext", dict(size={"shortest_edge": 288}, crop_pct=0.95, resample=2)),
        ("convnext", "ConvNext", dict()),
        ("vit", "ViT", dict()),
        ("vit", "ViT", dict(size={"height": 192, "width": 160}, resample=3, do_normalize=False)),
        ("bit", "Bit", dict()),
        ("bit", "Bit", dict(size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224}, resample=2)),
        ("clip", "CLIP", dict(size={"shortest_edge": 231}, crop_size={"height": 224, "width": 224}, do_rescale=False)),
        ("clip", "CLIP", dict(do_resize=False)),
        ("deit", "DeiT", dict()),
        ("levit", "Levit", dict()),
        ("mobilenet_v1", "MobileNetV1", dict()),
        ("mobilenet_v2", "MobileNetV2", dict(rescale_factor=1 / 127.5, image_mean=[1.0] * 3, image_std=[1.0] * 3)),
        ("poolformer", "PoolFormer", dict()),
    ]
    network = ResNetForImageClassification(ResNetConfig(
        layer_type="basic", depths=[1] * 4, hidden_sizes=[16, 32, 64, 128], embedding_size=16, num_labels=10))
    for index, (module, kind, options) in enumerate(cases):
        name = f"transformers {kind} {index}"
        if only not in name: continue
        slow = getattr(getattr(models, module), kind + "ImageProcessorPil")
        folder = os.path.join(bench.folder, f"hf{index}")
        network.save_pretrained(folder)
        processor = slow(**options)
        processor.save_pretrained(folder)
        config = os.path.join(folder, "preprocessor_config.json")
        written = json.load(open(config))
        written["image_processor_type"] = kind + "ImageProcessor"
        json.dump(written, open(config, "w"))
        raw = slow(**{**options, "do_rescale": False, "do_normalize": False})
        # Another rescale factor is taken into mean and deviation, exact but for a rounding.
        must = "rescale_factor" not in options
        bench.check(f"{name} {json.dumps(options)[:40]}"[:44], os.path.join(folder, "model.safetensors"), [],
                    lambda i, raw=raw: np.asarray(raw(i, return_tensors="np")["pixel_values"][0]).transpose(1, 2, 0),
                    lambda i, p=processor: p(i, return_tensors="np")["pixel_values"][0], must=must)
        fast = getattr(getattr(models, module), kind + "ImageProcessor")(**options)
        fast_raw = getattr(getattr(models, module), kind + "ImageProcessor")(
            **{**options, "do_rescale": False, "do_normalize": False})
        bench.check("  its torchvision backend", os.path.join(folder, "model.safetensors"), [],
                    lambda i, p=fast_raw: p(i, return_tensors="pt")["pixel_values"][0].numpy().transpose(1, 2, 0),
                    lambda i, p=fast: p(i, return_tensors="pt")["pixel_values"][0].numpy(), must=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fixresc")
    parser.add_argument("photos")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or scratch
        os.makedirs(os.path.join(folder, "pictures"), exist_ok=True)
        pictures = make_pictures(options.photos, os.path.join(folder, "pictures"), options.count, options.seed)
        bench = Bench(options.fixresc, folder, pictures)
        print(f"{'pipeline':44} equal pixels, inputs   greatest differences")
        for pipelines in (torchvision_pipelines, channel_pipelines, timm_pipelines, hugging_face_pipelines):
            pipelines(bench, options.only)
    sys.exit(1 if bench.failed else 0)


if __name__ == "__main__":
    main()
