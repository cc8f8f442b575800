"""What the fault scripts share: small inputs made from seeds, and calls of the tool."""
import argparse, json, os, random, shutil, signal, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
PREFIX, SUFFIX = ".fixresc-", ".part"
# A trap prints a stack trace of seconds, and leaves a core file, where nobody stops it.
ENVIRONMENT = dict(os.environ, SWIFT_BACKTRACE="enable=no")


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--fixresc", default=os.path.join(ROOT, ".build/debug/fixresc"))
    parser.add_argument("--seed", type=int, default=1)
    return parser


def call(words, timeout=300, **options):
    """Runs a command; its status (minus the signal that ended it), stdout and stderr."""
    import resource
    before = options.pop("preexec_fn", None)

    def prepare():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if before:
            before()

    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    options.setdefault("env", ENVIRONMENT)
    done = subprocess.run(words, timeout=timeout, preexec_fn=prepare, **options)
    return done.returncode, (done.stdout or b"").decode(errors="replace"), (done.stderr or b"").decode(errors="replace")


def is_clear(status, error):
    """Whether a call did its work, or ended in one line that says why."""
    lines = [line for line in error.splitlines() if line]
    errors = [line for line in lines if line.startswith("fixresc: error: ")]
    return status == 0 or status == 1 and len(errors) == 1 and lines[-1] == errors[0] and len(errors[0]) <= 500


def litter(folder):
    return sorted(name for name in os.listdir(folder) if name.startswith(PREFIX))


def picture(path, width=40, height=30, seed=1):
    noise = random.Random(seed)
    with open(path, "wb") as file:
        file.write(b"P6 %d %d 255\n" % (width, height) + bytes(noise.randrange(256) for _ in range(3 * width * height)))


def pictures(folder, classes=2, each=3, seed=1):
    for index in range(classes):
        os.makedirs(os.path.join(folder, f"class {index}"), exist_ok=True)
        for number in range(each):
            picture(os.path.join(folder, f"class {index}", f"{number}.ppm"), seed=seed * 100 + index * 10 + number)


def crc32c(data):
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    total = 0xFFFFFFFF
    for byte in data:
        total = total >> 8 ^ table[(total ^ byte) & 0xFF]
    return total ^ 0xFFFFFFFF


def small_checkpoint(path, blocks=(1, 1, 1, 1), width=8, classes=5, seed=1):
    """A residual network of basic blocks under torchvision's names, as safetensors."""
    import struct
    noise, tensors = random.Random(seed), {}

    def add(name, shape, low, high):
        count = 1
        for side in shape:
            count *= side
        tensors[name] = (shape, struct.pack(f"<{count}f", *(noise.uniform(low, high) for _ in range(count))))

    def unit(name, norm, outputs, inputs, side):
        scale = (3 / (inputs * side * side)) ** 0.5
        add(name + ".weight", [outputs, inputs, side, side], -scale, scale)
        for leaf, low, high in [("weight", 0.5, 1.5), ("bias", -0.1, 0.1), ("running_mean", -0.1, 0.1),
                                ("running_var", 0.5, 1.5)]:
            add(f"{norm}.{leaf}", [outputs], low, high)

    unit("conv1", "bn1", width, 3, 7)
    inputs = width
    for stage, count in enumerate(blocks):
        outputs = width << stage
        for block in range(count):
            base = f"layer{stage + 1}.{block}"
            unit(base + ".conv1", base + ".bn1", outputs, inputs, 3)
            unit(base + ".conv2", base + ".bn2", outputs, outputs, 3)
            if inputs != outputs:
                unit(base + ".downsample.0", base + ".downsample.1", outputs, inputs, 1)
            inputs = outputs
    add("fc.weight", [classes, inputs], -0.3, 0.3)
    add("fc.bias", [classes], -0.1, 0.1)
    header, blob = {}, b""
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(blob), len(blob) + len(data)]}
        blob += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + blob)


def resnet50_checkpoint(path, seed=1, half=False):
    """ResNet-50 under torchvision's names with repeated noise, as safetensors: 102 MB, or half of that in float16."""
    import struct
    noise = random.Random(seed)
    letter, size = ("e", 2) if half else ("f", 4)
    block = struct.pack("<65536" + letter, *(noise.uniform(-0.02, 0.02) for _ in range(65536)))
    header, sizes, end = {}, [], 0

    def add(name, shape, positive=False):
        nonlocal end
        count = size
        for side in shape:
            count *= side
        header[name] = {"dtype": "F16" if half else "F32", "shape": shape, "data_offsets": [end, end + count]}
        sizes.append((count, positive))
        end += count

    def unit(name, norm, outputs, inputs, side):
        add(name + ".weight", [outputs, inputs, side, side])
        for leaf in ["weight", "bias", "running_mean", "running_var"]:
            add(f"{norm}.{leaf}", [outputs], leaf in ("weight", "running_var"))

    unit("conv1", "bn1", 64, 3, 7)
    inputs = 64
    for stage, count in enumerate([3, 4, 6, 3]):
        inner = 64 << stage
        for index in range(count):
            base = f"layer{stage + 1}.{index}"
            unit(base + ".conv1", base + ".bn1", inner, inputs, 1)
            unit(base + ".conv2", base + ".bn2", inner, inner, 3)
            unit(base + ".conv3", base + ".bn3", inner * 4, inner, 1)
            if index == 0:
                unit(base + ".downsample.0", base + ".downsample.1", inner * 4, inputs, 1)
            inputs = inner * 4
    add("fc.weight", [1000, 2048])
    add("fc.bias", [1000])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    ones = struct.pack("<4096" + letter, *[1.0] * 4096)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for count, positive in sizes:
            source = ones if positive else block
            file.write((source * (count // len(source) + 1))[:count])


class Table:
    """Rows of a result, printed as they come."""

    def __init__(self, title):
        self.failed = 0
        print(title, flush=True)

    def row(self, name, passed, text=""):
        self.failed += not passed
        print(f"  {'ok  ' if passed else 'FAIL'} {name:44} {text}", flush=True)

    def end(self):
        print("all rows passed" if not self.failed else f"{self.failed} rows failed", flush=True)
        sys.exit(1 if self.failed else 0)
