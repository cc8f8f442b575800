#!/usr/bin/env python3
"""Compares our readers' verdicts with torch.load and safetensors, on the fixtures and on mutations of them.

  compare_verdicts.py make DIR     writes the cases and the reference's verdicts (DIR/reference.json)
  FIXRESC_VERDICTS=DIR swift test -c release --filter CheckpointVerdictTests
  compare_verdicts.py compare DIR  lists where the two differ

torch 2.13.0 and safetensors 0.8; the tests never need it. Nothing that a file asks for is run: torch.load stays weights_only.
"""
import collections, json, os, random, resource, shutil, struct, sys, warnings

HERE = os.path.dirname(os.path.abspath(__file__))


def cases(folder):
    """Copies of the fixtures, and mutations of some of them, each as (name, kind)."""
    expected = json.load(open(os.path.join(HERE, "expected.json")))
    names = sorted({c["file"] for key in ("good", "bad") for c in expected[key] if "/" not in c["file"] and "key" not in c})
    result = []
    for name in names:
        shutil.copyfile(os.path.join(HERE, name), os.path.join(folder, name))
        result.append(name)
    rng = random.Random(5)
    for name in ("order.safetensors", "plain.safetensors", "scalar.safetensors", "hand_made.pt", "zip_protocol2.pt", "legacy_by_hand.pt"):
        data = open(os.path.join(HERE, name), "rb").read()
        stem, suffix = name.rsplit(".", 1)
        for index in range(400):
            changed = bytearray(data)
            kind = rng.randrange(4)
            place = rng.randrange(len(changed)) if suffix != "safetensors" else rng.randrange(min(len(changed), 200))
            if kind == 0:
                changed[place] ^= 1 << rng.randrange(8)
            elif kind == 1:
                changed[place] = rng.choice(b'{}[],:"-0123456789eN.()tRQXu\x80\x85\xff\0 ')
            elif kind == 2:
                del changed[rng.randrange(len(changed)):]
            else:
                width = rng.choice((1, 2, 4, 8))
                changed[place:place + width] = rng.choice((0, 1, 2**31, 2**63, 2**64 - 1)).to_bytes(8, "little")[:width]
            case = f"{stem}.mutated{index}.{suffix}"
            open(os.path.join(folder, case), "wb").write(changed)
            result.append(case)
    return result


def reference(file):
    import torch
    from safetensors import safe_open
    try:
        if file.endswith(".safetensors"):
            with safe_open(file, "pt") as f:
                for key in f.keys():
                    f.get_tensor(key)
        else:
            torch.load(file, map_location="cpu", weights_only=True)
        return "accept", ""
    except Exception as error:
        return "reject", f"{type(error).__name__}: {error}"[:160].replace("\n", " ")


def make(folder):
    warnings.filterwarnings("ignore")
    import torch, safetensors  # before the forks below, each of which would import them anew
    torch.set_num_threads(1)
    os.makedirs(folder, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
    verdicts = {}
    for name in cases(folder):
        # A reference that crashes must not end the comparison.
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writer, json.dumps(reference(os.path.join(folder, name))).encode())
            os._exit(0)
        os.close(writer)
        text = os.read(reader, 65536)
        os.close(reader)
        _, status = os.waitpid(child, 0)
        verdicts[name] = json.loads(text) if text else ["crash", f"status {status}"]
    json.dump(verdicts, open(os.path.join(folder, "reference.json"), "w"))
    open(os.path.join(folder, "cases.txt"), "w").write("\n".join(verdicts))


def compare(folder):
    theirs = json.load(open(os.path.join(folder, "reference.json")))
    ours = dict(line.rstrip("\n").split("\t", 1) for line in open(os.path.join(folder, "ours.txt")))
    table = collections.Counter()
    for name, (verdict, reason) in theirs.items():
        mine = "accept" if ours[name] == "accept" else "reject"
        table[(verdict, mine)] += 1
        if verdict != mine:
            print(f"{name}: reference {verdict} {reason} | ours {ours[name][:200]}")
    for (theirs_verdict, our_verdict), count in sorted(table.items()):
        print(f"reference {theirs_verdict}, ours {our_verdict}: {count}")


if __name__ == "__main__":
    {"make": make, "compare": compare}[sys.argv[1]](sys.argv[2])
