"""Situations rebuilt from public reports, each in a folder of its own with a make.py: is the built fixresc right there now?

usage: python check_cases.py FIXRESC FOLDER [--only WORD] [--make] [--json OUT]

FOLDER holds the made cases (`python make.py` run in each); it is copied and never written to. `--make` runs every make.py in the
copy first. One line a check: `ok` with what was done, `FAIL` with what was found. Requirements: requirements-zoo.txt.
"""
import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

import numpy as np

tolerance = 5e-5  # these networks have torch's own float32 off by 2e-5 from double precision


class Checks:
    """The checks of one case, in a copy of its folder."""
    def __init__(self, program, folder): self.program, self.folder, self.rows = program, folder, []

    def path(self, name): return os.path.join(self.folder, name)

    def array(self, name): return np.load(self.path(name))

    def call(self, *arguments):
        done = subprocess.run([self.program, *arguments], cwd=self.folder, capture_output=True, text=True, errors="replace")
        if done.returncode not in (0, 1, 2): self.note(False, " ".join(arguments), f"exit {done.returncode}: {done.stderr.strip()[-200:]}")
        return done

    def note(self, good, what, found=""): self.rows.append((bool(good), what, found))

    def saved(self, kind, *arguments):
        """What `run` saves, and its process; None where it failed."""
        out = self.path("saved.npy")
        if os.path.exists(out): os.remove(out)
        done = self.call("run", *arguments, f"--save-{kind}", out, "--top", "1")
        return (np.load(out) if done.returncode == 0 else None), done

    def logits(self, what, expected, *arguments):
        """One run whose logits must be torch's."""
        found, done = self.saved("logits", *arguments)
        if found is None: return self.note(False, what, last(done))
        off = distance(found, expected)
        self.note(off <= tolerance, what, f"{off:.0e} of the largest logit")
        return done

    def assumed(self, what, expected, facts, network, *arguments):
        """Wrong by itself, with a word on stderr about each fact; right with the facts stated, and from one example."""
        found, done = self.saved("logits", *arguments)
        if found is None:
            self.note(re.search("--network|--reference", done.stderr), what + ": refused with help", last(done))
        elif distance(found, expected) > 1e-5:
            line = " ".join(l for l in done.stderr.splitlines() if "assumed" in l)
            missing = [f for f in facts if f + "=" not in line]
            self.note(not missing, what + ": assumptions printed", f"not {', '.join(missing)} in: {line[:200]}" if missing else line[:200])
        self.logits(f"{what}: --network {network}", expected, *arguments, "--network", network)
        model, tensor = arguments[0], self.array(arguments[1])
        np.save(self.path("pair_in.npy"), tensor[:1])
        np.save(self.path("pair_out.npy"), expected[:1])
        self.logits(f"{what}: --reference", expected, *arguments, "--reference", "pair_in.npy:pair_out.npy")


def distance(found, expected):
    if found.shape != expected.shape: return float("inf")
    return float(np.abs(found.astype(np.float64) - expected).max() / np.abs(expected).max())


def last(done): return (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1][:300]


def legacy_seresnet(c):
    for name in ("legacy_seresnet18", "legacy_seresnet34"):
        c.logits(name, c.array(name + ".expected.npy"), f"{name}/model.safetensors", "x.npy", "--train-resolution", "96")


def cifar_stem(c):
    c.assumed("resnet18.pt", c.array("expected.npy"), ["stem-pool"], "stem-pool=max", "resnet18.pt", "x.npy")


def gem(c):
    found, done = c.saved("logits", "gem.pth", "x.npy", "--train-resolution", "96")
    if found is None: return c.note("avgpool.p" in done.stderr, "refused naming avgpool.p", last(done))
    off = distance(found, c.array("expected.npy"))
    c.note(off <= 1e-5, "computed", f"{off:.0e} of the largest logit")


def strides(c):
    size = ("x.npy", "--train-resolution", "96")
    for name, facts, network in (("last_stride1", ["strides"], "strides=1,2,2,1"), ("last_stride1_basic", ["strides"], "strides=1,2,2,1"),
                                 ("dilated", ["strides", "dilations"], "strides=1,2,2,1,dilations=1,1,1,2"),
                                 ("resnetblur18", ["anti-alias"], "anti-alias=blur3")):
        c.assumed(name, c.array(name + ".expected.npy"), facts, network, name + ".pth", *size)
    c.logits("last_stride1.onnx", c.array("last_stride1.expected.npy"), "last_stride1.onnx", "x.npy")


def usual_keys(c):
    expected = c.array("expected.npy")
    for file in ("tutorial", "ema", "weights", "teacher", "lightning_attr", "simclr", "encoder", "compiled_ddp", "tv_reference", "timm_trainer"):
        base = (file + ".pth", "x.npy", "--train-resolution", "64")
        found, done = c.saved("logits", *base)
        if found is not None:
            off = distance(found, expected)
            c.note(off <= 1e-5, file, f"{off:.0e} of the largest logit")
            continue
        keys = [k.strip("`'\",;.)") for k in re.findall(r"--key[ =](\S+)", done.stderr)]
        works = [k for k in keys if (lambda f: f is not None and distance(f, expected) <= 1e-5)(c.saved("logits", *base, "--key", k)[0])]
        c.note(works, f"{file}: refused with a --key that works", last(done))
    for file, key in (("tutorial", "model_state_dict"), ("teacher", "teacher.backbone"), ("lightning_attr", "state_dict.model.resnet"),
                      ("simclr", "state_dict.backbone")):
        c.logits(f"{file} --key {key}", expected, file + ".pth", "x.npy", "--train-resolution", "64", "--key", key)


def headless(c):
    for file in ("backbone", "mocov2"):
        done = c.call("finetune", file + ".pth", "d", "--to", "64", "--train-resolution", "64", "--new-head", "--epochs", "1", "-o", f"o{file}.bin")
        c.note(done.returncode == 0 and os.path.exists(c.path(f"o{file}.bin")), f"finetune {file} --new-head", last(done) if done.returncode else "")
        done = c.call("stats", file + ".pth", "d", "--resolutions", "64", "--train-resolution", "64")
        c.note(done.returncode == 0, f"stats {file}", last(done) if done.returncode else "")


def one_logit(c):
    expected = json.load(open(c.path("expected.json")))
    done = c.call("run", "detector.pth", "x.npy", "--train-resolution", "64", "--json")
    classes = json.loads(done.stdout)["results"][0]["classes"] if done.returncode == 0 else []
    off = min((abs(k["probability"] - expected["detector_probability"]) for k in classes), default=9)
    c.note(off < 1e-5, "the probability of one logit is its sigmoid", f"{classes} for {expected['detector_probability']}")
    done = c.call("run", "multilabel.onnx", "x.npy", "--json")
    found = {k["index"]: k["probability"] for k in json.loads(done.stdout)["results"][0]["classes"]} if done.returncode == 0 else {}
    wanted = expected["multilabel_probabilities"]
    c.note(len(found) == 3 and max(abs(found[i] - p) for i, p in enumerate(wanted)) < 1e-5, "a trailing Sigmoid", f"{found} for {wanted}")


def argmax(c):
    c.logits("classes and probabilities", c.array("expected.npy"), "classes_and_probabilities.onnx", "x.npy")
    c.logits("TopK", c.array("expected.npy"), "topk.onnx", "x.npy")


def keras(c):
    expected = c.array("expected_probabilities.npy").astype(np.float64)
    os.makedirs(c.path("c"), exist_ok=True)
    shutil.copy(c.path("k.onnx"), c.path("c/k.onnx"))
    with open(c.path("c/config.json"), "w") as f:
        json.dump({"architecture": "unknown_net", "pretrained_cfg": {"crop_pct": 1.0, "interpolation": "bilinear"}}, f)
    stated = ("--channel-order", "bgr", "--input-scale", "255", "--mean", "103.939,116.779,123.68", "--std", "1,1,1")
    for what, arguments in (("Keras' own tensor", ("k.onnx", "x.npy")), ("the picture", ("c/k.onnx", "p.png")),
                            ("the picture, facts stated", ("c/k.onnx", "p.png", *stated)),
                            ("the picture, --crop-share", ("k.onnx", "p.png", "--crop-share", "1", *stated))):
        found, done = c.saved("logits", *arguments)
        if found is None:
            c.note(False, what, last(done))
            continue
        p = np.exp(found.astype(np.float64) - found.max())
        off = np.abs(p / p.sum() - expected).max()
        c.note(off < 1e-5, what, f"a probability off by {off:.0e}")


def damaged(c):
    for file in sorted(glob.glob(c.path("*.jpg"))):
        name = os.path.basename(file)[:-4]
        found, done = c.saved("pixels", "m.pth", name + ".jpg", "--train-resolution", "64")
        if os.path.exists(c.path(name + ".pillow_error.txt")):
            c.note(found is None, f"{name}: an error, as in Pillow", last(done))
        elif found is None: c.note(False, name, last(done))
        else:
            off = np.abs(found[0].astype(int) - c.array(name + ".expected.npy")).max()
            c.note(off == 0, name, f"pixels off by {off}")


def crop_and_filter(c):
    for options in (("--resize-side", "232"), ("--preprocess", "torchvision-v2")):
        found, done = c.saved("pixels", "tv_v2.pth", "p.png", *options)
        if found is None: c.note(False, "V2 " + " ".join(options), last(done))
        else:
            off = np.abs(found[0].astype(int) - c.array("v2.expected.npy")).max()
            c.note(off == 0, "V2 " + " ".join(options), f"pixels off by {off}")
    c.call("adapt", "a1/model.safetensors", "--to", "288", "-o", "o.bin")
    found, done = c.saved("input", "o.bin", "p.png")
    if found is None: c.note(False, "timm at its test size", last(done))
    else: c.note(np.array_equal(found, c.array("a1.expected.npy")), "timm at its test size", f"input off by {np.abs(found - c.array('a1.expected.npy')).max():.0e}")


def subset(c):
    def top1(model, folder, order):
        right = count = 0
        for name, index in order.items():
            for picture in sorted(glob.glob(os.path.join(c.path(folder), name, "*"))):
                logits, _ = c.saved("logits", model, picture, "--train-resolution", "64")
                right, count = right + (logits[0].argmax() == index), count + 1
        return right / count
    base = ("--train-resolution", "64", "--json")
    wordy = lambda done: any(w in done.stderr + done.stdout for w in ("folder", "class")) and any(w in done.stderr + done.stdout for w in ("--classes", "--labels"))
    for command in (("eval", "imagenet.pth", "val", "--resolution", "64"), ("sweep", "imagenet.pth", "val", "--resolutions", "64")):
        done = c.call(*command, *base)
        c.note(done.returncode == 1 and wordy(done), f"{command[0]} of 3 folders without names refused with help", last(done))
    with open(c.path("classes.txt"), "w") as f: f.write("n01440764 0\nn02102040 217\nn03888257 701\n")
    done = c.call("eval", "twelve.pth", "v2", "--resolution", "64", *base)
    if done.returncode == 1: return c.note(wordy(done), "folders 0 to 11 refused with help", last(done))
    wanted = top1("twelve.pth", "v2", {str(i): i for i in range(12)})
    c.note(abs(json.loads(done.stdout)["top1"] - wanted) < 1e-6, "folders 0 to 11", f"{json.loads(done.stdout)['top1']} for {wanted}")


def address_space(c):
    c.call("adapt", "r50.pth", "--to", "224", "-o", "r50.bin", "--no-proof")
    for limit in (500000, 300000, 200000):
        done = subprocess.run(["sh", "-c", f"ulimit -c 0; ulimit -v {limit}; SWIFT_BACKTRACE=enable=no exec {c.program} run r50.bin p.png -q --top 1"],
                              cwd=c.folder, capture_output=True, text=True, errors="replace")
        c.note(done.returncode in (0, 1), f"run within {limit} kB", f"exit {done.returncode}: {last(done)}")


def hugging_face(c):
    pictures = [f"{i}.png" for i in range(8)]
    for options in ((), ("--preprocess", "hf")):
        found, done = c.saved("input", "m/model.safetensors", *pictures, *options)
        if found is None: c.note(False, " ".join(options) or "as it says", last(done))
        else:
            off = [float(np.abs(a - b).max()) for a, b in zip(found, c.array("expected.npy"))]
            c.note(max(off) == 0, " ".join(options) or "as it says", f"greatest difference of each picture {off}")


cases = {"01": legacy_seresnet, "02": cifar_stem, "03": gem, "06": strides, "07": usual_keys, "09": headless, "11": one_logit, "13": argmax,
         "14": keras, "17": damaged, "20": crop_and_filter, "21": subset, "25": address_space, "26": hugging_face}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("--only", default="")
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    report, failed = {}, []
    for name in sorted(os.listdir(arguments.folder)):
        check = cases.get(name[:2])
        if not check or arguments.only not in name or not os.path.isdir(os.path.join(arguments.folder, name)): continue
        with tempfile.TemporaryDirectory(prefix="cases-") as temporary:
            for shared in glob.glob(os.path.join(arguments.folder, "*.py")): shutil.copy(shared, temporary)
            folder = shutil.copytree(os.path.join(arguments.folder, name), os.path.join(temporary, name))
            c = Checks(os.path.abspath(arguments.program), folder)
            try:
                if arguments.make: subprocess.run([sys.executable, "make.py"], cwd=folder, check=True, capture_output=True)
                check(c)
            except Exception as error: c.note(False, "the check itself", traceback.format_exc() if "-v" in sys.argv else repr(error))
        good = all(row[0] for row in c.rows)
        if not good: failed.append(name)
        print(f"{'ok  ' if good else 'FAIL'} {name}", flush=True)
        for fine, what, found in c.rows: print(f"     {'ok  ' if fine else 'FAIL'} {what}{': ' + found if found else ''}", flush=True)
        report[name] = [dict(good=g, what=w, found=f) for g, w, f in c.rows]
    print(f"{len(report) - len(failed)} of {len(report)} cases right" + (f"; not {', '.join(failed)}" if failed else ""))
    if arguments.json:
        with open(arguments.json, "w") as f: json.dump(report, f, indent=1)
    sys.exit(1 if failed else 0)


if __name__ == "__main__": main()
