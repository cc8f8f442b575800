"""Limits of the address space, from the least at which --version runs, in steps: every command does its work or ends in
one line that says why, never in a trap.

    python3 Tests/Faults/address_space.py [--step 10] [--to 1024] [--kind AS|DATA] [--commands run,adapt,import|all]

From ten steps above the least limit at which a command works, steps are ten times as long.
"""
import os, resource, subprocess, sys, tempfile
from common import *

parser = arguments(__doc__)
parser.add_argument("--step", type=float, default=10, help="MB")
parser.add_argument("--from", dest="start", type=int, default=0, help="MB; default: the least at which --version runs")
parser.add_argument("--to", type=int, default=1024, help="MB")
parser.add_argument("--kind", default="AS", choices=["AS", "DATA"])
parser.add_argument("--commands", default="run,adapt,import,packed,eval,finetune")
parser.add_argument("--model", help="a .bin in place of ResNet-50's, made by this script")
given = parser.parse_args()
MB = 1 << 20


def limited(megabytes):
    kind = getattr(resource, "RLIMIT_" + given.kind)
    return lambda: resource.setrlimit(kind, (int(megabytes * MB), int(megabytes * MB)))


def least():
    low, high = 1, 1024
    while high - low > 1:
        middle = (low + high) // 2
        status, _, _ = call([given.fixresc, "--version"], preexec_fn=limited(middle))
        low, high = (low, middle) if status == 0 else (middle, high)
    return high


def torch_files(source, target):
    """The tensors of `source` as torch saves them, zipped and not; nothing where torch is missing."""
    program = ("import sys, json, struct, torch; d = open(sys.argv[1], 'rb').read(); n = struct.unpack('<Q', d[:8])[0]; "
               "h = json.loads(d[8:8 + n]); t = {k: torch.frombuffer(bytearray(d[8 + n + v['data_offsets'][0]:8 + n + "
               "v['data_offsets'][1]]), dtype=torch.float32).reshape(v['shape']) for k, v in h.items()}; "
               "torch.save(t, sys.argv[2] + '.pth'); "
               "torch.save(t, sys.argv[2] + '.legacy.pth', _use_new_zipfile_serialization=False)")
    return subprocess.run([sys.executable, "-c", program, source, target], stderr=subprocess.DEVNULL).returncode == 0


def tensor_file(path, count):
    """A .npy of `count` pictures [3, 224, 224]."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 3, 224, 224), }" % count
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(count * 4 * 3 * 224 * 224))


with tempfile.TemporaryDirectory() as folder:
    place = lambda name: os.path.join(folder, name)
    chosen = given.commands.split(",")
    resnet50_checkpoint(place("r50.safetensors"))
    resnet50_checkpoint(place("half.safetensors"), half=True)
    model, out = given.model or place("r50.bin"), place("out.bin")
    for words in [["adapt", place("r50.safetensors"), "-o", place("r50.bin"), "--no-proof"],
                  ["adapt", place("r50.bin"), "-o", place("packed.bin"), "--pack", "--no-proof"],
                  ["export", place("r50.safetensors"), "--format", "onnx", "-o", place("r50.onnx")]]:
        status, _, error = call([given.fixresc] + words)
        assert status == 0, error
    picture(place("p.ppm"), 300, 260)
    pictures(place("folder"))
    tensor_file(place("t.npy"), 64)
    has_torch = any(name.endswith(("pth", "legacy")) for name in chosen) and torch_files(place("r50.safetensors"), place("r50"))
    commands = {
        "run": ["run", model, place("p.ppm")],
        "packed": ["run", place("packed.bin"), place("p.ppm")],
        "run-npy": ["run", model, place("t.npy")],
        "adapt": ["adapt", place("r50.safetensors"), "--to", "224", "-o", out],
        "import": ["import", place("r50.safetensors"), "-o", out],
        "import-half": ["import", place("half.safetensors"), "-o", out],
        "import-onnx": ["import", place("r50.onnx"), "-o", out],
        "import-pth": ["import", place("r50.pth"), "-o", out],
        "import-legacy": ["import", place("r50.legacy.pth"), "-o", out],
        "eval": ["eval", model, place("folder"), "--classes", place("classes.txt")],
        "finetune": ["finetune", place("r50.safetensors"), place("folder"), "--new-head", "--to", "128", "--epochs", "1",
                     "-o", out],
        "finetune-head": ["finetune", place("r50.safetensors"), place("folder"), "--classes", place("classes.txt"), "--to",
                          "64", "--epochs", "1", "-o", out],
        "inspect": ["inspect", place("packed.bin")],
        "plan": ["inspect", model, "--plan"],
        "export": ["export", place("packed.bin"), "--format", "onnx", "-o", out],
        "export-safetensors": ["export", place("half.safetensors"), "--format", "safetensors", "-o", out],
        "compare": ["compare", place("r50.safetensors"), model],
        "sweep": ["sweep", model, place("folder"), "--resolutions", "64,96", "--classes", place("classes.txt")],
        "stats": ["stats", model, place("folder"), "--resolutions", "64,96"],
        "bench": ["bench", model, "--resolution", "64", "--runs", "1"],
    }
    with open(place("classes.txt"), "w") as file:
        file.write("class 0 0\nclass 1 1\n")
    if given.commands == "all":
        chosen = list(commands)
        has_torch = torch_files(place("r50.safetensors"), place("r50"))
    first = given.start or least()
    table = Table(f"{given.kind} limits from {first} MB, at which --version runs, to {given.to} MB, steps of {given.step:g}")
    for name in chosen:
        if name in ("import-pth", "import-legacy") and not has_torch:
            table.row(name, True, "not shown: needs torch")
            continue
        limit, runs, works, bad = float(first), 0, None, []
        # What is refused without a limit would be refused under each of them, and show nothing.
        status, _, error = call([given.fixresc] + commands[name] + ["-q"])
        if status != 0:
            table.row(name, False, f"without a limit: status {status} {error.strip()[:150]}")
            continue
        while limit <= given.to:
            if os.path.exists(out):
                os.unlink(out)
            status, output, error = call([given.fixresc] + commands[name] + ["-q"], preexec_fn=limited(limit))
            runs += 1
            if status == 0 and works is None:
                works = limit
            if not is_clear(status, error) or litter(folder) or (status != 0 and os.path.exists(out)):
                bad.append((limit, status, error.strip().splitlines()[:1]))
            # What takes long is the work itself, which is seldom another one above.
            limit += given.step if works is None or limit < works + 10 * given.step else 10 * given.step
        table.row(name, not bad, f"{runs} limits, works from {works} MB" + "".join(f"\n       {b}" for b in bad[:12]))
    table.end()
