"""Times fixresc's decoding and resizing beside Pillow's, each on one core, turn by turn.

    swift build -c release --package-path Benchmarks/Pictures
    python Benchmarks/Pictures/compare.py [PICTURE ...]

python 3.11, numpy 2.x, Pillow 13.0.0. Without arguments: pictures of 500x375 with the spectrum of photos, made here.
Prints the fastest run of each in milliseconds, and the ratio of the sums; exit status 1 where one is above 2.
"""
import io
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, ".build", "release", "picture-bench")
SIDE, RUNS, ROUNDS = 256, 40, 3


def photo_like(width=500, height=375, seed=0):
    """Noise whose amplitude falls with the frequency, the same in all channels but for a part of each."""
    r = np.random.RandomState(seed)
    fy, fx = np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij")
    fall = 1 / np.maximum(np.hypot(fx, fy), 1 / max(width, height)) ** 1.2

    def field():
        spectrum = np.fft.fft2(r.standard_normal((height, width))) * fall
        values = np.real(np.fft.ifft2(spectrum))
        return (values - values.mean()) / values.std()

    common = field()
    return np.clip(np.stack([128 + 50 * common + 12 * field() for _ in range(3)], -1), 0, 255).astype(np.uint8)


def samples(folder):
    image = Image.fromarray(photo_like())
    for name, options in {
        "baseline-420-q90.jpg": dict(quality=90, subsampling="4:2:0"),
        "baseline-444-q95.jpg": dict(quality=95, subsampling="4:4:4"),
        "progressive-420-q90.jpg": dict(quality=90, subsampling="4:2:0", progressive=True),
        "rgb.png": dict(),
    }.items():
        path = os.path.join(folder, name)
        image.save(path, **options)
        yield path


def pillow(data):
    best = dict(decode=1e9, resize=1e9, both=1e9)
    for _ in range(RUNS):
        start = time.perf_counter()
        image = Image.open(io.BytesIO(data)).convert("RGB")
        decoded = time.perf_counter()
        width, height = image.size
        size = (SIDE, SIDE * height // width) if width <= height else (SIDE * width // height, SIDE)
        image.resize(size, Image.Resampling.BILINEAR)
        end = time.perf_counter()
        for key, value in dict(decode=decoded - start, resize=end - decoded, both=end - start).items():
            best[key] = min(best[key], value * 1e3)
    return best


def main():
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'picture':28}{'bytes':>9}   fixresc: decode resize   both   Pillow: decode resize   both   ratio")
        for path in sys.argv[1:] or list(samples(folder)):
            with open(path, "rb") as file:
                data = file.read()
            ours, theirs = {}, {}
            for _ in range(ROUNDS):
                run = subprocess.run([BENCH, path, str(SIDE), str(RUNS)], check=True, capture_output=True)
                for best, new in [(ours, json.loads(run.stdout)), (theirs, pillow(data))]:
                    for key, value in new.items():
                        best[key] = min(best.get(key, 1e9), value)
            ratio = ours["both"] / theirs["both"]
            worst = max(worst, ratio)
            print(f"{os.path.basename(path)[:27]:28}{len(data):9}"
                  + "".join(f"{'':{pad}}{t['decode']:6.2f} {t['resize']:6.2f} {t['both']:6.2f}"
                            for pad, t in [(12, ours), (11, theirs)]) + f"  {ratio:6.2f}")
    sys.exit(worst > 2)


if __name__ == "__main__":
    main()
