#!/usr/bin/env python3
"""Makes the small checkpoints beside this script and expected.json, what a reader must find in each.

Seeded; made with torch 2.13.0, numpy 2, safetensors 0.8. Run it from anywhere; the tests never do.
"""
import argparse, collections, io, json, os, pickle, shutil, struct, sys, tarfile, warnings, zipfile
import numpy as np
import torch
from torch import nn
from safetensors.torch import save_file

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
torch.set_num_threads(1)
torch.manual_seed(20260727)
expected = {}


def path(name):
    full = os.path.join(HERE, name)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    return full


def describe(tensors):
    result = []
    for name, tensor in tensors.items():
        tensor = tensor.detach()
        entry = {"name": name, "dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape)}
        bits = tensor.to(torch.float32).contiguous().reshape(-1).view(torch.int32)
        entry["bits"] = [int(b) & 0xFFFFFFFF for b in bits]
        result.append(entry)
    return result


def good(name, tensors, source, wrapper=None, key=None, **more):
    """Records that `name` must load as `tensors`."""
    case = {"file": name, "source": source, "wrapper": wrapper, "tensors": describe(tensors)}
    if key is not None:
        case["key"] = key
    case.update(more)
    expected.setdefault("good", []).append(case)


def bad(name, error, place=None, key=None):
    """Records that `name` must be refused: the error's case, and a text its description must hold."""
    case = {"file": name, "error": error}
    if place is not None:
        case["mentions"] = place
    if key is not None:
        case["key"] = key
    expected.setdefault("bad", []).append(case)


def save(name, obj, **options):
    torch.save(obj, path(name), **options)


def network(prefix=""):
    values = {
        "conv1.weight": torch.randn(2, 3, 2, 2),
        "bn1.weight": torch.randn(2),
        "bn1.running_var": torch.rand(2),
        "bn1.num_batches_tracked": torch.tensor(7),
        "fc.weight": torch.randn(3, 2),
    }
    return collections.OrderedDict((prefix + k, v) for k, v in values.items())


def stripped(tensors, prefix):
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 2, 2, bias=False)
        self.bn1 = nn.BatchNorm2d(2)
        self.fc = nn.Linear(2, 3)


# ---------------------------------------------------------------- what torch.save writes

def torch_files():
    for protocol in (2, 3, 4, 5):
        net = network()
        save(f"zip_protocol{protocol}.pt", net, pickle_protocol=protocol)
        good(f"zip_protocol{protocol}.pt", net, "torchZip")
        save(f"legacy_protocol{protocol}.pt", net, pickle_protocol=protocol, _use_new_zipfile_serialization=False)
        good(f"legacy_protocol{protocol}.pt", net, "torchLegacy")

    module = Tiny()
    for kind, flag in (("torchZip", True), ("torchLegacy", False)):
        tag = "zip" if flag else "legacy"
        save(f"{tag}_module_state.pt", module.state_dict(), _use_new_zipfile_serialization=flag)
        good(f"{tag}_module_state.pt", module.state_dict(), kind)
        values = {str(d).removeprefix("torch."): (torch.randn(5) * 50).to(d) for d in (
            torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.int16,
            torch.int8, torch.uint8, torch.bool)}
        values["half_edges"] = torch.tensor(
            [0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x7BFF, 0x7C00, 0xFC00, 0x3C01], dtype=torch.int32
        ).to(torch.int16).view(torch.float16)
        values["double_edges"] = torch.tensor([1e-46, 1e-45, 3.5e38, -1e308, 1.0000000596046448, 0.1], dtype=torch.float64)
        save(f"{tag}_dtypes.pt", values, _use_new_zipfile_serialization=flag)
        good(f"{tag}_dtypes.pt", values, kind, notes=3)
        base = torch.randn(4, 6)
        values = {
            "channels_last": torch.randn(2, 3, 2, 2).to(memory_format=torch.channels_last),
            "transposed": torch.randn(3, 4).t(),
            "permuted": torch.randn(2, 3, 4).permute(2, 0, 1),
            "expanded": torch.randn(3, 1).expand(3, 4),
            "scalar_expanded": torch.tensor(2.5).expand(2, 2),
            "whole": base, "rows": base[1:3], "columns": base[:, 2:4], "stepped": base[::2, ::3],
            "sliding": torch.arange(6.0).as_strided((4, 3), (1, 1)),
            "empty": torch.zeros(0, 3), "scalar": torch.tensor(1.25),
            "half_columns": torch.randn(3, 4).half()[:, 1:3],
        }
        save(f"{tag}_strides.pt", values, _use_new_zipfile_serialization=flag)
        good(f"{tag}_strides.pt", values, kind)
        attributed = torch.randn(2)
        attributed.note = "kept aside"
        noted = nn.Parameter(torch.randn(2))
        noted.note = 1
        values = {"plain": nn.Parameter(torch.randn(2, 2)), "noted": noted, "attributed": attributed}
        save(f"{tag}_parameters.pt", values, _use_new_zipfile_serialization=flag)
        good(f"{tag}_parameters.pt", values, kind)
        save(f"{tag}_whole_module.pt", module, _use_new_zipfile_serialization=flag)
        bad(f"{tag}_whole_module.pt", "pickledModule", "__main__.Tiny")
        save(f"{tag}_wrapped_module.pt", {"model": module, "epoch": 3}, _use_new_zipfile_serialization=flag)
        bad(f"{tag}_wrapped_module.pt", "pickledModule", "__main__.Tiny")

    exotic = {
        "conv1.weight": torch.randn(2, 2), "float8": torch.randn(2).to(torch.float8_e4m3fn),
        "complex": torch.zeros(2, dtype=torch.complex64), "uint16": torch.zeros(2, dtype=torch.uint16),
        "sparse": torch.eye(2).to_sparse(), "meta": torch.zeros(2, device="meta"),
        "quantised": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8),
        "negated": torch._neg_view(torch.ones(2)),
    }
    save("zip_exotic.pt", exotic)
    good("zip_exotic.pt", {"conv1.weight": exotic["conv1.weight"]}, "torchZip", only=True,
         unreadable=["float8", "complex", "uint16", "sparse", "meta", "quantised", "negated"])
    save("zip_list.pt", [torch.ones(2)])
    bad("zip_list.pt", "noTensors", "list")
    save("zip_no_tensors.pt", {"epoch": 3, "optimizer": {"lr": 0.1}})
    bad("zip_no_tensors.pt", "noTensors", "optimizer (dict)")
    torch.jit.script(nn.Sequential(nn.Linear(1, 1))).save(path("torchscript.pt"))
    bad("torchscript.pt", "unsupported", "torchScript")
    torch.export.save(torch.export.export(nn.Linear(1, 1), (torch.ones(1, 1),)), path("exported.pt2"))
    bad("exported.pt2", "unsupported", "exportedProgram")


def hide_places():
    """Saved classes name the files of their source: the folders of this machine become others of the same length."""
    here = os.path.dirname(os.path.abspath(__file__))
    places = [(folder.encode(), (b"/usr/lib/" + b"_" * 200)[:len(folder)])
              for folder in (sys.prefix, os.path.dirname(os.path.dirname(os.path.dirname(here))))]

    def hidden(data):
        for place, other in places: data = data.replace(place, other)
        return data

    for name in os.listdir(here):
        if not name.endswith((".pt", ".pth", ".pt2")): continue
        with open(path(name), "rb") as f: data = f.read()
        if hidden(data) == data: continue
        if zipfile.is_zipfile(path(name)):
            with zipfile.ZipFile(path(name)) as f: members = [(i, hidden(f.read(i))) for i in f.infolist()]
            with zipfile.ZipFile(path(name), "w", zipfile.ZIP_STORED) as f:
                for info, content in members: f.writestr(zipfile.ZipInfo(info.filename), content)
        else:
            with open(path(name), "wb") as f: f.write(hidden(data))


# ---------------------------------------------------------------- wrappers and prefixes

def wrapper_files():
    net, other = network(), network()
    optimizer = torch.optim.SGD([nn.Parameter(torch.randn(2))], lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 30)
    training = {
        "epoch": 119, "arch": "resnet50", "best_acc1": np.float64(77.5), "state_dict": net,
        "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(),
        "args": argparse.Namespace(model="resnet50", input_size=224, lr=0.1, ratio=(0.75, 1.33)),
        "rng": torch.zeros(3, dtype=torch.uint8), "when": collections.Counter("ab"),
    }
    save("training.pt", training)
    facts = {"epoch": "119", "arch": "resnet50", "args.model": "resnet50", "args.input_size": "224", "args.lr": "0.1"}
    good("training.pt", net, "torchZip", "state_dict", metadata=facts, ignored=["optimizer", "args", "best_acc1"])
    save("training_legacy.pt", training, _use_new_zipfile_serialization=False)
    good("training_legacy.pt", net, "torchLegacy", "state_dict", metadata=facts, ignored=["optimizer", "args"])
    bad("training.pt", "keyNotFound", "best_acc1", key="weights")

    save("ema.pt", {"state_dict": net, "state_dict_ema": other, "epoch": 1})
    good("ema.pt", other, "torchZip", "state_dict_ema", ignored=["state_dict"])
    good("ema.pt", net, "torchZip", "state_dict", key="state_dict", ignored=["state_dict_ema"])
    save("model_ema.pt", {"model": net, "model_ema": other})
    good("model_ema.pt", other, "torchZip", "model_ema")
    save("empty_ema.pt", {"model": net, "model_ema": None, "state_dict": {}})
    good("empty_ema.pt", net, "torchZip", "model")
    for name in ("net", "network"):
        save(f"wrapper_{name}.pt", {name: net, "acc": 90.0})
        good(f"wrapper_{name}.pt", net, "torchZip", name)

    def prefixed(file, prefix, wrapper, extra=None, keys=(), ignored=()):
        inner = network(prefix)
        outer = collections.OrderedDict(inner)
        outer.update(extra or {})
        for key in reversed(keys):
            outer = {key: outer, "epoch": 5}
        save(file, outer)
        good(file, stripped(inner, prefix), "torchZip", wrapper, ignored=list(ignored))

    prefixed("data_parallel.pt", "module.", "module.")
    prefixed("fixres.pt", "module.", "model, module.", keys=["model"], ignored=["epoch"])
    prefixed("compiled.pt", "_orig_mod.", "_orig_mod.")
    prefixed("compiled_parallel.pt", "module._orig_mod.", "state_dict, module._orig_mod.", keys=["state_dict"])
    prefixed("swa.pt", "module.", "module.", {"n_averaged": torch.tensor(4)}, ignored=["n_averaged"])
    prefixed("lightning.pt", "model.", "state_dict, model.", {"criterion.weight": torch.ones(3)}, ["state_dict"],
             ["criterion.weight"])
    prefixed("lightning_net.pt", "net._orig_mod.", "state_dict, net._orig_mod.", keys=["state_dict"])
    prefixed("nested.pt", "", "model, state_dict", keys=["model", "state_dict"])
    mixed = collections.OrderedDict(network("model."))
    mixed["fc.weight"] = torch.randn(2, 2)
    save("mixed_prefix.pt", mixed)
    good("mixed_prefix.pt", mixed, "torchZip")

    moco = {"state_dict": {**network("module.encoder_q."), **network("module.encoder_k.")}, "epoch": 2}
    save("moco.pt", moco)
    good("moco.pt", stripped(moco["state_dict"], "module.encoder_q."), "torchZip",
         "state_dict, module.encoder_q.", key="state_dict.module.encoder_q")
    dotted = {"a.b": {"c": network()}, "a": {"b": 1}}
    save("dotted.pt", dotted)
    good("dotted.pt", dotted["a.b"]["c"], "torchZip", "a.b, c", key="a.b.c")
    twice = [("w", torch.ones(2)), ("v", torch.zeros(1)), ("w", torch.full((2,), 3.0))]
    good("duplicate_key.pt", {"w": twice[2][1], "v": twice[1][1]}, "torchZip")
    save_pairs("duplicate_key.pt", twice)


# ---------------------------------------------------------------- hand-made pickles

def text(value):
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def glob(module, name):
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def integer(value):
    raw = value.to_bytes(8, "little", signed=True) if -2**63 <= value < 2**63 else value.to_bytes(12, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def numbers(values):
    return b"(" + b"".join(integer(v) for v in values) + b"t"


def storage(key="0", count=4, kind="FloatStorage", view=b""):
    return b"(" + text("storage") + glob("torch", kind) + text(key) + text("cpu") + integer(count) + view + b"tQ"


def tensor(store=None, offset=0, size=(4,), stride=(1,), function="_rebuild_tensor_v2"):
    tail = b"\x89" + glob("collections", "OrderedDict") + b")R" if function == "_rebuild_tensor_v2" else b""
    return (glob("torch._utils", function) + b"(" + (store or storage()) + integer(offset) + numbers(size)
            + numbers(stride) + tail + b"tR")


def dictionary(*pairs):
    return b"\x80\x02}(" + b"".join(text(k) + v for k, v in pairs) + b"u."


def archive(name, pickled, storages=None, root="archive", members=None):
    """A PyTorch zip of the given pickle, as zipfile writes one: sizes in the local headers, no Zip64."""
    members = members if members is not None else [("data.pkl", pickled), ("byteorder", b"little"), ("version", b"3\n")] + [
        (f"data/{k}", v) for k, v in (storages if storages is not None else {"0": FOUR}).items()]
    with zipfile.ZipFile(path(name), "w", zipfile.ZIP_STORED) as z:
        for member, data in members:
            z.writestr(zipfile.ZipInfo(f"{root}/{member}", (2020, 1, 1, 0, 0, 0)), data)


FOUR = struct.pack("<4f", 1, 2, 3, 4)


def save_pairs(name, pairs):
    blobs = {str(i): v.numpy().tobytes() for i, (_, v) in enumerate(pairs)}
    archive(name, dictionary(*[(k, tensor(storage(str(i), v.numel()), 0, list(v.shape), list(v.stride())))
                               for i, (k, v) in enumerate(pairs)]), blobs)


def pickle_files():
    four = torch.tensor([1.0, 2, 3, 4])
    archive("hand_made.pt", dictionary(("w", tensor())))
    good("hand_made.pt", {"w": four}, "torchZip")
    archive("empty_strides.pt", dictionary(("w", tensor(size=(0, 5), stride=(1, 2**62))), ("v", tensor())))
    good("empty_strides.pt", {"w": torch.zeros(0, 5), "v": four}, "torchZip")
    archive("old_rebuild.pt", dictionary(("w", tensor(function="_rebuild_tensor"))))
    good("old_rebuild.pt", {"w": four}, "torchZip")

    def other(name, value, **more):
        """A value beside the weight that must stay inert."""
        archive(name, dictionary(("x", value), ("w", tensor())))
        good(name, {"w": four}, "torchZip", **more)

    evil = text("touch /tmp/fixresc-was-here")
    other("reduce_system.pt", glob("os", "system") + evil + b"\x85R", unreadable=["x"])
    other("reduce_eval.pt", glob("builtins", "eval") + evil + b"\x85R", unreadable=["x"])
    other("stack_global.pt", text("posix") + text("system") + b"\x93" + evil + b"\x85R", unreadable=["x"])
    other("inst.pt", b"(" + evil + b"ios\nsystem\n", unreadable=["x"])
    other("obj.pt", b"(" + glob("os", "system") + evil + b"o", unreadable=["x"])
    other("extension.pt", b"\x82\x05", unreadable=["x"])
    other("newobj_ex.pt", glob("a", "B") + b")}\x92}b", unreadable=["x"])
    other("build_setattr.pt", glob("builtins", "object") + b")\x81" + b"}(" + text("__class__") + b"Nub", unreadable=["x"])
    other("self_list.pt", b"]q\x07h\x07a")
    other("deep_tuples.pt", b"N" + b"\x85" * 100000)
    other("marks.pt", b"(" * 50000 + b"1" * 49999 + b"t")
    other("texts.pt", b"(I01\nI00\nI-5\nL17L\nF1.5\nS'a b'\nVabc\np300\ng300\nt")
    other("surrogate.pt", b"X\x03\x00\x00\x00\xed\xa0\x80")
    other("frozenset.pt", b"(K\x01\x91\x8f(K\x02\x90\x86")
    other("set_on_tensor.pt", tensor() + text("k") + b"Ns", unreadable=["x"])
    archive("nested_rebuild.pt", dictionary(("w", glob("torch._utils", "_rebuild_parameter") + tensor() + b"\x88N\x87R")))
    good("nested_rebuild.pt", {"w": four}, "torchZip")
    archive("python2_ordered.pt", b"\x80\x02" + glob("collections", "OrderedDict")
            + b"]](U\x01w" + tensor() + b"ea\x85R.")
    good("python2_ordered.pt", {"w": four}, "torchZip")

    def broken(name, pickled, place=None, storages=None, error="malformed"):
        archive(name, pickled, storages)
        bad(name, error, place)

    broken("bad_no_stop.pt", dictionary(("w", tensor()))[:-1])
    broken("bad_after_stop.pt", dictionary(("w", tensor())) + b"N.", "end of the pickle")
    broken("bad_mark_underflow.pt", b"\x80\x02u.", "MARK")
    broken("bad_stack_underflow.pt", b"\x80\x02}s.")
    broken("bad_pop_through_mark.pt", b"\x80\x02}(\x85u.")
    broken("bad_missing_memo.pt", b"\x80\x02h\x09.", "memo entry 9")
    broken("bad_long4.pt", b"\x80\x02\x8b\xff\xff\xff\x7f.")
    broken("bad_long4_negative.pt", b"\x80\x02\x8b\xff\xff\xff\xff.")
    broken("bad_text_length.pt", b"\x80\x04\x8d" + b"\xff" * 8 + b".")
    broken("bad_utf8.pt", b"\x80\x02}X\x03\x00\x00\x00a\xff\x80Ns.", "UTF-8")
    broken("bad_global_utf8.pt", b"\x80\x02c\xc0\xaf\nb\n.", "UTF-8")
    broken("bad_opcode.pt", b"\x80\x02\xfe.", "opcode")
    broken("bad_protocol.pt", b"\x80\x09}.", "protocol")
    broken("bad_odd_items.pt", b"\x80\x02}(" + text("w") + tensor() + b"Nu.", "odd")
    broken("bad_build_on_dict.pt", b"\x80\x02}}b.")
    broken("bad_open_mark.pt", b"\x80\x02(}.")
    broken("bad_reduce_arguments.pt", b"\x80\x02" + glob("a", "b") + b"NR.")
    broken("bad_out_of_band.pt", b"\x80\x05\x97.")
    broken("bad_negative_stride.pt", dictionary(("w", tensor(size=(2, 2), stride=(-2, 1)))), "stride")
    broken("bad_negative_size.pt", dictionary(("w", tensor(size=(-4,)))), "size")
    broken("bad_negative_offset.pt", dictionary(("w", tensor(offset=-1))), "offset")
    broken("bad_offset.pt", dictionary(("w", tensor(offset=1))), "element 4")
    broken("bad_span.pt", dictionary(("w", tensor(size=(2, 2), stride=(3, 1)))), "element 4")
    broken("bad_product.pt", dictionary(("w", tensor(size=(2**40, 2**40), stride=(0, 0)))), "more than")
    broken("bad_hidden_product.pt", dictionary(("w", tensor(size=(0, 2**40, 2**40), stride=(1, 1, 1)))), "more than")
    broken("bad_stride_overflow.pt", dictionary(("w", tensor(size=(3, 3), stride=(2**62, 2**62)))), "overflow")
    broken("bad_stride_count.pt", dictionary(("w", tensor(size=(2, 2), stride=(1,)))), "stride")
    broken("bad_rank.pt", dictionary(("w", tensor(size=(1,) * 65, stride=(1,) * 65))))
    broken("bad_big_size.pt", dictionary(("w", tensor(size=(2**80,)))))
    broken("bad_count.pt", dictionary(("w", tensor(storage(count=5)))), "5 elements")
    broken("bad_count_overflow.pt", dictionary(("w", tensor(storage(count=2**62)))))
    broken("bad_count_negative.pt", dictionary(("w", tensor(storage(count=-1)))))
    broken("bad_storage_class.pt", dictionary(("w", tensor(storage(kind="StrangeStorage")))), "StrangeStorage")
    broken("bad_storage_kind.pt", dictionary(("v", tensor()), ("w", tensor(storage(count=2, kind="DoubleStorage"), size=(2,)))))
    broken("bad_missing_storage.pt", dictionary(("w", tensor(storage("9")))), "archive/data/9")
    broken("bad_storage_path.pt", dictionary(("w", tensor(storage("../version")))))
    broken("bad_not_a_storage.pt", dictionary(("w", tensor(store=b"N"))), "storage")
    broken("bad_arguments.pt", dictionary(("w", glob("torch._utils", "_rebuild_tensor_v2") + b"(NNt" + b"R")))
    expansion = tensor(storage(), size=(2**30, 4), stride=(0, 1))
    archive("huge_expansion.pt", dictionary(("x", expansion), ("w", tensor())))
    good("huge_expansion.pt", {"w": four}, "torchZip", unreadable=["x"])


def zip_files():
    pickled = dictionary(("w", tensor()))
    plain = lambda: open(path("hand_made.pt"), "rb").read()

    def patched(name, change, place=None, error="malformed"):
        data = bytearray(plain())
        result = change(data)
        open(path(name), "wb").write(result if result is not None else data)
        bad(name, error, place)

    def central(data, member):
        start = data.find(b"PK\1\2")
        while data[start + 46:start + 46 + struct.unpack_from("<H", data, start + 28)[0]] != member:
            start = data.find(b"PK\1\2", start + 4)
        return start

    def local(data, member):
        return struct.unpack_from("<I", data, central(data, member) + 42)[0]

    def put(data, offset, layout, value):
        struct.pack_into(layout, data, offset, value)

    weight = b"archive/data/0"
    end = lambda d: d.rfind(b"PK\5\6")

    def flip_data(d):
        d[local(d, weight) + 30 + len(weight)] ^= 1

    def name_differs(d):
        d[local(d, weight) + 30] ^= 1

    def compressed(d):
        put(d, central(d, weight) + 10, "<H", 8)
        put(d, local(d, weight) + 8, "<H", 8)

    def encrypted(d):
        put(d, central(d, weight) + 8, "<H", 1)
        put(d, local(d, weight) + 6, "<H", 1)

    patched("zip_bad_checksum.pt", flip_data, "archive/data/0")
    patched("zip_local_name.pt", name_differs, "archive/data/0")
    patched("zip_encrypted.pt", encrypted, "encryptedMember", "unsupported")
    patched("zip_compressed.pt", compressed, "compressedMember", "unsupported")
    patched("zip_local_size.pt", lambda d: put(d, local(d, weight) + 22, "<I", 8))
    patched("zip_overlap.pt", lambda d: put(d, central(d, weight) + 42, "<I", local(d, b"archive/version")))
    patched("zip_local_offset.pt", lambda d: put(d, central(d, weight) + 42, "<I", len(d)))
    patched("zip_huge_size.pt", lambda d: (put(d, central(d, weight) + 20, "<I", 2**31), put(d, central(d, weight) + 24, "<I", 2**31)) and None)
    patched("zip_member_count.pt", lambda d: (put(d, end(d) + 8, "<H", 9), put(d, end(d) + 10, "<H", 9)) and None)
    patched("zip_directory_offset.pt", lambda d: put(d, end(d) + 16, "<I", 0))
    patched("zip_directory_size.pt", lambda d: put(d, end(d) + 12, "<I", 2**32 - 1))
    patched("zip_two_disks.pt", lambda d: put(d, end(d) + 4, "<H", 1))
    patched("zip_prepended.pt", lambda d: b"PK\3\4" + d)
    patched("zip_trailing.pt", lambda d: d + b"\0")

    def zip64_lie(d):
        """A Zip64 record that tells of one member less than the end record."""
        at = end(d)
        size, offset = struct.unpack_from("<II", d, at + 12)
        record = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 3, 3, size, offset)
        return d[:at] + record + struct.pack("<IIQI", 0x07064B50, 0, at, 1) + d[at:]

    patched("zip_zip64_lie.pt", zip64_lie)

    def inner_end(d):
        """A comment that holds a second, equal end record."""
        at = end(d)
        put(d, at + 20, "<H", 22)
        return d + d[at:at + 20] + b"\0\0"

    patched("zip_comment_end.pt", inner_end)

    def commented(d):
        put(d, end(d) + 20, "<H", 5)
        return d + b"hello"

    open(path("zip_comment.pt"), "wb").write(commented(bytearray(plain())))
    good("zip_comment.pt", {"w": torch.tensor([1.0, 2, 3, 4])}, "torchZip")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive("zip_duplicate.pt", None, members=[
            ("data.pkl", pickled), ("version", b"3\n"), ("data/0", FOUR), ("data/0", FOUR)])
    bad("zip_duplicate.pt", "malformed", "archive/data/0")
    archive("zip_big_endian.pt", None, members=[("data.pkl", pickled), ("byteorder", b"big"), ("version", b"3\n"), ("data/0", FOUR)])
    bad("zip_big_endian.pt", "unsupported", "bigEndian")
    archive("zip_version.pt", None, members=[("data.pkl", pickled), ("version", b"11\n"), ("data/0", FOUR)])
    bad("zip_version.pt", "malformed", "version")
    archive("zip_no_version.pt", None, members=[("data.pkl", pickled), ("data/0", FOUR)])
    bad("zip_no_version.pt", "malformed", "archive/version")
    archive("zip_no_pickle.pt", None, members=[("version", b"3\n"), ("data/0", FOUR)])
    bad("zip_no_pickle.pt", "unsupported", "otherZip")
    with zipfile.ZipFile(path("arrays.npz"), "w") as z:
        z.writestr(zipfile.ZipInfo("w.npy", (2020, 1, 1, 0, 0, 0)), b"not read")
    bad("arrays.npz", "unsupported", "w.npy")


# ---------------------------------------------------------------- legacy by hand

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."


def legacy(name, pickled, storages, magic=MAGIC, version=b"\x80\x02M\xe9\x03.", little=b"\x88", keys=None):
    info = b"\x80\x02}(" + text("protocol_version") + b"M\xe9\x03" + text("little_endian") + little + b"u."
    order = b"\x80\x02](" + b"".join(text(k) for k in (keys or [k for k, _, _ in storages])) + b"e."
    data = magic + version + info + pickled + order
    for _, count, raw in storages:
        data += struct.pack("<q", count) + raw
    open(path(name), "wb").write(data)


def legacy_files():
    four = torch.tensor([1.0, 2, 3, 4])
    none = b"N"
    whole = tensor(storage(view=none))
    one = [("0", 4, FOUR)]
    legacy("legacy_by_hand.pt", dictionary(("w", whole)), one)
    good("legacy_by_hand.pt", {"w": four}, "torchLegacy")
    view = storage(view=b"(" + text("view") + integer(1) + integer(2) + b"t")
    legacy("legacy_view.pt", dictionary(("w", whole), ("v", tensor(view, size=(2,)))), one)
    good("legacy_view.pt", {"w": four, "v": four[1:3]}, "torchLegacy")
    ordered = b"\x80\x02" + glob("collections", "OrderedDict") + b"]](U\x01w" + whole + b"ea\x85R."
    legacy("legacy_python2.pt", ordered, one)
    good("legacy_python2.pt", {"w": four}, "torchLegacy")
    two = dictionary(("w", whole), ("v", tensor(storage("1", 1, view=none), size=(1,))))
    legacy("legacy_order.pt", two, [("1", 1, FOUR[4:8]), ("0", 4, FOUR)])
    good("legacy_order.pt", {"w": four, "v": four[1:2]}, "torchLegacy")

    def broken(name, *arguments, error="malformed", place=None, **more):
        legacy(name, *arguments, **more)
        bad(name, error, place)

    w = dictionary(("w", whole))
    broken("legacy_big_endian.pt", w, one, little=b"\x89", error="unsupported", place="bigEndian")
    broken("legacy_protocol.pt", w, one, version=b"\x80\x02M\xe8\x03.", place="1001")
    broken("legacy_magic.pt", w, one, magic=b"\x80\x02K\x01.", error="unsupported", place="otherPickle")
    broken("legacy_count.pt", w, [("0", 3, FOUR)], place="4 elements")
    broken("legacy_count_negative.pt", w, [("0", -1, FOUR)])
    broken("legacy_count_overflow.pt", dictionary(("w", tensor(storage(count=2**62, view=none)))), [("0", 2**62, FOUR)])
    broken("legacy_twice.pt", w, one + one)
    broken("legacy_unknown_key.pt", w, one + [("7", 4, FOUR)], place="storage 7")
    broken("legacy_missing_key.pt", w, [], place="storage 0")
    broken("legacy_short.pt", w, [("0", 4, FOUR[:-1])])
    broken("legacy_trailing.pt", w, [("0", 4, FOUR + b"x")])
    outside = storage(view=b"(" + text("view") + integer(3) + integer(2) + b"t")
    broken("legacy_view_outside.pt", dictionary(("v", tensor(outside, size=(2,)))), one)
    open(path("plain.pkl"), "wb").write(pickle.dumps({"w": [1, 2]}))
    bad("plain.pkl", "unsupported", "otherPickle")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member in ("pickle", "tensors", "storages"):
            tar.addfile(tarfile.TarInfo(member), io.BytesIO(b""))
    open(path("tar.pt"), "wb").write(buffer.getvalue())
    bad("tar.pt", "unsupported", "tarCheckpoint")


# ---------------------------------------------------------------- safetensors

def safetensors(name, header, data=FOUR, length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    open(path(name), "wb").write(struct.pack("<Q", len(raw) if length is None else length) + raw + data)


def entry(begin=0, end=16, shape=(4,), dtype="F32", **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end], **more}


def safetensors_files():
    net = network()
    save_file({k: v.contiguous() for k, v in net.items()}, path("plain.safetensors"), {"format": "pt", "note": "a"})
    good("plain.safetensors", net, "safetensors", metadata={"format": "pt", "note": "a"}, anyOrder=True)
    prefixed = network("module.")
    save_file(prefixed, path("prefixed.safetensors"))
    good("prefixed.safetensors", stripped(prefixed, "module."), "safetensors", "module.", anyOrder=True)
    good("prefixed.safetensors", {"weight": prefixed["module.fc.weight"]}, "safetensors", "module.fc.", key="module.fc")
    bad("prefixed.safetensors", "keyNotFound", "module.bn1.weight", key="backbone")
    dtypes = {str(d).removeprefix("torch."): (torch.randn(3) * 9).to(d) for d in (
        torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.int16, torch.int8,
        torch.uint8, torch.bool)}
    save_file(dtypes, path("dtypes.safetensors"))
    good("dtypes.safetensors", dtypes, "safetensors", anyOrder=True, notes=3)
    save_file({"w": torch.ones(1), "f8": torch.zeros(2).to(torch.float8_e5m2), "u16": torch.zeros(2, dtype=torch.uint16)},
              path("exotic.safetensors"))
    good("exotic.safetensors", {"w": torch.ones(1)}, "safetensors", only=True, unreadable=["f8", "u16"])

    four = torch.tensor([1.0, 2, 3, 4])
    halves = {"b": entry(8, 16, (2,)), "a": entry(0, 8, (2,))}
    safetensors("order.safetensors", halves)
    good("order.safetensors", {"b": four[2:], "a": four[:2]}, "safetensors")
    safetensors("spaces.safetensors", b"  " + json.dumps({"w": entry()}).encode() + b" \n\t ")
    good("spaces.safetensors", {"w": four}, "safetensors")
    safetensors("extra_fields.safetensors", {"w": entry(quantum={"a": [1, {"a": None}], "b": 1.5e3})})
    good("extra_fields.safetensors", {"w": four}, "safetensors")
    safetensors("scalar.safetensors", {"w": entry(0, 4, ()), "e": entry(4, 4, (0, 3))}, FOUR[:4])
    good("scalar.safetensors", {"w": four[0], "e": torch.zeros(0, 3)}, "safetensors")
    safetensors("unaligned.safetensors", {"w": entry()}, FOUR, None)
    raw = json.dumps({"w": entry()}).encode()
    safetensors("unaligned.safetensors", raw + b" " * (1 + (1 - len(raw)) % 4))
    good("unaligned.safetensors", {"w": four}, "safetensors")

    def broken(name, *arguments, place=None, error="malformed", **more):
        safetensors(name, *arguments, **more)
        bad(name, error, place)

    broken("st_empty.safetensors", {}, b"", error="noTensors")
    broken("st_long.safetensors", {"w": entry()}, FOUR, length=5000, place="cut short")
    broken("st_trailing.safetensors", {"w": entry()}, FOUR + b"x", place="more bytes")
    broken("st_hole.safetensors", {"w": entry(0, 8, (2,)), "v": entry(12, 16, (1,))}, place="hole")
    broken("st_overlap.safetensors", {"w": entry(0, 8, (2,)), "v": entry(4, 16, (3,))}, place="overlap")
    broken("st_first.safetensors", {"w": entry(4, 16, (3,))}, place="hole")
    broken("st_outside.safetensors", {"w": entry(0, 20, (5,))}, place="within 16 bytes")
    broken("st_size.safetensors", {"w": entry(0, 16, (5,))}, place="20 bytes")
    broken("st_reversed.safetensors", {"w": entry(16, 0, (4,))})
    broken("st_product.safetensors", {"w": entry(0, 16, (2**40, 2**40))}, place="more than")
    broken("st_negative.safetensors", {"w": entry(0, 16, (-4,))})
    broken("st_fraction.safetensors", {"w": entry(0, 16, (4.5,))})
    broken("st_whole_fraction.safetensors", b'{"w":{"dtype":"F32","shape":[4.0],"data_offsets":[0,16]}}')
    broken("st_exponent.safetensors", b'{"w":{"dtype":"F32","shape":[4e0],"data_offsets":[0,16]}}')
    broken("st_minus_zero.safetensors", b'{"w":{"dtype":"F32","shape":[4],"data_offsets":[-0,16]}}')
    broken("st_big_number.safetensors", b'{"w":{"dtype":"F32","shape":[18446744073709551617],"data_offsets":[0,16]}}')
    broken("st_infinite.safetensors", b'{"w":{"dtype":"F32","shape":[1e400],"data_offsets":[0,16]}}')
    broken("st_dtype.safetensors", {"w": entry(dtype="F31")}, place="F31")
    broken("st_metadata.safetensors", {"__metadata__": {"a": 1}, "w": entry()}, place="__metadata__")
    broken("st_utf8.safetensors", b'{"\xff":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', place="UTF-8")
    broken("st_surrogate.safetensors", b'{"\\ud800":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}')
    broken("st_after.safetensors", json.dumps({"w": entry()}).encode() + b"}")
    one = json.dumps(entry()).encode()
    broken("st_duplicate_name.safetensors", b'{"w":' + one + b',"w":' + one + b"}", place="twice")
    broken("st_duplicate_escaped.safetensors", b'{"w":' + one + b',"\\u0077":' + one + b"}", place="twice")
    broken("st_duplicate_field.safetensors", b'{"w":' + one[:-1] + b',"dtype":"F32"}}', place="twice")
    broken("st_duplicate_metadata.safetensors", b'{"__metadata__":{"a":"","a":""},"w":' + one + b"}", place="twice")
    broken("st_duplicate_extra.safetensors", b'{"w":' + one[:-1] + b',"x":[{"a":1,"a":2}]}}', place="twice")
    broken("st_missing.safetensors", {"w": {"dtype": "F32", "shape": [4]}})
    broken("st_three_offsets.safetensors", {"w": {**entry(), "data_offsets": [0, 8, 16]}})
    broken("st_array.safetensors", b"[]", error="notCheckpoint")
    broken("st_not_object.safetensors", {"w": 1})
    broken("st_rank.safetensors", {"w": entry(shape=[1] * 64 + [4])})
    broken("st_deep.safetensors", b'{"w":' + one[:-1] + b',"x":' + b"[" * 1000 + b"]" * 1000 + b"}}", place="nested")


def shard_files():
    first, second = network("layer1.0."), network("layer2.0.")
    for folder, suffix in (("sharded_safetensors", "safetensors"), ("sharded_torch", "bin")):
        stem = "model" if suffix == "safetensors" else "pytorch_model"
        names = [f"{stem}-{i:05d}-of-00002.{suffix}" for i in (1, 2)]
        for name, part in zip(names, (first, second)):
            file = path(f"{folder}/{name}")
            save_file(part, file) if suffix == "safetensors" else torch.save(part, file)
        index = {"metadata": {"total_size": 1}, "weight_map": {
            **{k: names[0] for k in first}, **{k: names[1] for k in second}}}
        json.dump(index, open(path(f"{folder}/index.json"), "w"))
        good(f"{folder}/index.json", {**first, **second},
             "shardedSafetensors" if suffix == "safetensors" else "shardedTorch", anyOrder=True)
    real = "model-00001-of-00002.safetensors"
    hostile = {
        "parent": "../plain.safetensors", "absolute": "/etc/passwd", "nested": "a/b", "dots": "..", "empty": "",
        "nul": real + "\0", "back": "..\\plain.safetensors"}
    for tag, file in hostile.items():
        json.dump({"weight_map": {"w": file}}, open(path(f"sharded_safetensors/{tag}.json"), "w"))
        bad(f"sharded_safetensors/{tag}.json", "malformed", "plain name")
    others = {
        "missing_file": ({"w": "model-00009-of-00002.safetensors"}, "file", None),
        "missing_tensor": ({"absent": real}, "malformed", "absent"),
        "itself": ({"w": "itself.json"}, "notCheckpoint", None),
        "not_string": ({"w": 3}, "malformed", None)}
    for tag, (entries, error, place) in others.items():
        json.dump({"weight_map": entries}, open(path(f"sharded_safetensors/{tag}.json"), "w"))
        bad(f"sharded_safetensors/{tag}.json", error, place)
    json.dump({"architectures": ["ResNet"]}, open(path("config.json"), "w"))
    bad("config.json", "notCheckpoint")


def other_files():
    files = {
        "empty.pth": b"", "one_byte.pth": b"\x80", "seven.pth": b"1234567", "error.pth": b"\n<!DOCTYPE html>\n<html><body>404</body></html>",
        "pointer.pth": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 102530333\n",
        "gzip.pth": b"\x1f\x8b\x08\0", "keras.h5": b"\x89HDF\r\n\x1a\n\0\0", "model.onnx": b"\x08\x0a\x12\x07pytorch",
        "picture.pth": b"\xff\xd8\xff\xe0", "ours.pth": b"FIXRESC\0\1\0\0\0", "random.pth": bytes((i * 197 + 11) & 255 for i in range(2000)),
        "text.pth": b"hello",
    }
    for name, data in files.items():
        open(path(name), "wb").write(data)
        bad(name, "notCheckpoint")
    json.dump({}, open(path("no_index.json"), "w"))
    bad("no_index.json", "notCheckpoint")


if __name__ == "__main__":
    for entry_name in os.listdir(HERE):
        full = os.path.join(HERE, entry_name)
        if entry_name.endswith((".py", ".md")):
            continue
        shutil.rmtree(full) if os.path.isdir(full) else os.remove(full)
    torch_files()
    wrapper_files()
    pickle_files()
    zip_files()
    legacy_files()
    safetensors_files()
    shard_files()
    other_files()
    hide_places()
    with open(path("expected.json"), "w") as f:
        f.write("{\n")
        for index, key in enumerate(("good", "bad")):
            f.write(f'"{key}": [\n' + ",\n".join(json.dumps(c) for c in expected[key]) + "\n]" + ("," if index == 0 else "") + "\n")
        f.write("}\n")
