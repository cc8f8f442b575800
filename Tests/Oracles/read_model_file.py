"""Reads model files as Documentation/ModelFile.md specifies them, independently of the Swift code.

usage: python3 read_model_file.py FILE.bin [...] [--graph] [--quiet] [--self-test]

Written from that page and from Documentation/IR.md alone. Checks the header, the section table, every checksum, the
metadata, and the indices of TUNE, PACK and REFS, and prints each constant with its shape and a few figures. Exits with 1 where a
file must be refused, and says why. `--self-test` also damages each file in every byte and cuts it at every length: what
is left must be refused, or hold the same (bytes between sections belong to nothing). Needs numpy.
"""
import json
import re
import struct
import sys

import numpy as np

MAGIC = b"FIXRESC\0"
MAJOR = 1
ALIGNMENT = 64
REQUIRED = ("GRPH", "META", "CNST")
KNOWN = REQUIRED + ("TUNE", "PACK", "REFS")
RESIZE_RULES = ("shorter-side", "height", "squash", "longer-side")
FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")


class Refused(Exception):
    """The file is not one that a reader may accept."""


def require(condition, reason):
    if not condition: raise Refused(reason)


def round_up(offset): return (offset + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


# CRC-32C. The checksum is linear, so many runs of equal length are summed side by side and then joined.

def make_table():
    table = np.zeros(256, np.uint32)
    for byte in range(256):
        remainder = byte
        for _ in range(8): remainder = remainder >> 1 ^ (0x82F63B78 if remainder & 1 else 0)
        table[byte] = remainder
    return table


TABLE = make_table()


def advance(states, columns):
    """`states` after the bytes of each row of `columns`."""
    for column in columns.T: states = TABLE[(states ^ column) & 0xFF] ^ (states >> np.uint32(8))
    return states


def crc32c(data, lanes=4096):
    data = np.frombuffer(data, np.uint8)
    length = len(data) // lanes
    state = 0xFFFFFFFF
    if length >= 64:
        remainders = advance(np.zeros(lanes, np.uint32), data[:lanes * length].reshape(lanes, length).astype(np.uint32))
        # What `length` zero bytes do to each bit of a state.
        bits = advance(np.uint32(1) << np.arange(32, dtype=np.uint32), np.zeros((32, length), np.uint32)).tolist()
        for remainder in remainders.tolist():
            moved = 0
            for bit in range(32):
                if state >> bit & 1: moved ^= bits[bit]
            state = moved ^ remainder
        data = data[lanes * length:]
    table = TABLE.tolist()
    for byte in data.tolist(): state = table[(state ^ byte) & 0xFF] ^ state >> 8
    return state ^ 0xFFFFFFFF


# The container.

def read_sections(file):
    """The sections of `file` by kind: (bytes, stored checksum)."""
    require(file[:8] == MAGIC, "no model file: the magic is missing")
    require(len(file) >= 32, "the header is cut short")
    major, _, count, byte_count, table_sum, header_sum = struct.unpack_from("<HHIQII", file, 8)
    require(major <= MAJOR, f"major version {major} is newer than {MAJOR}")
    require(crc32c(file[:28]) == header_sum, "checksum of the header")
    require(byte_count == len(file), f"the file has {len(file)} bytes, not {byte_count}")
    require(count <= 64, f"{count} sections")
    table = file[32:32 + 32 * count]
    require(len(table) == 32 * count, "the section table is cut short")
    require(crc32c(table) == table_sum, "checksum of the section table")
    sections, ranges = {}, []
    for index in range(count):
        kind, flags, offset, size, checksum, _ = struct.unpack_from("<4sIQQII", table, 32 * index)
        kind = kind.decode("latin-1")
        require(offset + size <= len(file), f"{kind} reaches beyond the file")
        require(offset % ALIGNMENT == 0, f"{kind} starts at {offset}")
        require(kind not in sections, f"{kind} occurs twice")
        require(kind in KNOWN or not flags & 1, f"{kind} is unknown and required")
        sections[kind] = (file[offset:offset + size], checksum)
        if size: ranges.append((offset, offset + size, kind))
    end = 32 + 32 * count
    for first, last, kind in sorted(ranges):
        require(first >= end, f"{kind} overlaps what lies before it")
        end = last
    for kind in REQUIRED: require(kind in sections, f"there is no {kind}")
    for kind in KNOWN:
        if kind in sections: require(crc32c(sections[kind][0]) == sections[kind][1], f"checksum of {kind}")
    return sections


def check_json(value, section, depth=0):
    """Refuses nesting, numbers and strings that the page does not allow."""
    require(depth <= 128, f"{section}: more than 128 nested brackets")
    require(not isinstance(value, float) or np.isfinite(value), f"{section}: a number beyond a double")
    if isinstance(value, str):
        require(not re.search("[\ud800-\udfff]", value), f"{section}: half a surrogate pair")
    elif isinstance(value, dict):
        for key, member in value.items():
            check_json(key, section, depth)
            check_json(member, section, depth + 1)
    elif isinstance(value, list):
        for element in value: check_json(element, section, depth + 1)


def parse_json(data, section):
    def unique(pairs):
        require(len(dict(pairs)) == len(pairs), f"{section}: a member occurs twice")
        return dict(pairs)

    def no_number(word): raise Refused(f"{section}: {word} is no JSON")
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{section}: {error}") from error
    check_json(value, section)
    return value


# The graph's text: here only what places the constants and names the convolutions.

NAME = r'(?:"((?:[^"\\]|\\.)*)"|([A-Za-z0-9_./-]+))'


def plain_name(match, first):
    if match[first + 1] is not None: return match[first + 1]
    return re.sub(r'\\(?:u\{([0-9a-fA-F]+)\}|(.))',
                  lambda escape: chr(int(escape[1], 16)) if escape[1] else escape[2], match[first])


def read_graph(text):
    """The constants (name, shape) in order, and the names of the results of convolutions."""
    constants, convolutions = [], set()
    for line in text.split("\n"):
        declaration = re.fullmatch(r" *constant *%" + NAME + r" *: *f32 *\[([0-9,]*)\] *", line)
        if declaration:
            shape = [int(side) for side in declaration[3].split(",") if side]
            constants.append((plain_name(declaration, 1), shape))
        node = re.match(r" *%" + NAME + r" *= *conv2d\b", line)
        if node: convolutions.add(plain_name(node, 1))
    return constants, convolutions


def read_constants(graph, section):
    """The constants by name, each a view of `section`."""
    offset, constants = 0, {}
    for name, shape in graph:
        start = round_up(offset)
        offset = start + 4 * int(np.prod(shape, dtype=np.int64))
        require(offset <= len(section), f"CNST is too short for {name}")
        constants[name] = np.frombuffer(section[start:offset], "<f4").reshape(shape)
    require(offset == len(section), f"CNST has {len(section)} bytes, not {offset}")
    return constants


def is_strings(value): return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_integer(value): return isinstance(value, int) and not isinstance(value, bool)


def is_number(value): return isinstance(value, (int, float)) and not isinstance(value, bool)


def read_metadata(section):
    meta = parse_json(section, "META")
    require(isinstance(meta, dict), "META is no object")
    for key in ("architecture", "source"): require(isinstance(meta.get(key), str), f"META: {key}")
    for key in ("labels", "synsets", "assumptions"): require(is_strings(meta.get(key)), f"META: {key}")
    require("train_resolution" in meta, "META: train_resolution")
    size = meta["train_resolution"]
    require(size is None or isinstance(size, list) and len(size) == 2
            and all(is_integer(side) and 1 <= side <= 32768 for side in size), "META: train_resolution")
    require(isinstance(meta.get("history"), list), "META: history")
    for entry in meta["history"]:
        require(isinstance(entry, dict) and isinstance(entry.get("action"), str)
                and isinstance(entry.get("parameters"), dict), "META: history")
    read_preprocessing(meta.get("preprocessing"), "META")
    return meta


def read_preprocessing(rule, section):
    require(isinstance(rule, dict), f"{section}: preprocessing")
    require(rule.get("resize_rule") in RESIZE_RULES, f"{section}: resize_rule")
    require(rule.get("interpolation") in FILTERS, f"{section}: interpolation")
    require(is_number(rule.get("crop_share")) and 1 / 1024 <= rule["crop_share"] <= 1, f"{section}: crop_share")
    require("squash_from" in rule, f"{section}: squash_from")
    require(rule["squash_from"] is None or is_integer(rule["squash_from"]) and rule["squash_from"] > 0,
            f"{section}: squash_from")
    for key in ("mean", "std"):
        values = rule.get(key)
        require(isinstance(values, list) and len(values) == 3 and all(map(is_number, values)), f"{section}: {key}")
    require(all(value > 0 for value in rule["std"]), f"{section}: std")


def read_tunings(section, convolutions):
    root = parse_json(section, "TUNE")
    version = root.get("version")
    require(is_integer(version) and version > 0, "TUNE: version")
    if version > 1: return []
    seen = set()
    for tuning in root["tunings"]:
        key = (tuning["processor"], tuning["instruction_set"])
        require(key not in seen, "TUNE: a processor occurs twice")
        seen.add(key)
        layers = [choice["layer"] for choice in tuning["choices"]]
        require(len(set(layers)) == len(layers), "TUNE: a layer occurs twice")
        require(set(layers) <= convolutions, "TUNE: a layer is no convolution")
        texts = [*key, *(choice["kernel"] for choice in tuning["choices"])]
        require(all(len(text.encode()) <= 512 for text in texts), "TUNE: a text is too long")
    return root["tunings"]


def read_packed(section, constants, constants_sum):
    """The stored tensors: (constant, layout, elements)."""
    require(len(section) >= 8, "PACK is cut short")
    size = struct.unpack_from("<I", section)[0]
    require(size <= 1 << 24 and 8 + size <= len(section), "PACK: byte count of the index")
    root = parse_json(section[8:8 + size], "PACK")
    version = root.get("version")
    require(is_integer(version) and version > 0, "PACK: version")
    if version != 1: return []
    require(root.get("constants_checksum") == constants_sum, "PACK: made for other constants")
    start, end = round_up(8 + size), 0
    packed, seen = [], set()
    for entry in root["tensors"]:
        key = (entry["constant"], entry["layout"])
        require(key not in seen, "PACK: a tensor occurs twice")
        seen.add(key)
        require(entry["constant"] in constants, f"PACK: {entry['constant']} is no constant")
        require(len(entry["layout"].encode()) <= 128, "PACK: a layout's name is too long")
        require(entry["offset"] == round_up(end), "PACK: offset")
        require(is_integer(entry["count"]) and entry["count"] > 0, "PACK: count")
        end = entry["offset"] + 4 * entry["count"]
        require(start + end <= len(section), "PACK: a tensor reaches beyond the section")
        packed.append((*key, np.frombuffer(section[start + entry["offset"]:start + end], "<f4")))
    require(start + end == len(section), "PACK: byte count")
    return packed


def read_references(section):
    """The references: (name, input as an array or the bytes of a picture, outputs)."""
    require(len(section) >= 8, "REFS is cut short")
    size = struct.unpack_from("<I", section)[0]
    require(size <= 1 << 20 and 8 + size <= len(section), "REFS: byte count of the index")
    root = parse_json(section[8:8 + size], "REFS")
    version = root.get("version")
    require(is_integer(version) and version > 0, "REFS: version")
    if version > 1: return []
    require(isinstance(root["references"], list) and len(root["references"]) <= 256, "REFS: references")
    start, end = round_up(8 + size), 0

    def blob(entry, count):
        nonlocal end
        require(entry["offset"] == round_up(end), "REFS: offset")
        end = entry["offset"] + count
        require(start + end <= len(section), "REFS: a blob reaches beyond the section")
        return section[start + entry["offset"]:start + end]

    def tensor(entry, rank):
        shape = entry["shape"]
        require(len(shape) == rank and all(is_integer(side) and side > 0 for side in shape), "REFS: shape")
        count = 4
        for side in shape: count *= side
        return np.frombuffer(blob(entry, count), "<f4").reshape(shape)

    references = []
    for entry in root["references"]:
        require(isinstance(entry["name"], str) and len(entry["name"].encode()) <= 1024, "REFS: name")
        require(entry["kind"] in ("tensor", "picture"), "REFS: kind")
        if entry["kind"] == "tensor":
            value = tensor(entry, 4)
        else:
            require(len(entry["size"]) == 2 and all(1 <= side <= 32768 for side in entry["size"]), "REFS: size")
            read_preprocessing(entry["preprocessing"], "REFS")
            require(is_integer(entry["byte_count"]) and entry["byte_count"] >= 0, "REFS: byte_count")
            value = blob(entry, entry["byte_count"])
        outputs = tensor(entry["outputs"], 2)
        require(len(outputs) == (len(value) if entry["kind"] == "tensor" else 1), "REFS: rows of outputs")
        references.append((entry["name"], value, outputs))
    require(start + end == max(len(section), start), "REFS: byte count")
    return references


def parse(file):
    """The sections, graph text, metadata, constants, tunings, packed tensors and references of `file`, or `Refused`."""
    sections = read_sections(file)
    try:
        text = sections["GRPH"][0].decode("utf-8")
        graph, convolutions = read_graph(text)
        meta = read_metadata(sections["META"][0])
        constants = read_constants(graph, sections["CNST"][0])
        tunings = read_tunings(sections["TUNE"][0], convolutions) if "TUNE" in sections else []
        packed = read_packed(sections["PACK"][0], constants, sections["CNST"][1]) if "PACK" in sections else []
        references = read_references(sections["REFS"][0]) if "REFS" in sections else []
    except (UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"a member is missing or of another type: {error}") from error
    return sections, text, meta, constants, tunings, packed, references


def show(path, contents, shows_graph, is_quiet):
    sections, text, meta, constants, tunings, packed, references = contents
    kinds = ", ".join(f"{kind} {len(data)}" for kind, (data, _) in sections.items())
    print(f"{path}: {meta['architecture']}; {kinds}; {len(constants)} constants, {len(tunings)} tunings, "
          f"{len(packed)} packed tensors, {len(references)} references: accepted")
    if shows_graph: print(text, end="")
    if is_quiet: return
    for name, values in constants.items():
        shape = "x".join(map(str, values.shape))
        figures = f"mean {values.mean(dtype=np.float64):.6g}, least {values.min():.6g}, greatest {values.max():.6g}"
        print(f"  {name} {shape}: {figures if values.size else 'empty'}")
    for name, _, outputs in references: print(f"  reference {name}: {outputs.shape[0]} x {outputs.shape[1]} outputs")
    for name, layout, values in packed: print(f"  {name} as `{layout}`: {values.size} elements")


def damage(path, file):
    """Damages `file` in every byte, and cuts it at every length."""
    def held(data):
        try: return parse(data)[0]
        except Refused: return None
    whole, accepted = held(file), 0
    for length in range(len(file)): require(held(file[:length]) is None, f"the first {length} bytes are accepted")
    for index in range(len(file)):
        changed = held(file[:index] + bytes([file[index] ^ 1 << index % 8]) + file[index + 1:])
        require(changed is None or changed == whole, f"a change of byte {index} went unnoticed")
        accepted += changed is not None
    print(f"{path}: damaged in {len(file)} places, {accepted} of them between sections")


def main(words):
    paths = [word for word in words if not word.startswith("--")]
    if not paths: sys.exit(__doc__)
    status = 0
    for path in paths:
        try:
            with open(path, "rb") as opened: file = opened.read()
            show(path, parse(file), "--graph" in words, "--quiet" in words)
            if "--self-test" in words: damage(path, file)
        except Refused as error:
            print(f"{path}: refused: {error}")
            status = 1
    sys.exit(status)


assert crc32c(b"123456789") == 0xE3069283
if __name__ == "__main__": main(sys.argv[1:])
