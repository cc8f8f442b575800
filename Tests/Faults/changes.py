"""Files that change while they are read: pictures, checkpoints, models, packed models, arrays. The process lives, and no
result that mixes old and new bytes is returned as good.

    python3 Tests/Faults/changes.py [--times 200] [--files model,packed,checkpoint,picture,npy] [--width 32]
"""
import os, shutil, subprocess, tempfile, time
from common import *

parser = arguments(__doc__)
parser.add_argument("--times", type=int, default=200)
parser.add_argument("--files", default="model,packed,checkpoint,onnx,picture,npy")
parser.add_argument("--width", type=int, default=32, help="channels of the stem of the network")
given = parser.parse_args()


def in_place(path, data, step):
    """Overwrites the file with `data` of the same length, in calls of `step` bytes."""
    with open(path, "r+b", buffering=0) as file:
        for start in range(0, len(data), step):
            file.write(data[start:start + step])


def truncated(path, data, step):
    os.truncate(path, len(data) * step // 100)


def rewritten(path, data, step):
    """Truncates the file and writes it anew, as a copy over it does."""
    with open(path, "wb", buffering=0) as file:
        for start in range(0, len(data), step):
            file.write(data[start:start + step])


with tempfile.TemporaryDirectory() as root:
    place = lambda name: os.path.join(root, name)
    for index in (1, 2):
        small_checkpoint(place(f"checkpoint{index}"), width=given.width, seed=index)
        picture(place(f"picture{index}"), 1200, 900, seed=index)
    picture(place("p.ppm"), 300, 260)
    for index in (1, 2):
        for name, words in [("model", ["adapt", place(f"checkpoint{index}"), "--to", "64", "-o", place(f"model{index}")]),
                            ("packed", ["adapt", place(f"checkpoint{index}"), "--to", "64", "--pack", "-o",
                                        place(f"packed{index}")]),
                            ("onnx", ["export", place(f"model{index}"), "--format", "onnx", "-o", place(f"onnx{index}")]),
                            ("npy", ["run", place("model1"), place(f"picture{index}"), "--save-input",
                                     place(f"npy{index}")])]:
            status, _, error = call([given.fixresc] + words + ["-q"])
            assert status == 0, (words, error)
    target = place("target")
    logits = place("logits.npy")
    noise = random.Random(given.seed)
    table = Table(f"{given.times} changes of each file in each way, seed {given.seed}")
    for kind in given.files.split(","):
        if kind in ("picture", "npy"):
            words = ["run", place("model1"), target]
        else:
            words = ["run", target, place("p.ppm")]
        words += ["--save-logits", logits, "-q"]
        versions = [open(place(f"{kind}{index}"), "rb").read() for index in (1, 2)]
        length = min(map(len, versions))
        assert kind in ("onnx", "picture", "npy") or len(versions[0]) == len(versions[1])
        right = []
        for version in versions:
            open(target, "wb").write(version)
            start = time.monotonic()
            status, _, error = call([given.fixresc] + words)
            usual = time.monotonic() - start
            assert status == 0, error
            right.append(open(logits, "rb").read())
        assert right[0] != right[1]
        for way in (truncated, in_place, rewritten):
            outcomes, bad = {"old": 0, "new": 0, "refused": 0}, []
            for index in range(given.times):
                open(target, "wb").write(versions[0])
                if noise.random() < 0.7:
                    # A file that has not changed for a while is mapped.
                    old = time.time() - 100
                    subprocess.run(["touch", "-d", "@%d" % old, target])
                    if kind in ("model", "packed", "checkpoint", "onnx") and index % 10 == 0:
                        time.sleep(2.1)
                if os.path.exists(logits):
                    os.unlink(logits)
                step = noise.choice([4096, 1 << 16, 1 << 20, 1 << 30]) if way is not truncated else noise.randrange(100)
                process = subprocess.Popen([given.fixresc] + words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                           env=ENVIRONMENT)
                time.sleep(usual * noise.random() * 1.1)
                way(target, versions[1], step)
                output, error = process.communicate(timeout=120)
                error = error.decode(errors="replace")
                if not is_clear(process.returncode, error):
                    bad.append(f"{index}: status {process.returncode} {error.strip()[:200]}")
                elif process.returncode != 0:
                    outcomes["refused"] += 1
                else:
                    found = open(logits, "rb").read()
                    if found in right:
                        outcomes["old" if found == right[0] else "new"] += 1
                    else:
                        bad.append(f"{index}: logits of neither version")
            table.row(f"{kind}, {way.__name__}", not bad, f"{outcomes}" + "".join(f"\n       {b}" for b in bad[:5]))
    table.end()
