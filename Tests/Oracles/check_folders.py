"""Lists random trees of folders as torchvision's ImageFolder does and as the built fixresc does.

usage: python check_folders.py FIXRESC MODEL [--trees N] [--seed S]

MODEL is any model file with at least 8 classes. Each tree has hidden files and folders, endings of every kind in either case, links
to files and folders, and nested folders; its pictures are one PNG. `run --json` must name the pictures of ImageFolder in
its order. torchvision 0.28.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

from PIL import Image
from torchvision.datasets import ImageFolder

ENDINGS = [".jpg", ".JPEG", ".png", ".Ppm", ".pgm", ".bmp", ".tif", ".TIFF", ".webp", ".gif", ".txt", "", ".jpg.txt", ".jpg~"]


def grow(folder, depth, r, picture):
    for index in range(r.randint(1, 4)):
        name = r.choice(["", ".", "_", "é", "-"]) + f"{r.randint(0, 99)}{r.choice(ENDINGS)}"
        path = os.path.join(folder, name)
        if not os.path.lexists(path):
            os.symlink(picture, path) if r.random() < 0.2 else open(path, "wb").write(open(picture, "rb").read())
    for index in range(r.randint(0, 3) if depth else 0):
        path = os.path.join(folder, r.choice(["", ".", "z", "A-", "x.jpg"]) + str(r.randint(0, 9)))
        if not os.path.lexists(path):
            os.mkdir(path)
            grow(path, depth - 1, r, picture)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fixresc")
    parser.add_argument("model")
    parser.add_argument("--trees", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wrong = 0
    for tree in range(options.trees):
        r = random.Random(options.seed * 1000 + tree)
        with tempfile.TemporaryDirectory() as root:
            picture = os.path.join(root, "picture.png")
            Image.new("RGB", (8, 8)).save(picture)
            data = os.path.join(root, "data")
            os.mkdir(data)
            for name in r.sample(["a", "b", "a-1", ".h", "Z", "ä", "10", "9"], r.randint(2, 6)):
                os.mkdir(os.path.join(data, name))
                open(os.path.join(data, name, "first.png"), "wb").write(open(picture, "rb").read())
                grow(os.path.join(data, name), 2, r, picture)
            expected = [path for path, _ in ImageFolder(data).samples]
            done = subprocess.run([options.fixresc, "run", options.model, data, "--json", "-q"], capture_output=True, text=True)
            found = [entry["input"] for entry in json.loads(done.stdout)["results"]]
            if found != expected:
                wrong += 1
                print(f"tree {tree}: {len(found)} pictures, ImageFolder has {len(expected)}")
    print(f"{options.trees - wrong} of {options.trees} trees equal")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
