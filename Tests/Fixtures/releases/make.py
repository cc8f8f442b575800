"""Writes the fixtures of one release beside this file: python make.py FIXRESC

FIXRESC is the release's binary, on a machine with AVX-512; the folder takes the version that it prints. For each model:
NAME.bin as the release wrote it, NAME.txt its `inspect --ir`, NAME.npy the logits [3, N, classes] of avx512, avx2 and
portable for the input whose shape it takes (input-CxHxW.npy). The files of a release are never made again: they stand
for those that its users have. (A tuning holds measurements, so a second call gives other bytes.)
Needs numpy. The networks are those of ../architectures; pictures are seeded noise.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
NETWORKS = os.path.join(HERE, "..", "architectures")
INSTRUCTION_SETS = ["avx512", "avx2", "portable"]
# Of the largest logit: what one instruction set may differ by from another, with or without Winograd.
TOLERANCE = 2e-6


# MARK: The container, for graphs that no command writes

CRC32C = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    CRC32C.append(byte)


def checksum(data):
    sum = 0xFFFFFFFF
    for byte in data:
        sum = CRC32C[(sum ^ byte) & 255] ^ sum >> 8
    return sum ^ 0xFFFFFFFF


def sections(path):
    """`{kind: bytes}` of a model file."""
    with open(path, "rb") as file:
        data = file.read()
    (count,) = struct.unpack_from("<I", data, 12)
    entries = [struct.unpack_from("<4sIQQ", data, 32 + 32 * index) for index in range(count)]
    return {kind.decode(): data[offset:offset + size] for kind, _, offset, size in entries}


def write_container(path, parts):
    """A model file of the sections `{kind: bytes}`."""
    aligned = lambda n: (n + 63) // 64 * 64
    table, body, offset = b"", b"", aligned(32 + 32 * len(parts))
    start = offset
    for kind, data in parts.items():
        body += bytes(offset - start - len(body)) + data
        table += struct.pack("<4sIQQII", kind.encode(), 1, offset, len(data), checksum(data), 0)
        offset = aligned(offset + len(data))
    head = b"FIXRESC\0" + struct.pack("<HHIQI", 1, 0, len(parts), start + len(body), checksum(table))
    head += struct.pack("<I", checksum(head)) + table
    with open(path, "wb") as file:
        file.write(head + bytes(start - len(head)) + body)


def write_graph(path, name, lines, constants, metadata, shape):
    """A model file with one graph of `lines`, and `constants` in their order."""
    data = b""
    for values in constants.values():
        data += bytes(-len(data) % 64) + values.astype("<f4").tobytes()
    declared = [f"constant %{name}: f32[{','.join(map(str, v.shape))}]" for name, v in constants.items()]
    text = "\n".join([f"graph @{name} {{", f"  input %x: f32[N,{','.join(map(str, shape))}]"]
                     + ["  " + line for line in declared + lines] + ["}", ""])
    metadata = dict(metadata, architecture=name, source="written by hand", labels=[], train_resolution=list(shape[1:]))
    write_container(path, {"GRPH": text.encode(), "META": json.dumps(metadata).encode(), "CNST": data})


# MARK: One graph for each operation

SHAPE = (4, 9, 7)


def operations():
    """`name: (lines, constants)`; the last value is flattened to the logits unless the lines name them."""
    random = np.random.default_rng(20)
    draw = lambda *shape: random.standard_normal(shape).astype(np.float32) * 0.5
    convolution = "padding = [1, 1, 1, 1], groups = 1, activation"
    same = "padding = [1, 0, 1, 1], padding_rule = same_upper, ceil_mode = false"
    pool = "kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], ceil_mode = true"
    norm = dict(scale=draw(4) + 1, shift=draw(4), mean=draw(4), variance=draw(4) ** 2 + 0.25)
    return {
        "conv2d": ([f"%y = conv2d %x, %w, %b {{strides = [1, 1], {convolution} = none}} : f32[N,5,9,7]"],
                   dict(w=draw(5, 4, 3, 3), b=draw(5))),
        "conv2d-grouped": (
            ["%y = conv2d %x, %w {strides = [2, 2], padding = [1, 1, 1, 1], groups = 2, activation = relu} : f32[N,6,5,4]"],
            dict(w=draw(6, 2, 3, 3))),
        "conv2d-residual": (
            ["%r = relu %x : f32[N,4,9,7]",
             f"%y = conv2d %x, %w, residual %r {{strides = [1, 1], {convolution} = relu}} : f32[N,4,9,7]"],
            dict(w=draw(4, 4, 3, 3))),
        "batchNorm": (["%y = batchNorm %x, %scale, %shift, %mean, %variance {epsilon = 1e-05} : f32[N,4,9,7]"], norm),
        "relu": (["%y = relu %x : f32[N,4,9,7]"], {}),
        "add": (["%r = relu %x : f32[N,4,9,7]", "%y = add %r, %x : f32[N,4,9,7]"], {}),
        "maxPool": ([f"%y = maxPool %x {{{pool}}} : f32[N,4,5,4]"], {}),
        "maxPool-same": ([f"%y = maxPool %x {{kernel = [3, 2], strides = [2, 2], {same}}} : f32[N,4,5,4]"], {}),
        "averagePool": ([f"%y = averagePool %x {{{pool}, count_include_pad = true}} : f32[N,4,5,4]"], {}),
        "averagePool-uncounted": ([f"%y = averagePool %x {{{pool}, count_include_pad = false}} : f32[N,4,5,4]"], {}),
        "globalAveragePool": (["%y = globalAveragePool %x : f32[N,4,1,1]"], {}),
        "globalMaxPool": (["%y = globalMaxPool %x : f32[N,4,1,1]"], {}),
        "flatten": (["%y = flatten %x : f32[N,252]", "output logits = %y"], {}),
        "linear": (["%f = flatten %x : f32[N,252]", "%y = linear %f, %w, %b : f32[N,6]", "output logits = %y"],
                   dict(w=draw(6, 252), b=draw(6))),
        "sigmoid": (["%y = sigmoid %x : f32[N,4,9,7]"], {}),
        "channelMultiply": (
            ["%p = globalAveragePool %x : f32[N,4,1,1]", "%s = sigmoid %p : f32[N,4,1,1]", "%y = channelMultiply %x, %s : f32[N,4,9,7]"],
            {}),
        "stridedSlice": (["%y = stridedSlice %x {strides = [2, 3]} : f32[N,4,5,3]"], {}),
        "channelPad": (["%y = channelPad %x {before = 1, after = 2} : f32[N,7,9,7]"], {}),
        "softmax": (["%f = flatten %x : f32[N,252]", "%y = softmax %f : f32[N,252]", "output logits = %y"], {}),
        "scalarAffineClamp": (["%y = scalarAffineClamp %x {scale = 1.5, offset = -0.25} : f32[N,4,9,7]"], {}),
        "identity": (["%y = identity %x : f32[N,4,9,7]"], {}),
        "dropout": (["%y = dropout %x {rate = 0.5} : f32[N,4,9,7]"], {}),
    }


def finished(lines):
    if lines[-1].startswith("output"):
        return lines
    dims = lines[-1].rsplit("[N,", 1)[1].rstrip("]").split(",")
    return lines + [f"%flat = flatten %y : f32[N,{np.prod([int(d) for d in dims])}]", "output logits = %flat"]


# MARK: Networks

def make_pictures(folder):
    """Two classes of small pictures: noise around a colour."""
    random = np.random.default_rng(5)
    for kind, colour in enumerate([(90, 120, 160), (150, 110, 100)]):
        os.makedirs(os.path.join(folder, f"class {kind}"))
        for index in range(8):
            pixels = np.clip(random.normal(colour, 40, (44, 40, 3)), 0, 255).astype(np.uint8)
            with open(os.path.join(folder, f"class {kind}", f"{index}.ppm"), "wb") as file:
                file.write(b"P6 40 44 255\n" + pixels.tobytes())


class Release:
    """The binary, called in a folder of its own so that no file holds a path of this machine."""

    def __init__(self, binary, folder):
        self.binary, self.folder = os.path.abspath(binary), folder

    def call(self, *words, isa=None):
        environment = {k: v for k, v in os.environ.items() if k != "FIXRESC_ISA"}
        if isa:
            environment["FIXRESC_ISA"] = isa
        done = subprocess.run([self.binary, *words], cwd=self.folder, env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def imported(self, network, *options):
        """The checkpoint of a folder of ../architectures as a model file; its name."""
        folder = os.path.join(NETWORKS, network)
        (source,) = [n for n in os.listdir(folder) if n.startswith("model.")]
        self.call("import", os.path.join(folder, source), "-o", network + ".bin", "--train-resolution", "32", *options)
        return network + ".bin"


def write_networks(release, folder):
    def write(name, command, *words, isa=None):
        path = os.path.join(folder, name + ".bin")
        release.call(command, *words, "-o", path, isa=isa)
        # Where no other kernel was measured faster there is nothing to keep.
        while "--tune" in words and "TUNE" not in sections(path):
            release.call(command, *words, "-o", path, isa=isa)

    gated, padded = release.imported("timm-t-se-bottleneck"), release.imported("cifar-option-a")
    grouped = release.imported("torchvision-resnext-bfloat")
    write("plain", "import", gated)
    write("adapted", "adapt", grouped, "--to", "40x32")
    write("adapted-statistics", "adapt", padded, "--to", "40", "--bn-statistics", "pictures", "--bn-layers", "all")
    write("adapted-equalized", "adapt", gated, "--to", "40", "--equalize", "pictures")
    write("adapted-test-pool", "adapt", gated, "--to", "40", "--test-pool")
    write("finetuned", "finetune", padded, "pictures", "--to", "40", "--new-head", "--epochs", "2",
          "--batch-size", "4", "--mode", "bnstat+affine+fc")
    write("finetuned-adapted", "adapt", os.path.join(folder, "finetuned.bin"))
    for isa in ["avx512", "avx2"]:
        write(f"tuned-{isa}", "adapt", padded, "--tune", isa=isa)
        write(f"packed-{isa}", "adapt", padded, "--pack", isa=isa)
    write("tuned-packed-avx2", "adapt", gated, "--tune", "--pack", isa="avx2")
    # The portable kernels read weights as they are: such a file is a plain one.
    write("packed-portable", "adapt", padded, "--pack", isa="portable")


def write_operations(release, folder, metadata):
    for name, (lines, constants) in operations().items():
        raw = os.path.join(release.folder, "raw.bin")
        write_graph(raw, name, finished(lines), constants, metadata, SHAPE)
        release.call("import", "raw.bin", "-o", os.path.join(folder, f"op-{name}.bin"))


# MARK: What the release makes of them

def record(release, folder, name):
    """NAME.txt and NAME.npy; how far instruction sets are apart, of the largest logit."""
    model = os.path.join(folder, name + ".bin")
    text = release.call("inspect", "--ir", model)
    with open(os.path.join(folder, name + ".txt"), "w") as file:
        file.write(text)
    (line,) = [line for line in text.splitlines() if line.startswith("  input ")]
    shape = tuple(map(int, line.rsplit("[N,", 1)[1].rstrip("]").split(",")))
    picture = os.path.join(folder, f"input-{'x'.join(map(str, shape))}.npy")
    if not os.path.exists(picture):
        np.save(picture, np.random.default_rng(sum(shape)).standard_normal((2, *shape), np.float32))
    outputs = []
    for exact in ([], ["--exact"]):
        for isa in INSTRUCTION_SETS:
            release.call("run", model, picture, "--save-logits", "logits.npy", *exact, isa=isa)
            outputs.append(np.load(os.path.join(release.folder, "logits.npy")))
    outputs = np.stack(outputs)
    np.save(os.path.join(folder, name + ".npy"), outputs[:len(INSTRUCTION_SETS)])
    return float(np.ptp(outputs, axis=0).max() / abs(outputs).max())


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as temporary:
        release = Release(sys.argv[1], temporary)
        folder = os.path.join(HERE, release.call("--version").split()[1])
        os.makedirs(folder, exist_ok=True)
        if any(name.endswith(".bin") for name in os.listdir(folder)):
            sys.exit(f"{folder} holds a release's files already, which stay as they are")
        make_pictures(os.path.join(temporary, "pictures"))
        write_networks(release, folder)
        metadata = json.loads(sections(os.path.join(folder, "plain.bin"))["META"])
        write_operations(release, folder, metadata)
        for name in sorted(n[:-4] for n in os.listdir(folder) if n.endswith(".bin")):
            difference = record(release, folder, name)
            size = os.path.getsize(os.path.join(folder, name + ".bin"))
            print(f"{name:24} {size:8} bytes, kernels differ by {difference:.1e}")
            if difference > TOLERANCE:
                sys.exit(f"{name}: the release's own kernels differ by more than {TOLERANCE}")


main()
