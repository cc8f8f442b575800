"""Kills at random moments of every command that writes: the old output or the new one, never a part, and nothing left over
after the next run.

    python3 Tests/Faults/kills.py [--kills 100] [--commands adapt,import,...] [--signals KILL,TERM,INT]
"""
import os, shutil, subprocess, tempfile, time
from common import *

parser = arguments(__doc__)
parser.add_argument("--kills", type=int, default=100)
parser.add_argument("--commands")
parser.add_argument("--signals", default="KILL,TERM,INT")
given = parser.parse_args()


def contents(folder):
    found = {}
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found[name] = file.read()
    return found


def whole(name, data):
    """Whether `data` is a whole file of its kind; what cannot be the same bytes twice, as it holds times."""
    if name.endswith(".html"):
        return data.startswith(b"<!doctype html>") and data.rstrip().endswith(b"</html>")
    if name.endswith(".csv") or name.endswith(".jsonl"):
        return data.endswith(b"\n")
    if name.endswith(".bin"):
        return len(data) == int.from_bytes(data[16:24], "little")
    return False


with tempfile.TemporaryDirectory() as root:
    place = lambda name: os.path.join(root, name)
    small_checkpoint(place("small.safetensors"))
    small_checkpoint(place("other.safetensors"), seed=2)
    pictures(place("pictures"), classes=5)
    picture(place("p.ppm"))
    status, _, error = call([given.fixresc, "import", place("small.safetensors"), "--train-resolution", "64", "-o",
                             place("m.bin")])
    assert status == 0, error
    status, _, error = call([given.fixresc, "adapt", place("m.bin"), "--to", "48", "-o", place("a.bin")])
    assert status == 0, error
    out = place("out")
    at = lambda name: os.path.join(out, name)
    model, folder = place("m.bin"), place("pictures")
    # For each: the words, and the files that it writes.
    commands = {
        "import": (["import", place("small.safetensors"), "-o", at("o.bin")], ["o.bin"]),
        "adapt": (["adapt", model, "--to", "48", "-o", at("o.bin")], ["o.bin"]),
        "adapt-pack": (["adapt", model, "--to", "48", "--pack", "-o", at("o.bin")], ["o.bin"]),
        "adapt-bn": (["adapt", model, "--to", "48", "--bn-statistics", folder, "-o", at("o.bin")], ["o.bin"]),
        "adapt-tune": (["adapt", place("a.bin"), "--tune", "-o", at("o.bin")], ["o.bin"]),
        "finetune": (["finetune", model, folder, "--to", "48", "--epochs", "2", "-o", at("o.bin"), "--report",
                      at("r.html")], ["o.bin", "r.html"]),
        "export-onnx": (["export", place("a.bin"), "--format", "onnx", "-o", at("o.onnx")], ["o.onnx"]),
        "export-safetensors": (["export", model, "--format", "safetensors", "-o", at("o.safetensors")],
                               ["o.safetensors"]),
        "run": (["run", place("a.bin"), place("p.ppm"), "--save-pixels", at("p.npy"), "--save-input", at("i.npy"),
                 "--save-logits", at("l.npy"), "--save-features", at("f.npy")],
                ["p.npy", "i.npy", "l.npy", "f.npy"]),
        "stats": (["stats", model, folder, "--resolutions", "48,64", "-o", at("s.html")], ["s.html"]),
        "sweep": (["sweep", model, folder, "--resolutions", "48,64", "-o", at("w.html")], ["w.html"]),
        "analyze": (["analyze", model, "-o", at("y.html")], ["y.html"]),
    }
    chosen = given.commands.split(",") if given.commands else list(commands)
    noise = random.Random(given.seed)
    table = Table(f"{given.kills} kills of each command by {given.signals}, seed {given.seed}")
    for name in chosen:
        words, files = commands[name]
        shutil.rmtree(out, ignore_errors=True)
        os.mkdir(out)
        start = time.monotonic()
        status, _, error = call([given.fixresc] + words + ["-q"])
        usual = time.monotonic() - start
        if status != 0:
            table.row(name, False, error.strip()[:150])
            continue
        new = contents(out)
        old = {file: b"old " + file.encode() for file in files}
        for file, data in old.items():
            open(at(file), "wb").write(data)
        bad, killed, left, kept_new, index = [], 0, 0, 0, -1
        # A process that had ended before its signal was not killed.
        while killed < given.kills and index < 4 * given.kills:
            index += 1
            for file, data in old.items():
                if contents(out).get(file) != data:
                    with open(at(file), "wb") as target:
                        target.write(data)
            process = subprocess.Popen([given.fixresc] + words + ["-q"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, env=ENVIRONMENT)
            # Half of the kills fall on the end, where files are written.
            share = noise.random() if index % 2 else 0.7 + 0.4 * noise.random()
            time.sleep(usual * share)
            process.send_signal(getattr(signal, "SIG" + noise.choice(given.signals.split(","))))
            was_killed = process.wait() < 0
            killed += was_killed
            # The machine's load changes: the middle of what is drawn stays at the end of a run.
            usual *= 1.01 if was_killed else 0.97
            found = contents(out)
            left += bool(litter(out))
            for file in files:
                data = found.get(file)
                same = data in (old[file], new.get(file)) or data is not None and whole(file, data)
                kept_new += data != old[file]
                if not same:
                    bad.append(f"kill {index}: {file} has {None if data is None else len(data)} bytes of no version")
            others = [other for other in found if other not in files and not other.startswith(PREFIX)
                      and ".partial" not in other]
            if others:
                bad.append(f"kill {index}: {others}")
        status, _, error = call([given.fixresc] + words + ["-q"])
        rest = sorted(set(os.listdir(out)) - set(files))
        if status != 0 or rest:
            bad.append(f"after the next run: status {status}, {rest} {error.strip()[:120]}")
        table.row(name, not bad, f"{killed} killed of {index + 1}, {left} with a file left over, {kept_new} new files, {usual:.2f} s a run"
                  + "".join(f"\n       {b}" for b in bad[:5]))
    # A file in the making of a process that is alive, and stopped, stays.
    shutil.rmtree(out, ignore_errors=True)
    os.mkdir(out)
    big = place("big.safetensors")
    small_checkpoint(big, width=48)
    alive = 0
    for index in range(20):
        process = subprocess.Popen([given.fixresc, "import", big, "-o", at("a.bin"), "-q"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=ENVIRONMENT)
        end = time.monotonic() + 10
        while not litter(out) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.0005)
        process.send_signal(signal.SIGSTOP)
        while process.poll() is None and open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()[0] not in "TZ":
            time.sleep(0.0005)
        held = litter(out)
        call([given.fixresc, "import", place("small.safetensors"), "-o", at("b.bin"), "-q"])
        if process.poll() is None and held:
            alive += 1
            if set(held) - set(litter(out)):
                table.row("a living process's file", False, f"{held} was removed")
                break
        process.send_signal(signal.SIGCONT)
        if process.wait() != 0:
            table.row("a living process's file", False, "it could not finish")
            break
    else:
        table.row("a living process's file", alive > 0 and not litter(out), f"kept {alive} times")
    table.end()
