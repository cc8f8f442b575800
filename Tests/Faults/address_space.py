"""Limits of the address space, from the least at which --version runs, in steps: every command does its work or ends in
one line that says why, never in a trap.

    python3 Tests/Faults/address_space.py [--step 10] [--to 1024] [--kind AS|DATA] [--commands run,adapt,import]
"""
import os, resource, tempfile
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


with tempfile.TemporaryDirectory() as folder:
    place = lambda name: os.path.join(folder, name)
    resnet50_checkpoint(place("r50.safetensors"))
    for words in [["adapt", place("r50.safetensors"), "-o", place("r50.bin"), "--no-proof"],
                  ["adapt", place("r50.bin"), "-o", place("packed.bin"), "--pack", "--no-proof"]]:
        status, _, error = call([given.fixresc] + words)
        assert status == 0, error
    picture(place("p.ppm"), 300, 260)
    pictures(place("folder"))
    commands = {
        "run": ["run", given.model or place("r50.bin"), place("p.ppm")],
        "packed": ["run", place("packed.bin"), place("p.ppm")],
        "adapt": ["adapt", place("r50.safetensors"), "--to", "224", "-o", place("out.bin")],
        "import": ["import", place("r50.safetensors"), "-o", place("out.bin")],
        "eval": ["eval", place("r50.bin"), place("folder"), "--classes", place("classes.txt")],
        "finetune": ["finetune", place("r50.safetensors"), place("folder"), "--new-head", "--to", "128", "--epochs", "1",
                     "-o", place("out.bin")],
    }
    with open(place("classes.txt"), "w") as file:
        file.write("class 0 0\nclass 1 1\n")
    first = given.start or least()
    table = Table(f"{given.kind} limits from {first} MB, at which --version runs, to {given.to} MB, steps of {given.step:g}")
    for name in given.commands.split(","):
        limit, runs, works, bad = float(first), 0, None, []
        while limit <= given.to:
            if os.path.exists(place("out.bin")):
                os.unlink(place("out.bin"))
            status, output, error = call([given.fixresc] + commands[name] + ["-q"], preexec_fn=limited(limit))
            runs += 1
            if status == 0 and works is None:
                works = limit
            if not is_clear(status, error) or litter(folder) or (status != 0 and os.path.exists(place("out.bin"))):
                bad.append((limit, status, error.strip().splitlines()[:1]))
            limit += given.step
        table.row(name, not bad, f"{runs} limits, works from {works} MB" + "".join(f"\n       {b}" for b in bad[:12]))
    table.end()
