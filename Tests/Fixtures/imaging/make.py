"""Makes the pictures of this folder and what Pillow and torchvision give for them (manifest.json), whole and damaged
(damages.json).

python 3.11, numpy 2.x, Pillow 13.0.0, torch 2.13, torchvision 0.28. Patterns and random numbers only, seeded.
The manifest keeps CRC-32s: of the RGB bytes [H, W, 3], and of the float32 input [3, H, W], little-endian.
"""
import io
import json
import math
import os
import random
import struct
import zlib

import numpy as np
import torch
import torchvision.transforms as T
from PIL import Image
from torchvision.transforms import InterpolationMode

HERE = os.path.dirname(os.path.abspath(__file__))
FILTERS = dict(nearest=0, lanczos=1, bilinear=2, bicubic=3, box=4, hamming=5)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def pattern(width, height, seed):
    """Waves in three channels, a hard edge and some noise."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    waves = [127 + 90 * np.sin(x / (3 + c) + seed) * np.cos(y / (5 - c)) for c in range(3)]
    noise = np.random.RandomState(seed).randint(-30, 31, (height, width, 3))
    picture = np.stack(waves, -1) + noise
    picture[height // 3:height // 2, width // 3:] = (250, 5, 128)
    return np.clip(picture, 0, 255).astype(np.uint8)


def rgb(data):
    return np.array(Image.open(io.BytesIO(data)).convert("RGB"))


def crc(array):
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


# --- JPEG with any sampling, by hand -------------------------------------------------------------------------

DC_COUNTS = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
AC_COUNTS = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D]


def standard_ac_symbols():
    """The AC symbols of Annex K, taken from a file that Pillow writes."""
    out = io.BytesIO()
    Image.new("L", (8, 8)).save(out, "JPEG", optimize=False)
    data = out.getvalue()
    at = data.index(bytes([0x10] + AC_COUNTS))
    return list(data[at + 17:at + 17 + sum(AC_COUNTS)])


AC_SYMBOLS = standard_ac_symbols()


def codes(counts, symbols):
    table, code, index = {}, 0, 0
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            table[symbols[index]] = (code, length)
            code += 1
            index += 1
        code <<= 1
    return table


DC, AC = codes(DC_COUNTS, list(range(12))), codes(AC_COUNTS, AC_SYMBOLS)


class BitWriter:
    def __init__(self):
        self.bits, self.count, self.out = 0, 0, bytearray()

    def put(self, value, length):
        self.bits, self.count = self.bits << length | value, self.count + length
        while self.count >= 8:
            byte = self.bits >> (self.count - 8) & 255
            self.out.append(byte)
            if byte == 255:
                self.out.append(0)
            self.count -= 8
        self.bits &= (1 << self.count) - 1

    def flush(self):
        if self.count:
            self.put((1 << (8 - self.count)) - 1, 8 - self.count)


def magnitude(value):
    size = abs(value).bit_length()
    return size, value if value >= 0 else value + (1 << size) - 1


def write_block(writer, block, prediction):
    size, bits = magnitude(block[0] - prediction)
    writer.put(*DC[size])
    if size:
        writer.put(bits, size)
    run, last = 0, max([k for k in range(64) if block[k]] or [0])
    for k in range(1, last + 1):
        if block[k] == 0:
            run += 1
            continue
        while run > 15:
            writer.put(*AC[0xF0])
            run -= 16
        size, bits = magnitude(block[k])
        writer.put(*AC[run << 4 | size])
        writer.put(bits, size)
        run = 0
    if last < 63:
        writer.put(*AC[0])


def segment(marker, body):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def random_block(r, q):
    block = [0] * 64
    block[0] = r.randint(-900 // q[0], 900 // q[0])
    for k in range(1, r.choice([1, 3, 6, 10, 20, 64])):
        if r.random() < 0.2:
            block[k] = r.randint(-60, 60) // max(1, q[k] // 6) or 1
    return block


def jpeg(width, height, sampling, seed, jfif=False, adobe=None, ids=None, interleave=True, restart=0,
         tables=True, wide=False, frame=0xC0):
    r, n = random.Random(seed), len(sampling)
    ids = ids or list(range(1, n + 1))
    out = b"\xff\xd8"
    if jfif:
        out += segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    if adobe is not None:
        out += segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([adobe]))
    q = [r.randint(1, 40) for _ in range(64)]
    out += segment(0xDB, b"\x10" + struct.pack(">64H", *q) if wide else b"\0" + bytes(q))
    out += segment(frame, struct.pack(">BHHB", 8, height, width, n)
                   + b"".join(bytes([ids[i], h << 4 | v, 0]) for i, (h, v) in enumerate(sampling)))
    if tables:
        out += segment(0xC4, b"\0" + bytes(DC_COUNTS) + bytes(range(12)))
        out += segment(0xC4, b"\x10" + bytes(AC_COUNTS) + bytes(AC_SYMBOLS))
    if restart:
        out += segment(0xDD, struct.pack(">H", restart))
    most_h, most_v = max(h for h, _ in sampling), max(v for _, v in sampling)
    for parts in [list(range(n))] if interleave else [[i] for i in range(n)]:
        out += segment(0xDA, bytes([len(parts)]) + b"".join(bytes([ids[i], 0]) for i in parts) + b"\0\x3f\0")
        if len(parts) > 1:
            unit = [i for i in parts for _ in range(sampling[i][0] * sampling[i][1])]
            count = -(-width // (8 * most_h)) * -(-height // (8 * most_v))
        else:
            h, v = sampling[parts[0]]
            unit, count = parts, -(-width * h // (8 * most_h)) * -(-height * v // (8 * most_v))
        writer, prediction, restarts = BitWriter(), dict.fromkeys(parts, 0), 0
        for index in range(count):
            if restart and index and index % restart == 0:
                writer.flush()
                writer.out += bytes([255, 0xD0 + restarts % 8])
                restarts += 1
                prediction = dict.fromkeys(parts, 0)
            for i in unit:
                block = random_block(r, q)
                write_block(writer, block, prediction[i])
                prediction[i] = block[0]
        writer.flush()
        out += bytes(writer.out)
    return out + b"\xff\xd9"


# --- PNG of any kind, by hand --------------------------------------------------------------------------------

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def pack_row(samples, depth):
    if depth == 16:
        return struct.pack(f">{len(samples)}H", *samples)
    bits = "".join(format(s, f"0{depth}b") for s in samples)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def filter_rows(rows, step, r):
    out, above = b"", None
    for row in rows:
        above = above or bytes(len(row))
        kind, filtered = r.randint(0, 4), bytearray()
        for i, value in enumerate(row):
            a, b, c = (row[i - step] if i >= step else 0), above[i], (above[i - step] if i >= step else 0)
            e = a + b - c
            paeth = min((abs(e - a), 0, a), (abs(e - b), 1, b), (abs(e - c), 2, c))[2]
            filtered.append(value - [0, a, b, (a + b) // 2, paeth][kind] & 255)
        out += bytes([kind]) + bytes(filtered)
        above = row
    return out


def png(width, height, color, depth, interlaced, seed, palette=0, transparency=b"", split=0, strategy=0, exif=b""):
    r, rs = random.Random(seed), np.random.RandomState(seed)
    most, n = 1 << depth, CHANNELS[color]
    y, x = np.mgrid[0:height, 0:width]
    samples = np.stack([(x * (3 + c) + y * 5) * max(most // 64, 1) % most for c in range(n)], -1)
    samples[height // 2:] = rs.randint(0, most, samples[height // 2:].shape)
    step, raw = max(1, n * depth // 8), b""
    passes = [samples[y0::dy, x0::dx] for x0, y0, dx, dy in ADAM7] if interlaced else [samples]
    for part in passes:
        if part.size:
            raw += filter_rows([pack_row(row.reshape(-1).tolist(), depth) for row in part], step, r)
    packer = zlib.compressobj(9, 8, 15, 9, strategy)
    data = packer.compress(raw) + packer.flush()
    out = b"\x89PNG\r\n\x1a\n"
    out += chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced)))
    if color == 3:
        out += chunk(b"PLTE", rs.randint(0, 256, palette * 3).astype(np.uint8).tobytes())
    if transparency:
        out += chunk(b"tRNS", transparency)
    if exif:
        out += chunk(b"eXIf", exif)
    for at in range(0, len(data), split or len(data)):
        out += chunk(b"IDAT", data[at:at + (split or len(data))])
    return out + chunk(b"IEND", b"")


# --- the pictures --------------------------------------------------------------------------------------------

def tiff(orientation, endian):
    magic = b"II" if endian == "<" else b"MM"
    return (magic + struct.pack(endian + "HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0))


def pillow_jpegs():
    """(name, bytes) of what Pillow's own encoder writes."""
    sizes = [(1, 1), (2, 3), (3, 2), (7, 9), (8, 8), (16, 17), (17, 16), (33, 21), (40, 47)]
    seed = 0
    for mode in ["RGB", "L", "CMYK"]:
        for sampling in ["4:4:4", "4:2:2", "4:2:0"] if mode == "RGB" else ["4:4:4"]:
            for progressive in [False, True]:
                for options in [dict(quality=90), dict(quality=30, restart_marker_blocks=2), dict(quality=100, optimize=True)]:
                    width, height = sizes[seed % len(sizes)]
                    picture = pattern(width, height, seed)
                    image = Image.fromarray(np.dstack([picture, picture[:, :, :1]]), "CMYK") if mode == "CMYK" \
                        else Image.fromarray(picture).convert(mode)
                    out = io.BytesIO()
                    if mode == "RGB":
                        options = dict(options, subsampling=sampling)
                    image.save(out, "JPEG", progressive=progressive, **options)
                    yield f"pillow-{mode.lower()}-{sampling.replace(':', '')}-{'progressive' if progressive else 'baseline'}-q{options['quality']}.jpg", out.getvalue()
                    seed += 1
    out = io.BytesIO()
    Image.fromarray(pattern(20, 13, 99)).save(out, "JPEG", quality=1)
    yield "pillow-quality-1.jpg", out.getvalue()
    out = io.BytesIO()
    Image.fromarray(pattern(20, 13, 98)).save(out, "JPEG", keep_rgb=True, subsampling="4:4:4")
    yield "pillow-rgb-kept.jpg", out.getvalue()


def hand_jpegs():
    yield "hand-440.jpg", jpeg(21, 35, [(1, 2), (1, 1), (1, 1)], 1)
    yield "hand-411.jpg", jpeg(41, 19, [(4, 1), (1, 1), (1, 1)], 2)
    yield "hand-410.jpg", jpeg(41, 39, [(4, 2), (1, 1), (1, 1)], 3)
    yield "hand-420-narrow.jpg", jpeg(4, 30, [(2, 2), (1, 1), (1, 1)], 4)
    yield "hand-422-narrow.jpg", jpeg(3, 12, [(2, 1), (1, 1), (1, 1)], 5)
    yield "hand-31.jpg", jpeg(50, 20, [(3, 1), (1, 1), (3, 1)], 6)
    yield "hand-chroma-finer.jpg", jpeg(37, 29, [(1, 1), (2, 2), (1, 2)], 7)
    yield "hand-scans-apart.jpg", jpeg(37, 29, [(2, 2), (1, 1), (1, 1)], 8, interleave=False, restart=3)
    yield "hand-no-tables.jpg", jpeg(24, 24, [(1, 1), (1, 1), (1, 1)], 9, tables=False)
    yield "hand-wide-quantisation.jpg", jpeg(24, 17, [(2, 1), (1, 1), (1, 1)], 10, wide=True, frame=0xC1)
    yield "hand-rgb-identifiers.jpg", jpeg(19, 17, [(1, 1)] * 3, 11, ids=[82, 71, 66])
    yield "hand-jfif-over-identifiers.jpg", jpeg(19, 17, [(1, 1)] * 3, 12, ids=[82, 71, 66], jfif=True)
    yield "hand-adobe-rgb.jpg", jpeg(19, 17, [(1, 1)] * 3, 13, adobe=0)
    yield "hand-ycck-420.jpg", jpeg(35, 22, [(2, 2), (1, 1), (1, 1), (2, 2)], 14, adobe=2)
    yield "hand-cmyk-subsampled.jpg", jpeg(35, 22, [(2, 1), (1, 1), (1, 1), (2, 1)], 15)
    yield "hand-grey-sampled.jpg", jpeg(35, 22, [(2, 2)], 16, restart=1)
    out = io.BytesIO()
    Image.fromarray(pattern(9, 6, 50)).save(out, "JPEG", quality=95)
    for orientation in [1, 6]:
        body = b"Exif\0\0" + tiff(orientation, "<" if orientation == 1 else ">")
        yield f"exif-{orientation}.jpg", out.getvalue()[:2] + segment(0xE1, body) + out.getvalue()[2:]


def pngs():
    seed = 100
    for color, depth in [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8),
                         (4, 8), (4, 16), (6, 8), (6, 16)]:
        for interlaced in [False, True]:
            key = {0: b"\0\1", 2: b"\0\1\0\2\0\3"}.get(color, b"")
            yield f"color{color}-depth{depth}{'-adam7' if interlaced else ''}.png", png(
                19, 15, color, depth, interlaced, seed, palette=min(1 << depth, 200),
                transparency=key if interlaced else b"", split=60 if interlaced else 0, strategy=seed % 5)
            seed += 1
    yield "short-palette.png", png(9, 9, 3, 4, False, 7, palette=5, transparency=b"\0\x80\xff")
    yield "one-pixel-adam7.png", png(1, 1, 2, 8, True, 8)
    yield "narrow-adam7.png", png(3, 40, 0, 2, True, 9)
    yield "exif-8.png", png(4, 3, 2, 8, False, 10, exif=tiff(8, ">"))
    out = io.BytesIO()
    Image.fromarray(pattern(120, 90, 11)).save(out, "PNG", optimize=True)
    yield "pillow-long-codes.png", out.getvalue()


def netpbms():
    for most in [255, 1, 7, 100, 256, 1000, 65535]:
        for magic, n in [(b"P5", 1), (b"P6", 3)]:
            values = np.random.RandomState(most).randint(0, most + 1, 5 * 4 * n)
            raster = values.astype(">u1" if most < 256 else ">u2").tobytes()
            yield f"{magic.decode().lower()}-{most}.ppm", magic + b" # a comment\n5 4\n%d\n" % most + raster


def resize_cases():
    r = random.Random(77)
    sizes = [(20, 13), (13, 20), (120, 40), (7, 90), (33, 33)]
    for index in range(60):
        width, height = sizes[index % len(sizes)]
        target = r.choice([(r.randint(1, 40), r.randint(1, 40)), (width, r.randint(1, 50)), (r.randint(1, 50), height)])
        name = list(FILTERS)[index % 6]
        source = pattern(width, height, width + height)
        yield dict(width=width, height=height, to=list(target), filter=name,
                   crc=crc(np.array(Image.fromarray(source).resize(target, FILTERS[name]))))


def preprocess_cases():
    """The rules, written with torchvision's transforms and (keeping the longer side) timm's formula."""
    r = random.Random(78)
    for index in range(48):
        width, height = r.choice([(50, 37), (37, 50), (20, 90), (64, 64), (9, 7), (131, 30)])
        side = r.choice([7, 32, 33, 64])
        rule = ["shorter-side", "height", "squash", "longer-side"][index % 4]
        name = r.choice(["bilinear", "bicubic"])
        share = r.choice([0.875, 0.95, 1.0])
        target = math.floor(side / share)
        mode = InterpolationMode.BILINEAR if name == "bilinear" else InterpolationMode.BICUBIC
        fill = 0
        if rule == "shorter-side":
            size = target
        elif rule == "height":
            size = (target, int(target * width / height))
        elif rule == "squash":
            size = (target, target)
        else:
            ratio = max(height / target, width / target)
            size = (round(height / ratio), round(width / ratio))
            fill = tuple(round(255 * m) for m in MEAN)
        image = T.Resize(size, mode)(Image.fromarray(pattern(width, height, width + height)))
        if fill and (image.width < side or image.height < side):
            image = T.Pad([max(side - image.width, 0) // 2, max(side - image.height, 0) // 2,
                           (max(side - image.width, 0) + 1) // 2, (max(side - image.height, 0) + 1) // 2], fill)(image)
        image = T.CenterCrop(side)(image)
        tensor = T.Normalize(MEAN, STD)(T.ToTensor()(image)).numpy().astype("<f4")
        yield dict(width=width, height=height, side=side, rule=rule, filter=name, share=share,
                   pixels=crc(np.array(image)), input=crc(tensor))


def floor_crop(image, side):
    """Hugging Face's `center_crop`: margins rounded down, of an odd padding the larger half first."""
    pixels = np.array(image)
    height, width = pixels.shape[:2]
    top, left = (height - side) // 2, (width - side) // 2
    canvas = np.zeros((max(height, side), max(width, side)) + pixels.shape[2:], np.uint8)
    y, x = max(-top, 0), max(-left, 0)
    canvas[y:y + height, x:x + width] = pixels
    return canvas[max(top, 0):max(top, 0) + side, max(left, 0):max(left, 0) + side]


def input_cases(pictures):
    """Facts beyond ImageNet's: channels, their order, scale, rounding of the crop, exact resize sides."""
    r = random.Random(79)
    files = sorted(name for name in pictures if name.startswith(("color", "hand-", "short", "pillow-cmyk", "p5-", "p6-")))
    for index in range(90):
        mode = ["L", "RGBA", "RGB"][index % 3]
        name = files[index % len(files)] if index < 75 else f"pattern-{r.choice(['50x37', '37x50', '131x30'])}.ppm"
        side = r.choice([7, 16, 17, 24])
        resized = side + r.choice([0, 1, 2, 3, 5, 7])
        rule = r.choice(["shorter-side", "squash", "none"])
        filter_name = r.choice(["nearest", "bilinear", "bicubic", "lanczos"])
        rounding, order, scale = r.choice(["half-to-even", "down"]), r.choice(["rgb", "bgr"]), r.choice([1, 255])
        count = dict(L=1, RGB=3, RGBA=4)[mode]
        mean = [round(r.random() * scale, 3) for _ in range(count)]
        std = [round((0.1 + r.random()) * scale, 3) for _ in range(count)]
        image = Image.open(os.path.join(HERE, name)).convert(mode)
        if rule != "none":
            image = T.Resize(resized if rule == "shorter-side" else (resized, resized),
                             getattr(InterpolationMode, filter_name.upper()))(image)
        pixels = np.array(T.CenterCrop(side)(image)) if rounding == "half-to-even" else floor_crop(image, side)
        pixels = pixels.reshape(side, side, count)
        channels = [2, 1, 0, 3][:count] if order == "bgr" and count > 1 else range(count)
        values = pixels.astype(np.float32)[:, :, list(channels)]
        if scale == 1:
            values = values / np.float32(255)
        tensor = (values - np.float32(mean)) / np.float32(std)
        yield dict(source=name, mode=mode, order=order, scale=scale, rounding=rounding, rule=rule, filter=filter_name,
                   side=side, resized=resized, mean=mean, std=std, pixels=crc(pixels),
                   input=crc(tensor.transpose(2, 0, 1).astype("<f4")))


def scans(data):
    """Starts of the scans' entropy-coded data, and the ends of all of it."""
    found, at = [], 0
    while (at := data.find(b"\xff\xda", at)) >= 0:
        start = at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        end = start
        while not (data[end] == 0xFF and data[end + 1] not in (0, *range(0xD0, 0xD8))):
            end += 1
        found.append((at, start, end))
        at = end
    return found


def damage_cases(pictures):
    """Edits of the pictures above, and what Pillow makes of the result: the CRC-32 of its bytes, or null where it raises.

    An edit replaces `remove` bytes at `at` by `insert`.
    """
    r = random.Random(80)
    jpegs = sorted(n for n in pictures if n.endswith(".jpg"))
    pngs = sorted(n for n in pictures if n.endswith(".png"))
    for index in range(640):
        name = r.choice(jpegs if index % 4 else pngs)
        with open(os.path.join(HERE, name), "rb") as file:
            data = file.read()
        if name.endswith(".jpg"):
            begin, start, end = r.choice(scans(data))
            at = r.randrange(start, end) if end > start else start
            kind = index // 4 % 10
            if kind == 0: edit = (at, 1, [data[at] ^ 1 << r.randrange(8)])
            elif kind == 1: edit = (at, 0, [r.randrange(256) for _ in range(r.randint(1, 9))])
            elif kind == 2: edit = (at, r.randint(1, max(1, end - at)), [])
            elif kind == 3: edit = (at, len(data) - at, [0xFF, 0xD9])
            elif kind == 4: edit = (at, r.randint(0, 2), [0xFF, r.choice([*range(0xD0, 0xD8), 0x20, 0xC4, 0xFE, 0xE0, 0xDD])])
            elif kind == 5: edit = (begin, len(data) - begin, [0xFF, 0xD9])
            elif kind == 6: edit = (begin, end - begin, [])
            elif kind == 7: edit = (end, 0, [r.randrange(255) for _ in range(r.randint(1, 20))])
            elif kind == 8: edit = (r.randrange(2, start), 1, [r.choice([0, 1, 0x11, 0xFF, r.randrange(256)])])
            else:
                marks = [i for i in range(start, end - 1) if data[i] == 0xFF and 0xD0 <= data[i + 1] <= 0xD7]
                if not marks:
                    edit = (at, min(30, end - at), [r.choice([0, 0xAA])] * 30)
                else:
                    mark = r.choice(marks)
                    edit = (mark, r.choice([2, 3, 20]), r.choice([[], [0xFF, 0xD0 + r.randrange(8)]]))
        else:
            at = r.randrange(8, len(data))
            tail = data.rindex(b"IEND") - 4
            edit = r.choice([
                (at, 1, [data[at] ^ 1 << r.randrange(8)]), (tail, len(data) - tail, []), (tail, 12, [1, 2, 3]),
                (at, len(data) - at, []), (tail - r.randint(1, 4), 1, [r.randrange(256)]),
                (tail, 0, list(chunk(b"tEXt", b"a\0b"))), (tail, 0, list(chunk(b"gAMA", b"\0")))])
        at, remove, insert = edit
        damaged = data[:at] + bytes(insert) + data[at + remove:]
        try:
            found = crc(rgb(damaged))
        except Exception:
            found = None
        yield dict(source=name, at=at, remove=remove, insert=insert, crc=found)


def main():
    pictures = {}
    for name, data in [*pillow_jpegs(), *hand_jpegs(), *pngs(), *netpbms()]:
        with open(os.path.join(HERE, name), "wb") as file:
            file.write(data)
        pixels = rgb(data)
        pictures[name] = dict(width=pixels.shape[1], height=pixels.shape[0], crc=crc(pixels))
    patterns = {}
    cases = dict(pictures=pictures, resize=list(resize_cases()), preprocess=list(preprocess_cases()))
    for case in cases["resize"] + cases["preprocess"]:
        name = f"pattern-{case['width']}x{case['height']}.ppm"
        case["source"] = name
        patterns[name] = (case.pop("width"), case.pop("height"))
    for name, (width, height) in patterns.items():
        Image.fromarray(pattern(width, height, width + height)).save(os.path.join(HERE, name))
    cases["inputs"] = list(input_cases(pictures))
    with open(os.path.join(HERE, "damages.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in damage_cases(pictures)) + "\n]\n")
    with open(os.path.join(HERE, "manifest.json"), "w") as file:
        json.dump(cases, file, indent=1)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
