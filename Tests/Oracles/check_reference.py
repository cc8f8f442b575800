"""One example of what the user's own program answers, `--reference IN:OUT`: does it settle what a checkpoint leaves open?

usage: python check_reference.py FIXRESC [--only WORD] [--part networks|pictures] [--fits-only] [--json OUT] [--keep FOLDER]

Networks: each is imported with one pair of tensors, within a minute; then it must agree with torch on another tensor and at another
size. A pair of another network's logits must be refused. Pictures: one photo and its logits; then the input made of another photo
must be the one of the pipeline, and that of a wrong pair must be refused. Requirements: requirements-zoo.txt.
"""
import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback

import numpy as np
import torch
from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode

import zoo_entries
import zoo_files as files
import zoo_networks as z

tolerance, limit = 1e-5, 60.0
small = ["activation-leaky_relu", "activation-leaky_relu-0.1", "activation-silu", "activation-gelu", "activation-hardswish",
         "activation-mish", "activation-50-relu6", "last-stride-1", "last-stride-1-bottleneck", "first-stride-2", "dilated-16", "dilated-8",
         "stride-on-1x1", "stem-pool-max-ceil", "stem-pool-none", "cifar-stem-max", "bn-eps-1e-3", "pool-max", "pool-avgmax",
         "pool-gem-without-exponent", "hard-gate", "anti-alias-blur3", "anti-alias-50-avg2", "silu-and-stride", "v1-and-max-ceil"]
full = {
    "resnet50-silu-last-stride-1": dict(activation="silu", strides=(1, 2, 2, 1)),
    "resnet50-v1-eps": dict(stride_on="1x1", bn_eps=1e-3),
    "resnet50-leaky": dict(activation="leaky_relu:0.1"),
    "resnet50-dilated-8": dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)),
    "resnet50-blur": dict(anti_alias="blur3"),
    "resnet50-max-ceil-gem": dict(stem_pool="max-ceil", pool="gem"),
}


class Program:
    def __init__(self, path, folder, fits_only=False): self.program, self.folder, self.fits_only = path, folder, fits_only

    def path(self, name): return os.path.join(self.folder, name)

    def call(self, *arguments):
        start = time.time()
        done = subprocess.run([self.program, *arguments], cwd=self.folder, capture_output=True, text=True, errors="replace")
        return done, time.time() - start

    def logits(self, model, x):
        np.save(self.path("x.npy"), x.numpy())
        done, _ = self.call("run", model, "x.npy", "--save-logits", self.path("l.npy"), "--top", "1")
        return np.load(self.path("l.npy")) if done.returncode == 0 else None


def torch_logits(model, x):
    with torch.inference_mode(): return model(x).numpy()


def distance(found, expected):
    if found is None or found.shape != expected.shape: return float("inf")
    return float(np.abs(found.astype(np.float64) - expected).max() / np.abs(expected).max())


def message(done): return (done.stderr.strip().splitlines() or done.stdout.strip().splitlines() or ["nothing"])[-1][:400]


def one_network(p, model, file, name, sizes):
    """Problems of one network, its seconds, and what was found."""
    own, other = sizes
    x, problems = z.inputs(1, 3, own, name + "pair"), []
    np.save(p.path("in.npy"), x.numpy())
    expected = torch_logits(model, x)
    np.save(p.path("out.npy"), expected)
    common = ["import", file, "-o", "m.bin", "--train-resolution", str(own)]
    done, seconds = p.call(*common, "--reference", "in.npy:out.npy")
    if done.returncode: return [f"refused: {message(done)}"], seconds, ""
    found = " ".join(l for l in done.stderr.splitlines() + done.stdout.splitlines() if "fit" in l)[:250]
    if seconds > limit: problems.append(f"{seconds:.0f} s")
    for side in sizes:
        other_x = z.inputs(2, 3, side, name + "check")
        model_file = "m.bin"
        if side != own:
            adapted, _ = p.call("adapt", "m.bin", "--to", str(side), "-o", "a.bin")
            if adapted.returncode: problems.append(f"adapt: {message(adapted)}")
            model_file = "a.bin"
        off = distance(p.logits(model_file, other_x), torch_logits(model, other_x))
        if off > tolerance: problems.append(f"off by {off:.0e} at {side}")
    inspected, _ = p.call("inspect", "m.bin", "--json")
    if inspected.returncode or "verified" not in inspected.stdout: problems.append("inspect does not say `verified`")
    for what, amount in (("another network's", 1.0), ("a later epoch's", 0.003)):
        np.save(p.path("wrong.npy"), torch_logits(disturbed(model, amount), x))
        problems += refused(p, common, "in.npy:wrong.npy", what)
    return problems, seconds, found


def disturbed(model, amount):
    """The network with other weights: as different as those of a later epoch, or of another training."""
    other, g = copy.deepcopy(model), torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in other.parameters():
            weight.add_(amount * weight.std(unbiased=False) * torch.randn(weight.shape, generator=g))
    return other


def refused(p, common, pair, what):
    """Problems of importing with a pair that is not this network's."""
    if p.fits_only: return []
    done, seconds = p.call(*common[:3], "w.bin", *common[4:], "--reference", pair)
    if done.returncode != 1 or os.path.exists(p.path("w.bin")): return [f"{what} logits taken (exit {done.returncode})"]
    return [f"{seconds:.0f} s to refuse {what} logits"] if seconds > 3 * limit else []


def networks(p, only, report):
    by_name = {e.name.split("/")[1]: e for e in zoo_entries.facts_of_plain_networks()}
    for name in small:
        if only in name: yield "network " + name, lambda e=by_name[name], n=name: checked(p, e.build(), n, e.sizes)
    for name, facts in full.items():
        if only not in name: continue
        def build(facts=facts, name=name):
            facts = {**facts, **({"pool": z.FixedGeM()} if facts.get("pool") == "gem" else {})}
            return z.randomise(z.Network(layers=(3, 4, 6, 3), width=64, bottleneck=True, classes=1000, **facts), name)
        yield "network " + name, lambda build=build, name=name: checked(p, build(), name, (224, 192))


def checked(p, model, name, sizes): return one_network(p, model, files.saved()(model, p.folder), name, sizes)


# Pictures ----------------------------------------------------------------------------------------------------------

imagenet = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def photo(seed, width, height):
    """A smooth seeded picture with edges."""
    r = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    out = np.full((height, width, 3), 128.0)
    for c in range(3):
        for _ in range(6): out[..., c] += r.uniform(15, 45) * np.sin(r.uniform(0.01, 0.4) * x + r.uniform(0.01, 0.4) * y + r.uniform(0, 6.28))
    for _ in range(8):
        x0, y0, w, h = r.integers(0, width), r.integers(0, height), r.integers(5, width // 3), r.integers(5, height // 3)
        out[y0: y0 + h, x0: x0 + w] = r.integers(0, 256, 3)
    return Image.fromarray(out.clip(0, 255).astype(np.uint8))


def tensor(image, mean=imagenet[0], std=imagenet[1]): return T.Normalize(mean, std)(T.ToTensor()(image))[None]


def cropped(resized, side, mode=InterpolationMode.BILINEAR):
    return lambda image: tensor(T.CenterCrop(side)(T.Resize(resized, mode)(image)))


def timm_transform(side, share):
    from timm.data import create_transform
    transform = create_transform((3, side, side), interpolation="bicubic", crop_pct=share)
    return lambda image: transform(image)[None]


def hugging_face(side):
    from transformers.models.convnext import ConvNextImageProcessorPil as Processor
    processor = Processor(size={"shortest_edge": side}, crop_pct=0.875, resample=3, image_mean=list(imagenet[0]), image_std=list(imagenet[1]))
    return lambda image: torch.from_numpy(processor(image, return_tensors="np")["pixel_values"].astype(np.float32))


def caffe(image):
    values = torch.from_numpy(np.ascontiguousarray(np.asarray(image)[:, :, ::-1])).float() - torch.tensor([103.939, 116.779, 123.68])
    return values.permute(2, 0, 1)[None].contiguous()


def by_height(side):
    """The evaluation code of Touvron et al. resizes the height, whichever side is shorter."""
    resized = int(side * 256 / 224)
    return lambda image: tensor(T.CenterCrop(side)(image.resize((int(resized * image.width / image.height), resized), Image.BILINEAR)))


def tf_scaled(side): return lambda image: tensor(T.CenterCrop(side)(T.Resize(side * 8 // 7)(image)), (0.5,) * 3, (0.5,) * 3)


S = 112
pipelines = {
    "torchvision-v1": (S, cropped(128, S)), "torchvision-v2": (S, cropped(116, S)), "timm-0.95-bicubic": (S, timm_transform(S, 0.95)),
    "timm-test-size": (144, timm_transform(144, 1.0)), "hugging-face": (S, None),
    "keras-caffe-bgr": (S, lambda image: caffe(T.CenterCrop(S)(T.Resize(128)(image)))),
    "keras-load-img": (S, lambda image: caffe(image.resize((S, S), Image.NEAREST))),
    "keras-bilinear": (S, lambda image: caffe(image.resize((S, S), Image.BILINEAR))),
    "squash": (S, lambda image: tensor(T.Resize((S, S))(image))), "fixres-height": (S, by_height(S)), "half-mean": (S, tf_scaled(S)),
    "bicubic-256": (S, cropped(128, S, InterpolationMode.BICUBIC)),
}


def one_pipeline(p, model, file, name):
    side, transform = pipelines[name]
    transform = transform or hugging_face(side)
    first, second = photo(1, 182, 301), photo(2, 301, 182)  # upright, with margins of 3 modulo 4: each rule differs
    first.save(p.path("photo.png"))
    second.save(p.path("other.png"))
    expected, problems = torch_logits(model, transform(first)), []
    with open(p.path("out.json"), "w") as f: json.dump(expected[0].tolist(), f)
    np.save(p.path("out.npy"), expected)
    common = ["import", file, "-o", "m.bin", "--train-resolution", str(side)]
    done, seconds = p.call(*common, "--reference", "photo.png:out." + ("json" if name == "squash" else "npy"))
    if done.returncode: return [f"refused: {message(done)}"], seconds, ""
    found = " ".join(l for l in done.stderr.splitlines() + done.stdout.splitlines() if "fit" in l)[:250]
    done, _ = p.call("run", "m.bin", "other.png", "--save-input", "i.npy", "--top", "1")
    off = np.abs(np.load(p.path("i.npy")) - transform(second).numpy()).max() if done.returncode == 0 else float("inf")
    if off > 1e-4: problems.append(f"the input of another photo is off by {off:.0e}")
    np.save(p.path("wrong.npy"), torch_logits(disturbed(model, 1.0), transform(first)))
    return problems + refused(p, common, "photo.png:wrong.npy", "another network's"), seconds, found


def pictures(p, only, report):
    model = z.randomise(z.small18(classes=20), "pictures", side=112)
    for name in pipelines:
        if only in name: yield "pictures " + name, lambda n=name: one_pipeline(p, model, files.saved()(model, p.folder), n)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--only", default="")
    parser.add_argument("--part", choices=["networks", "pictures"])
    parser.add_argument("--fits-only", action="store_true", help="no pairs of other networks: they take longest")
    parser.add_argument("--json")
    parser.add_argument("--keep", help="a folder for the files of what fails")
    arguments = parser.parse_args()
    report, failed = [], []
    for part in (networks, pictures):
        if arguments.part and part.__name__ != arguments.part: continue
        with tempfile.TemporaryDirectory(prefix="reference-") as outer:
            p = Program(os.path.abspath(arguments.program), outer, arguments.fits_only)
            for name, check in part(p, arguments.only, report):
                p.folder = os.path.join(arguments.keep or outer, name.replace(" ", "_"))
                os.makedirs(p.folder, exist_ok=True)
                try: problems, seconds, found = check()
                except Exception: problems, seconds, found = [traceback.format_exc()], 0, ""
                if problems: failed.append(name)
                print(f"{'FAIL' if problems else 'ok  '} {name:40} {seconds:4.1f} s {'; '.join(problems) or found}", flush=True)
                report.append(dict(name=name, problems=problems, seconds=seconds, found=found))
    print(f"{len(report) - len(failed)} of {len(report)} settled by one example" + (f"; not {', '.join(failed)}" if failed else ""))
    if arguments.json:
        with open(arguments.json, "w") as f: json.dump(report, f, indent=1)
    sys.exit(1 if failed else 0)


if __name__ == "__main__": main()
