"""Damaged JPEG and PNG files, decoded by Pillow and by the built fixresc: equal bytes, or both refuse.

usage: python fuzz_pictures.py FIXRESC [--cases N] [--seed S] [--kind WORD] [--keep FOLDER] [--photos FOLDER]

Seeded pictures (and photos, where a folder is given) are saved in every coding that Pillow writes and damaged in many ways. The table
counts for each kind of damage: both decode to equal bytes, both refuse, fixresc refuses what Pillow decodes (`refused`),
the opposite (`lenient`), and different bytes (`different`), of which none may occur; `lenient` neither. Pillow 13.0.0.
"""
import argparse
import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import warnings
import zlib
from collections import Counter

import numpy as np
import torch
import torchvision
from PIL import Image

warnings.filterwarnings("ignore")
SIDES = [64, 97, 120]


def picture(r, side, photos):
    if photos and r.random() < 0.5:
        image = Image.open(r.choice(photos)).convert("RGB").resize((side, side))
        return image
    n = np.random.default_rng(r.randrange(1 << 30))
    y, x = np.mgrid[0:side, 0:side].astype(float)
    waves = np.stack([128 + 90 * np.sin(n.uniform(0.02, 0.6) * x + n.uniform(0.02, 0.6) * y + n.uniform(0, 6)) for _ in range(3)], -1)
    a, b = sorted(n.integers(0, side, 2))
    waves[a:b, a // 2:b] = n.integers(0, 256, 3)
    return Image.fromarray(np.clip(waves + n.normal(0, 8, waves.shape), 0, 255).astype(np.uint8))


def jpeg(r, image):
    mode = r.choice(["RGB"] * 6 + ["L", "CMYK"])
    options = dict(quality=r.choice([20, 60, 85, 95]), progressive=r.random() < 0.45, optimize=r.random() < 0.3)
    if mode == "RGB": options["subsampling"] = r.choice(["4:4:4", "4:2:2", "4:2:0"])
    if r.random() < 0.4:
        options.update(r.choice([dict(restart_marker_blocks=r.randint(1, 9)), dict(restart_marker_rows=1)]))
    out = io.BytesIO()
    image.convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


def segments(data):
    """(marker, start, end) of each segment; an SOS segment ends where its entropy-coded data does."""
    at, found = 2, []
    while at < len(data) - 1:
        marker = data[at + 1]
        if marker == 0xD9:
            found.append((marker, at, at + 2))
            break
        end = at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        if marker == 0xDA:
            while not (data[end] == 0xFF and data[end + 1] not in (0, *range(0xD0, 0xD8))): end += 1
        found.append((marker, at, end))
        at = end
    return found


def entropy(r, data):
    """Bounds of the entropy-coded data of a random scan."""
    _, start, end = r.choice([s for s in segments(data) if s[0] == 0xDA])
    start += 2 + struct.unpack(">H", data[start + 2:start + 4])[0]
    return start, max(end, start + 1)


def flipped(r, data):
    start, end = entropy(r, data)
    data = bytearray(data)
    for _ in range(r.randint(1, 4)): data[r.randrange(start, end)] ^= 1 << r.randrange(8)
    return bytes(data)


def overwritten(r, data):
    start, end = entropy(r, data)
    at = r.randrange(start, end)
    count = min(r.randint(1, 40), end - at)
    return data[:at] + bytes(r.randrange(256) for _ in range(count)) + data[at + count:]


def zeroed(r, data):
    start, end = entropy(r, data)
    at = r.randrange(start, end)
    count = min(r.randint(1, 300), end - at)
    return data[:at] + bytes([r.choice([0, 0xFF, 0xAA])]) * count + data[at + count:]


def deleted(r, data):
    start, end = entropy(r, data)
    at = r.randrange(start, end)
    return data[:at] + data[min(at + r.randint(1, 200), end):]


def inserted(r, data):
    start, end = entropy(r, data)
    at = r.randrange(start, end + 1)
    return data[:at] + bytes(r.randrange(256) for _ in range(r.randint(1, 30))) + data[at:]


def marked(r, data):
    start, end = entropy(r, data)
    at = r.randrange(start, end)
    code = r.choice([*range(0xD0, 0xD8)] * 3 + [0x01, 0x37, 0xC0, 0xC4, 0xDA, 0xDB, 0xDD, 0xE0, 0xFE, 0xD8, 0xFF])
    body = b"" if r.random() < 0.5 else bytes([0, r.randint(0, 9)])
    return data[:at] + bytes([0xFF, code]) + body + data[at + (2 if r.random() < 0.5 else 0):]


def ended(r, data):
    start, end = entropy(r, data)
    return data[:r.randrange(start, end)] + b"\xff\xd9"


def truncated(r, data):
    return data[:r.randrange(20, len(data))]


def extraneous(r, data):
    _, start, _ = r.choice(segments(data))
    return data[:start] + bytes(r.randrange(255) for _ in range(r.randint(1, 200))) + data[start:]


def scans_missing(r, data):
    found = segments(data)
    scans = [i for i, s in enumerate(found) if s[0] == 0xDA]
    if r.random() < 0.5:
        return data[:found[r.choice(scans)][1]] + b"\xff\xd9"
    gone = set(r.sample(scans, r.randint(1, max(1, len(scans) - 1))))
    return data[:2] + b"".join(data[a:b] for i, (_, a, b) in enumerate(found) if i not in gone)


def scans_shuffled(r, data):
    found = segments(data)
    scans = [i for i, s in enumerate(found) if s[0] == 0xDA]
    order = list(range(len(found)))
    i, j = r.choice(scans), r.choice(scans)
    order[i], order[j] = order[j], order[i]
    if r.random() < 0.3: order.insert(i, j)
    return data[:2] + b"".join(data[found[k][1]:found[k][2]] for k in order)


def restarts(r, data):
    start, end = entropy(r, data)
    at = [i for i in range(start, end - 1) if data[i] == 0xFF and 0xD0 <= data[i + 1] <= 0xD7]
    if len(at) < 2: return flipped(r, data)
    i = r.randrange(len(at) - 1)
    j = min(i + r.choice([1, 1, 2, 3, 5]), len(at) - 1)
    how = r.randrange(5)
    if how == 0: return data[:at[i]] + data[at[j]:]
    if how == 1: return data[:at[j]] + data[at[i]:at[j]] + data[at[j]:]
    if how == 2: return data[:at[i]] + data[at[i] + 2:]
    if how == 3: return data[:at[i] + 1] + bytes([r.choice([*range(0xD0, 0xD8), 0x20, 0xC4, 0xFE])]) + data[at[i] + 2:]
    return data[:at[i]] + bytes(r.randrange(256) for _ in range(at[j] - at[i])) + data[at[j]:]


def header(r, data):
    first = next(s for s in segments(data) if s[0] == 0xDA)
    data = bytearray(data)
    for _ in range(r.randint(1, 2)): data[r.randrange(2, first[1] + 14)] = r.randrange(256)
    return bytes(data)


def tables(r, data):
    found = [s for s in segments(data) if s[0] in (0xC4, 0xDB, 0xDD, 0xDA)]
    marker, start, end = r.choice(found)
    end = start + 2 + struct.unpack(">H", data[start + 2:start + 4])[0]
    data = bytearray(data)
    data[r.randrange(start + 4, end)] = r.choice([0, 1, 0x11, 0x3F, r.randrange(256)])
    return bytes(data)


def filled(r, data):
    at = [i for i in range(len(data) - 1) if data[i] == 0xFF and data[i + 1] == 0 and i > 200]
    if not at: return data
    i = r.choice(at)
    return data[:i] + b"\xff" * r.randint(1, 3) + data[i:]


# --- PNG -----------------------------------------------------------------------------------------------------------

def png(r, image):
    mode = r.choice(["RGB", "L", "P", "RGBA", "LA", "1", "I;16"])
    if mode == "P": image = image.quantize(r.choice([2, 16, 200]))
    elif mode == "LA": image = image.convert("RGBA").convert("LA")
    elif mode == "I;16": image = Image.fromarray((np.asarray(image.convert("L")).astype(np.uint16) * r.choice([1, 200])))
    else: image = image.convert(mode)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=r.random() < 0.3)
    data = out.getvalue()
    if r.random() < 0.6: data = data[:33] + chunk(b"tEXt", b"Title\0x") + chunk(b"gAMA", b"\0\0\xb1\x8f") + data[33:]
    return data


def chunk(name, body): return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def chunks(data):
    at, found = 8, []
    while at < len(data):
        size = struct.unpack(">I", data[at:at + 4])[0]
        found.append((data[at + 4:at + 8], at, at + 12 + size))
        at += 12 + size
    return found


def no_end(r, data):
    found = chunks(data)
    return data[:found[-1][1]] + r.choice([b"", b"\0\0\0\0", b"\0\0\0\0IEND", b"garbage, more than twelve bytes"])


def bad_checksum(r, data):
    name, start, end = r.choice(chunks(data))
    data = bytearray(data)
    data[end - r.randint(1, 4)] ^= 1 << r.randrange(8)
    return bytes(data)


def png_flipped(r, data):
    data = bytearray(data)
    for _ in range(r.randint(1, 3)): data[r.randrange(8, len(data))] ^= 1 << r.randrange(8)
    return bytes(data)


def png_flipped_whole(r, data):
    """A damaged body with the right checksum."""
    name, start, end = r.choice(chunks(data)[:-1])
    body = bytearray(data[start + 8:end - 4])
    if body: body[r.randrange(len(body))] ^= 1 << r.randrange(8)
    return data[:start] + chunk(name, bytes(body)) + data[end:]


def split_data(r, data):
    found = [c for c in chunks(data) if c[0] == b"IDAT"]
    body = b"".join(data[a + 8:b - 4] for _, a, b in found)
    cut = r.randrange(len(body) + 1)
    middle = r.choice([b"", chunk(b"tEXt", b"a\0b"), chunk(b"IDAT", b"")])
    how = r.randrange(4)
    if how == 0: body, tail = body[:cut], b""
    elif how == 1: tail = b""; body += bytes(r.randrange(256) for _ in range(r.randint(1, 20)))
    else: body, tail = body[:cut], chunk(b"IDAT", body[cut:])
    return data[:found[0][1]] + chunk(b"IDAT", body) + middle + tail + data[found[-1][2]:]


def order_of_chunks(r, data):
    found = chunks(data)
    order = list(range(len(found)))
    i, j = r.randrange(len(order)), r.randrange(len(order))
    order[i], order[j] = order[j], order[i]
    if r.random() < 0.3: order.pop(r.randrange(len(order)))
    return data[:8] + b"".join(data[found[k][1]:found[k][2]] for k in order)


KINDS = {f.__name__: (jpeg, f) for f in (
    flipped, overwritten, zeroed, deleted, inserted, marked, ended, truncated, extraneous, scans_missing, scans_shuffled, restarts,
    header, tables, filled)}
KINDS.update({f.__name__: (png, f) for f in (no_end, bad_checksum, png_flipped, png_flipped_whole, split_data, order_of_chunks)})


def decode(path):
    """The RGB bytes that Pillow gives, or its error."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except Exception as error:
        return error


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fixresc")
    parser.add_argument("--cases", type=int, default=40, help="for each kind and size")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", default="")
    parser.add_argument("--keep")
    parser.add_argument("--photos")
    options = parser.parse_args()
    photos = sorted(os.path.join(at, n) for at, _, names in os.walk(options.photos or "/nonexistent") for n in names)[:400]
    torch.manual_seed(0)
    kinds = [k for k in KINDS if options.kind in k]
    table = {kind: Counter() for kind in kinds}
    with tempfile.TemporaryDirectory() as scratch:
        scratch = options.keep or scratch
        model = os.path.join(scratch, "model.pth")
        os.makedirs(scratch, exist_ok=True)
        torch.save(torchvision.models.resnet18(width_per_group=64).state_dict(), model)
        for side in SIDES:
            folder = os.path.join(scratch, str(side))
            os.makedirs(folder, exist_ok=True)
            for kind in kinds:
                make, damage = KINDS[kind]
                for case in range(options.cases):
                    r = random.Random(f"{options.seed}/{kind}/{side}/{case}")
                    with open(os.path.join(folder, f"{kind}-{case:04d}.{make.__name__}"), "wb") as file:
                        file.write(damage(r, make(r, picture(r, side, photos))))
            # One good picture, so that a folder of refused ones is no error of the whole.
            Image.new("RGB", (side, side)).save(os.path.join(folder, "zz-good.png"))
            saved = os.path.join(scratch, f"{side}.npy")
            done = subprocess.run(
                [options.fixresc, "run", model, folder, "--train-resolution", str(side), "--crop-share", "1", "--json", "-q",
                 "--top", "1", "--save-pixels", saved], capture_output=True, text=True)
            if done.returncode not in (0, 1) or not done.stdout.startswith("{"):
                raise SystemExit(f"exit status {done.returncode}: {done.stderr[-2000:]}")
            result = json.loads(done.stdout)
            if "results" not in result: raise SystemExit(done.stderr)
            pixels = dict(zip((e["input"] for e in result["results"]), np.load(saved)))
            errors = {e["input"]: e["error"] for e in result.get("failures", [])}
            for name in sorted(os.listdir(folder)):
                path, kind = os.path.join(folder, name), name.split("-")[0]
                if kind not in table: continue
                theirs, ours = decode(path), pixels.get(path)
                if isinstance(theirs, Exception): outcome = "both refuse" if ours is None else "lenient"
                elif ours is None: outcome = "refused"
                elif theirs.shape != (side, side, 3): outcome = "other size"
                else: outcome = "equal" if (theirs == ours).all() else "different"
                table[kind][outcome] += 1
                if outcome in ("refused", "lenient", "different"):
                    print(f"{outcome:9} {side}/{name}: {errors.get(path) or theirs if isinstance(theirs, Exception) or ours is None else ''}")
        columns = ["equal", "both refuse", "refused", "lenient", "different", "other size"]
        print(f"{'kind':20}" + "".join(f"{c:>12}" for c in columns))
        for kind, counts in table.items(): print(f"{kind:20}" + "".join(f"{counts[c]:12}" for c in columns))
        total = sum(table.values(), Counter())
        print(f"{'all':20}" + "".join(f"{total[c]:12}" for c in columns))
    sys.exit(1 if total["different"] or total["lenient"] else 0)


if __name__ == "__main__":
    main()
