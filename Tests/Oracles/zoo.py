"""A zoo of files saved as people save them, with random weights and statistics, against the built fixresc.

usage: python zoo.py FIXRESC [--filter WORD ...] [--limit N] [--jobs N] [--json OUT] [--keep FOLDER] [--list] [--verbose]

Each file is run at the size it was made for and, through `adapt`, at another; logits and pooled features must lie within
1e-5 of the largest of torch's. A file that is not right at once may only be
  settled   wrong up to a fact that stderr named as assumed; with that fact stated by an option, and from one pair with
            `--reference`, it is right at both sizes (one of both suffices, what fails is listed);
  offered   refused with an option in the message; with that option it is right at both sizes;
  named     refused, the message naming what the network has and fixresc does not do.
Everything else fails the zoo: SILENT (wrong, without a word about the fact), UNSETTLED (a fact was named but nothing makes it
right), UNCLEAR (refused without help), CRASHED. Requirements: requirements-zoo.txt.
"""
import argparse
import collections
import fnmatch
import itertools
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
import warnings

import numpy as np
import torch

import zoo_entries
import zoo_networks

warnings.filterwarnings("ignore")
tolerance = 1e-5
fine = ("right", "settled", "offered", "named")
failures = ("SILENT", "UNSETTLED", "UNCLEAR", "CRASHED", "BROKEN")


class Answer:
    def __init__(self, status, error, output=""):
        self.status, self.error, self.output = status, error.strip(), output
        self.logits = self.features = self.probabilities = None

    @property
    def crashed(self): return self.status not in (0, 1)

    def assumes(self, fact):
        line = " ".join(l for l in self.error.splitlines() if "assumed" in l)
        return re.search(rf"(?<![\w-]){re.escape(fact)}=", line) is not None


class Zoo:
    def __init__(self, program, folder): self.program, self.folder = program, folder

    def path(self, name): return os.path.join(self.folder, name)

    def call(self, *arguments):
        try: done = subprocess.run([self.program, *arguments], capture_output=True, text=True, errors="replace", timeout=300)
        except subprocess.TimeoutExpired: return Answer(-99, "no end after 300 seconds")
        return Answer(done.returncode, done.stderr, done.stdout)

    def outputs(self, model, x, options, names):
        """Runs a tensor; `names` are the outputs asked for."""
        np.save(self.path("x.npy"), x.numpy())
        arguments = ["run", model, self.path("x.npy"), "--threads", "1", *options]
        for name in names:
            if os.path.exists(self.path(name + ".npy")): os.remove(self.path(name + ".npy"))
            arguments += [f"--save-{name}", self.path(name + ".npy")]
        if "logits" in names: arguments += ["--json", "--top", "10000"]
        answer = self.call(*arguments)
        if answer.status == 0:
            for name in names: setattr(answer, name, np.load(self.path(name + ".npy")))
            if "logits" in names: answer.probabilities = probabilities_of(answer.output, answer.logits.shape)
        elif "logits" in names and answer.output.startswith("{"):
            answer.error = answer.error or answer.output
        return answer


def probabilities_of(text, shape):
    found = np.zeros(shape)
    for row, result in enumerate(json.loads(text)["results"]):
        for c in result["classes"]:
            if c["index"] < shape[1]: found[row, c["index"]] = c["probability"]
    return found


def distance(found, expected):
    if found.shape != expected.shape: return float("inf")
    return float(np.abs(found.astype(np.float64) - expected).max() / max(np.abs(expected).max(), 1e-30))


class Case:
    """One file: what torch says, what fixresc says, and how that is judged."""
    def __init__(self, zoo, entry, model):
        self.zoo, self.entry, self.model = zoo, entry, model
        self.file = entry.save(model, zoo.folder)
        self.notes, self.worst, self.message = [], 0.0, ""
        self.trained = ["--train-resolution", str(entry.sizes[0])]

    def truth(self, side, kind="x"):
        cache = self.model.__dict__.setdefault("truth", {})
        e = self.entry
        own = e.logits or e.probabilities or e.features or e.logits is False or e.features is False
        key = (e.name if own else "", side, kind)
        if key not in cache:
            m = self.model
            x = zoo_networks.inputs(2, e.channels, side, e.key + kind)
            with torch.inference_mode():
                logits = None if e.logits is False else (e.logits or (lambda m, x: zoo_networks.net.logits_of(m, x)))(m, x).numpy()
                features = None if e.features is False else features_of(e, m, x)
                probabilities = e.probabilities(m, x).numpy() if e.probabilities else None
            if logits is not None and probabilities is None:
                shifted = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
                probabilities = shifted / shifted.sum(1, keepdims=True) if logits.shape[1] > 1 else 1 / (1 + np.exp(-logits.astype(np.float64)))
            cache[key] = (x, logits, features, probabilities)
        return cache[key]

    def compared(self, answer, side):
        """Greatest distance of everything that the answer holds."""
        x, logits, features, probabilities = self.truth(side)
        worst = 0.0
        if answer.logits is not None:
            if logits is None: return float("inf")  # a classifier where there is none
            worst = max(worst, distance(answer.logits, logits))
            off = np.abs(answer.probabilities - probabilities).max()
            if off > 1e-4 and worst <= tolerance:
                self.notes.append(f"a probability is off by {off:.1e}")
                worst = max(worst, off)
        if answer.features is not None and features is not None: worst = max(worst, distance(answer.features, features))
        if worst > tolerance and worst < 1e-4: worst = self.in_double(answer, side, worst)
        return worst

    def in_double(self, answer, side, worst):
        """Where torch's own float32 is off by as much, double precision decides."""
        if answer.logits is None or self.entry.logits: return worst
        x = self.truth(side)[0]
        with torch.inference_mode(): exact = zoo_networks.net.logits_of(self.model.double(), x.double()).numpy()
        self.model.float()
        self.notes.append(f"torch's float32 is {distance(self.truth(side)[1], exact):.1e} from double precision")
        return min(worst, distance(answer.logits, exact))

    def ask(self, options=()):
        """Runs at the own size, then adapts to the other size and runs there: the first answer, and the distances."""
        entry, zoo = self.entry, self.zoo
        options = [*self.trained, *entry.options, *options]
        names = ("logits", "features") if entry.logits is not False else ("features",)
        own, other = entry.sizes
        first = zoo.outputs(self.file, self.truth_input(own), options, names)
        if first.status != 0 and entry.headless and "logits" in names:
            names = ("features",)
            first = zoo.outputs(self.file, self.truth_input(own), options, names)
        if first.status == 0 and entry.logits is False:
            invented = zoo.outputs(self.file, self.truth_input(own), options, ("logits",))
            if invented.status == 0 and not invented.assumes("head"): return first, [self.invented(invented)]
        if first.status != 0: return first, None
        if entry.randomise:
            entry.randomise(self.model)
            self.file = entry.save(self.model, zoo.folder)
            first = zoo.outputs(self.file, self.truth_input(own), options, names)
        distances = [self.compared(first, own)]
        adapted = zoo.call("adapt", self.file, *options, "--to", str(other), "-o", zoo.path("adapted.bin"), "--threads", "1",
                           *(["--no-proof"] if os.path.getsize(self.file) > 2e7 else []))
        if adapted.status != 0: return (adapted if adapted.crashed else self.failed(first, "adapt", adapted)), [float("inf")]
        second = zoo.outputs(zoo.path("adapted.bin"), self.truth_input(other), [], names)
        if second.status != 0: return (second if second.crashed else self.failed(first, "run of the adapted", second)), [float("inf")]
        if "assumed" in adapted.error and "assumed" not in first.error: self.notes.append("only adapt names what is assumed")
        for fact in entry.truth:
            if first.assumes(fact) and not adapted.assumes(fact): self.notes.append(f"adapt does not say that {fact} is assumed")
        distances.append(self.compared(second, other))
        return first, distances

    def invented(self, answer):
        self.notes.append(f"gives {answer.logits.shape[1]} logits though the file has no classifier")
        return float("inf")

    def failed(self, first, what, answer):
        self.notes.append(f"{what} failed: {answer.error}")
        return first

    def truth_input(self, side): return zoo_networks.inputs(2, self.entry.channels, side, self.entry.key + "x")

    def right(self, options):
        answer, distances = self.ask(options)
        if distances and max(distances) <= tolerance: return True
        self.notes.append(f"with {' '.join(options)}: " + (f"off by {max(distances):.1e}" if distances else answer.error))
        return False

    def stated(self):
        """The options that state what the file does not tell."""
        facts = [f"{k}={v}" for k, v in self.entry.truth.items() if k != "outputs"]
        options = ["--network", ",".join(facts)] if facts else []
        return options + (["--outputs", self.entry.truth["outputs"]] if "outputs" in self.entry.truth else [])

    def referenced(self):
        """One pair of another picture at the own size."""
        side = self.entry.sizes[0]
        x, logits, _, _ = self.truth(side, "reference")
        if logits is None: return None
        np.save(self.zoo.path("in.npy"), x[:1].numpy())
        np.save(self.zoo.path("out.npy"), logits[:1])
        return ["--reference", f"{self.zoo.path('in.npy')}:{self.zoo.path('out.npy')}"]

    def settled(self):
        ways = []
        if self.entry.truth and self.right(self.stated()): ways.append("option")
        if set(self.entry.truth) != {"outputs"}:
            reference = self.referenced()
            if reference and self.right(reference): ways.append("reference")
        return ways

    def verdict(self):
        answer, distances = self.ask()
        entry = self.entry
        self.message = answer.error
        if answer.crashed: return "CRASHED"
        if distances is None: return self.refused(answer)
        self.worst = max(distances)
        if entry.ignore or entry.never: return "SILENT"
        if self.worst <= tolerance:
            if entry.truth: self.notes.append("right without its facts: " + ", ".join(entry.truth))
            return "right"
        named = [f for f in entry.truth if answer.assumes(f)]
        if not named: return "SILENT"
        for fact in entry.truth:
            if fact not in named: self.notes.append(f"{fact} is not among what is assumed")
        ways = self.settled()
        if ways: self.notes.append("settled by " + " and ".join(ways))
        return "settled" if ways else "UNSETTLED"

    def refused(self, answer):
        entry = self.entry
        ways = []
        if entry.ignore:
            if not re.search(entry.refusal, answer.error): return "UNCLEAR"
            return "offered" if self.right(["--ignore", entry.ignore]) else "UNCLEAR"
        if re.search(r"--network|--outputs|--reference|--arch|--bn-eps", answer.error) and entry.truth: ways = self.settled()
        if not ways:
            for key in dict.fromkeys(k.strip("`'\",;.)") for k in re.findall(r"--key[ =](\S+)", answer.error)):
                if self.right(["--key", key]): ways.append("--key " + key)
        if not ways:
            patterns = list(dict.fromkeys(k.strip("`,;.)").strip("'\"`") for k in re.findall(r"--ignore[ =](\S+)", answer.error)))
            tries = [[p] for p in patterns] + ([patterns] if len(patterns) > 1 else [])
            ways += ["--ignore " + " ".join(t) for t in tries if self.right([o for p in t for o in ("--ignore", p)])]
        if ways:
            self.notes.append("right with " + " and ".join(ways))
            return "offered"
        if entry.refusal and re.search(entry.refusal, answer.error): return "named"
        return "UNCLEAR"


def features_of(entry, model, x):
    if entry.features: return entry.features(model, x).numpy()
    if hasattr(model, "features"): return model.features(x).numpy()
    return zoo_networks.net.run(model, x)[1]


def keep(zoo, folder, entry):
    target = os.path.join(folder, entry.name.replace("/", "_"))
    os.makedirs(target, exist_ok=True)
    for name in os.listdir(zoo.folder):
        if os.path.isfile(zoo.path(name)): os.replace(zoo.path(name), os.path.join(target, name))


def judge(group, program, kept):
    """All entries of one network."""
    results, model = [], None
    if group[0].parameters:
        try: size = group[0].parameters()
        except Exception: size = 0
        if size >= 100e6: return []
    for entry in group:
        start = time.time()
        with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
            zoo = Zoo(program, folder)
            row = dict(name=entry.name, verdict="BROKEN", worst=None, message="", notes=[], seconds=0)
            try:
                if model is None: model = entry.build()
                case = Case(zoo, entry, model)
                row["verdict"] = case.verdict()
                row.update(worst=case.worst, message=case.message, notes=case.notes)
            except Exception:
                row["message"] = traceback.format_exc()
            row["seconds"] = round(time.time() - start, 1)
            results.append(row)
            if kept and row["verdict"] not in fine: keep(zoo, kept, entry)
    return results


def show(row, verbose):
    if row["verdict"] in fine and not verbose: return
    off = f"{row['worst']:.0e} " if row["worst"] is not None else ""
    message = [line for line in row["message"].splitlines() if "assumed of pictures" not in line]
    last = next((line for line in message if "error" in line), message[-1] if message else "")
    print(f"{row['verdict']:9} {row['name']:44} {off}{last[:400]}", flush=True)
    for note in row["notes"]: print(f"{'':10}{note[:400]}", flush=True)


def chosen(arguments):
    found = [e for e in zoo_entries.entries()
             if not arguments.filter or any(fnmatch.fnmatch(e.name, f) or f in e.name for f in arguments.filter)]
    found = found[: arguments.limit]
    return [list(group) for _, group in itertools.groupby(found, key=lambda e: e.key)]


groups = []


def task(index_and_rest): return judge(groups[index_and_rest[0]], *index_and_rest[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--filter", action="append", default=[], help="part of a name, or a pattern; repeatable")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json")
    parser.add_argument("--keep", help="a folder for the files of entries that fail")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    groups.extend(chosen(arguments))
    if arguments.list: return print("\n".join(e.name for group in groups for e in group))
    start, rows = time.time(), []
    tasks = [(i, os.path.abspath(arguments.program), arguments.keep) for i in range(len(groups))]
    with multiprocessing.get_context("fork").Pool(arguments.jobs, maxtasksperchild=40) as pool:
        for part in pool.imap(task, tasks):
            for row in part:
                rows.append(row)
                show(row, arguments.verbose)
    counts = collections.Counter(row["verdict"] for row in rows)
    print(f"{len(rows)} files in {time.time() - start:.0f} s: " + ", ".join(f"{counts[v]} {v}" for v in (*fine, *failures) if counts[v] or v in fine))
    greatest = max((row["worst"] for row in rows if row["verdict"] == "right"), default=0)
    print(f"greatest distance of what is right: {greatest:.1e} of the largest logit")
    if arguments.json:
        with open(arguments.json, "w") as f: json.dump({"counts": counts, "seconds": time.time() - start, "files": rows}, f, indent=1)
    sys.exit(1 if any(counts[v] for v in failures) else 0)


if __name__ == "__main__": main()
