"""Verdicts of fixresc and of the reference readers on the same thousands of broken files, difference by difference.

usage: python check_verdicts.py FIXRESC-FUZZ [--cases N] [--seed S] [--only NAME,...] [--keep FOLDER]

`fixresc-fuzz verdicts` writes N seeded cases of each format (structure-aware, about half of them readable) with our verdict.
The references are safetensors, torch.load with weights_only and without (its globals limited to torch, numpy and
collections, so that no case runs anything), onnx.checker and Pillow. A file that we take and a reference refuses
(`looser`), or that we refuse and it takes (`stricter`), must be explained in LOOSER or STRICTER below; what is not is printed
and fails. Versions: requirements-zoo.txt and requirements-onnx.txt.
"""
import argparse
import collections
import io
import os
import pickle
import re
import resource
import subprocess
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")

# (formats, reference, our reason, theirs, why)
STRICTER = [
    ("safetensors", "", r"duplicate", "", "a key that comes twice: safetensors keeps the last, another reader may keep the first"),
    ("safetensors", "", r"", "", "whatever else of a header is not as the format's page says"),
    ("zip legacy pickle", "", r"overlap|local|checksum|CRC|crc|central|duplicate|encrypt|compress|gap|trailing|comment", "",
     "an archive whose two directories disagree, whose members overlap or whose data do not match their checksum"),
    ("zip legacy pickle", "", r"notACheckpoint|noTensors|noWeights|notATensor|architecture|opaque|unsupportedType", "",
     "readable, but no tensors in it"),
    ("zip legacy pickle", "full", r"", "", "torch.load without weights_only runs what the file says; we build data alone"),
    ("zip legacy pickle", "weights", r"", "", "opcodes, classes or storages that trained weights do not need"),
    ("onnx", "", r"", "", "a legal graph that is no residual network, or that this importer does not read"),
    ("jpeg png ppm", "", r"tooManyPixels|outOfMemory", "", "larger than the limit of pixels"),
    ("jpeg", "", r"unsupported", "", "arithmetic or lossless coding, 12 bits, unusual sampling"),
    ("png", "", r"", "", "chunks whose checksum or order is wrong where libpng only warns"),
    ("jpeg", "", r"", "", "damage in a header that libjpeg repairs by a guess"),
    ("ppm", "", r"", "", "16 bits, or a header that Pillow reads past its definition"),
]
LOOSER = [
    # Opaque data (row 8 of the hostile inputs): training scripts save objects of their own beside the weights, which torch
    # loads only by running the file. We build data, call nothing, and refuse a tensor that the network needs and that is opaque.
    ("zip legacy pickle", "weights", "", r"Unsupported (global|operand|class)|unrecognized function|was blocked|GLOBAL|whether the file|Cannot use|Can only|custom pickle|WeightsUnpickler|Weights only load failed",
     "a class, function or opcode outside weights_only's list: opaque data here"),
    ("zip legacy pickle", "full", "", r"global .* is not allowed|AttributeError|ModuleNotFoundError|ImportError|unregistered extension",
     "a class that is not there, or is not among those that this script lets torch.load call: opaque data here"),
    ("zip legacy pickle", "", "", r"state is not a dictionary|not callable|TypeError|ValueError|AssertionError|RuntimeError",
     "a call or a state of an object that is no tensor, which fails when it is run: none is run here"),
    ("zip legacy pickle", "full", "", r"persistent_load", "torch takes a file whose first number is broken for a plain pickle; the tensors behind it are whole"),
    ("zip", "", "", r"invalid load key|pickle data was truncated|persistent IDs in protocol 0|UnicodeDecodeError",
     "a member whose attributes say that it is a folder: torch reads bytes that it never set, another error each time"),
    ("onnx", "", "", r"DecodeError|UnicodeDecodeError", "Python's protobuf checks text of fields that nothing reads"),
]


class LimitedPickle:
    """`pickle` whose classes and functions are those of torch, numpy and collections alone."""

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            if module == "collections" or (module in ("torch", "torch._utils", "torch.storage") and name not in ("load", "jit")) \
                    or module.startswith(("torch.nn.parameter", "numpy.core.multiarray", "numpy._core.multiarray")) or module == "numpy":
                return super().find_class(module, name)
            raise pickle.UnpicklingError(f"global {module}.{name} is not allowed")

    load = staticmethod(lambda file, **options: LimitedPickle.Unpickler(file, **options).load())
    loads = staticmethod(lambda data, **options: LimitedPickle.Unpickler(io.BytesIO(data), **options).load())
    dumps, dump, UnpicklingError, __name__ = pickle.dumps, pickle.dump, pickle.UnpicklingError, "pickle"


def safetensors(path):
    from safetensors import safe_open
    with safe_open(path, "pt") as file:
        for key in file.keys():
            file.get_tensor(key)


def weights(path):
    import torch
    torch.load(path, map_location="cpu", weights_only=True)


def full(path):
    import torch
    torch.load(path, map_location="cpu", weights_only=False, pickle_module=LimitedPickle)


def onnx_checker(path):
    import onnx
    with open(path, "rb") as file:
        onnx.checker.check_model(onnx.load_model_from_string(file.read()))


def pillow(path):
    from PIL import Image
    with Image.open(path, formats=["JPEG", "PNG", "PPM"]) as image:
        image.convert("RGB")


READERS = {
    "safetensors": [("safetensors", safetensors)], "zip": [("weights", weights), ("full", full)],
    "legacy": [("weights", weights), ("full", full)], "onnx": [("checker", onnx_checker)],
    "jpeg": [("Pillow", pillow)], "png": [("Pillow", pillow)], "ppm": [("Pillow", pillow)],
}


def theirs(reader, folder, count):
    """The reader's verdicts: `accept` or the error; children, so that a crash counts as a refusal."""
    verdicts = []
    while len(verdicts) < count:
        given, answers = os.pipe()
        child = os.fork()
        if child == 0:
            resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
            resource.setrlimit(resource.RLIMIT_CPU, (600, 600))
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            with os.fdopen(answers, "w") as out:
                for number in range(len(verdicts), count):
                    try:
                        reader(os.path.join(folder, str(number)))
                        text = "accept"
                    except BaseException as error:
                        text = re.sub(r".*(WeightsUnpickler error: )", r"\1", f"{type(error).__name__}: {error}", flags=re.S)[:300]
                    out.write(" ".join(text.split()) + "\n")
                    out.flush()
            os._exit(0)
        os.close(answers)
        with os.fdopen(given) as lines:
            verdicts += [line.rstrip("\n") for line in lines]
        _, status = os.waitpid(child, 0)
        if len(verdicts) < count:
            verdicts.append(f"Crash: status {status}")
    return verdicts


def explanation(table, format, reader, ours, other):
    for formats, name, mine, their, why in table:
        if format in formats.split() and name in ("", reader) and re.search(mine, ours) and re.search(their, other):
            return why
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("fuzz")
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(READERS))
    parser.add_argument("--keep")
    options = parser.parse_args()
    unexplained = 0
    for format in options.only.split(","):
        with tempfile.TemporaryDirectory() as scratch:
            folder = os.path.join(options.keep, format) if options.keep else scratch
            os.makedirs(folder, exist_ok=True)
            lines = subprocess.run([options.fuzz, "verdicts", format, folder, str(options.cases), str(options.seed)],
                                   capture_output=True, check=True).stdout.decode(errors="replace").split("\n")[:-1]
            ours = [line.split("\t", 1)[1] for line in lines]
            assert len(ours) == options.cases, (format, len(ours))
            taken = set()
            for name, reader in READERS[format]:
                counts, reasons = collections.Counter(), collections.Counter()
                for number, (mine, other) in enumerate(zip(ours, theirs(reader, folder, len(ours)))):
                    a, b = mine == "accept", other == "accept"
                    counts[("accept" if a else "refuse", "accept" if b else "refuse")] += 1
                    if b:
                        taken.add(number)
                    if a == b:
                        continue
                    kind = "looser" if a else "stricter"
                    why = explanation(LOOSER if a else STRICTER, format, name, mine, other)
                    if a and why is None and number in taken:
                        why = "torch.load with weights_only takes it as well"
                    reasons[(kind, why)] += 1
                    if why is None:
                        unexplained += 1
                        print(f"UNEXPLAINED {format} {number} {name} {kind}: ours {mine[:120]} | theirs {other[:200]}")
                total = ", ".join(f"ours {mine} {name} {other} {n}" for (mine, other), n in sorted(counts.items()))
                print(f"{format}: {total}")
                for (kind, why), n in reasons.most_common():
                    print(f"    {n:5} {kind}: {why}")
    print("unexplained:", unexplained)
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
