"""The C interface of libfixresc (Sources/C/fixresc.h) by ctypes, which releases the interpreter's lock during calls."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char_p, c_double, c_int32, c_size_t, c_uint8, c_uint32, c_void_p
from pathlib import Path

OK, INVALID_ARGUMENT, FILE, MODEL, PICTURE, MEMORY, NOT_FINITE, COMMAND, CANCELLED = range(9)
RGB, RGBA, BGRA, GREY = range(4)
EXACT, PACK_AT_OPEN, VERIFY_PACKED, MAP = 1, 2, 4, 8


class Error(Exception):
    """What fixresc refuses, in the sentence that the command line prints."""


class FileError(Error, OSError):
    """A file cannot be read or written."""


class PictureError(Error, ValueError):
    """A picture cannot be read or preprocessed."""


class CommandFailed(Error):
    """A command ended with an exit status other than 0; `report` holds its JSON object."""

    def __init__(self, message: str, report: dict | None = None):
        super().__init__(message)
        self.report = report or {}


class Options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32), ("flags", c_uint32), ("threads", c_int32), ("maximum_batch", c_int32),
    ]


class Shape(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32), ("threads", c_int32), ("channels", c_size_t), ("height", c_size_t),
        ("width", c_size_t), ("class_count", c_size_t), ("feature_count", c_size_t),
    ]


class Pixels(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32), ("format", c_int32), ("data", c_void_p), ("width", c_size_t),
        ("height", c_size_t), ("bytes_per_row", c_size_t),
    ]


class Item(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32), ("status", c_int32), ("error", c_char_p), ("logits", c_void_p),
        ("features", c_void_p), ("is_turned", c_int32), ("reserved", c_int32),
    ]


PROGRESS = ctypes.CFUNCTYPE(c_int32, c_void_p, c_char_p, c_size_t, c_size_t)
COMPUTE = ctypes.CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p)


class Callbacks(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32), ("reserved", c_uint32), ("progress", PROGRESS), ("context", c_void_p),
        ("compute", COMPUTE), ("tasks", c_char_p),
    ]


def structure(kind, **fields):
    """A struct of the interface with its size set."""
    return kind(struct_size=ctypes.sizeof(kind), **fields)


_SIGNATURES = {
    "fixresc_version": [POINTER(c_uint32), POINTER(c_char_p)],
    "fixresc_open": [c_char_p, POINTER(Options), POINTER(c_void_p)],
    "fixresc_open_bytes": [c_char_p, c_size_t, POINTER(Options), POINTER(c_void_p)],
    "fixresc_close": [c_void_p],
    "fixresc_model_shape": [c_void_p, POINTER(Shape)],
    "fixresc_model_label": [c_void_p, c_size_t, POINTER(c_char_p)],
    "fixresc_model_metadata": [c_void_p, POINTER(c_char_p)],
    "fixresc_classify_files": [c_void_p, POINTER(c_char_p), c_size_t, POINTER(c_void_p)],
    "fixresc_classify_encoded": [c_void_p, POINTER(c_char_p), POINTER(c_size_t), c_size_t, POINTER(c_void_p)],
    "fixresc_classify_pixels": [c_void_p, POINTER(Pixels), c_size_t, POINTER(c_void_p)],
    "fixresc_results_count": [c_void_p, POINTER(c_size_t)],
    "fixresc_results_item": [c_void_p, c_size_t, POINTER(Item)],
    "fixresc_results_probabilities": [c_void_p, c_size_t, POINTER(c_double)],
    "fixresc_results_free": [c_void_p],
    "fixresc_run": [c_void_p, c_void_p, c_size_t, c_void_p, c_void_p],
    "fixresc_preprocess_file": [c_void_p, c_char_p, c_void_p, c_void_p],
    "fixresc_preprocess_encoded": [c_void_p, c_char_p, c_size_t, c_void_p, c_void_p],
    "fixresc_preprocess_pixels": [c_void_p, POINTER(Pixels), c_void_p, c_void_p],
    "fixresc_command": [POINTER(c_char_p), c_size_t, POINTER(Callbacks), POINTER(c_void_p)],
    "fixresc_output_get": [c_void_p, POINTER(c_int32), POINTER(c_char_p), POINTER(c_char_p)],
    "fixresc_output_free": [c_void_p],
    "fixresc_worker_open": [c_char_p, POINTER(Options), POINTER(c_void_p)],
    "fixresc_worker_close": [c_void_p],
    "fixresc_worker_run_files": [c_void_p, c_void_p, c_void_p, POINTER(c_char_p), c_size_t, POINTER(c_void_p)],
    "fixresc_worker_run_encoded": [c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, POINTER(c_void_p)],
    "fixresc_records_get": [c_void_p, POINTER(c_void_p), POINTER(c_size_t)],
    "fixresc_records_free": [c_void_p],
}


def _load() -> ctypes.CDLL:
    """The library in this package, or the one that FIXRESC_LIBRARY names."""
    path = os.environ.get("FIXRESC_LIBRARY") or str(Path(__file__).parent / "libfixresc.so")
    loaded = ctypes.CDLL(path)
    for name, arguments in _SIGNATURES.items():
        function = getattr(loaded, name)
        function.argtypes, function.restype = arguments, c_int32
    loaded.fixresc_last_error.argtypes, loaded.fixresc_last_error.restype = [], c_char_p
    return loaded


library = _load()


def decoded(text: bytes | None) -> str | None:
    """A text of the library; bytes of file names that are not UTF-8 are kept as Python keeps them."""
    return None if text is None else text.decode("utf-8", "surrogateescape")


def failure(status: int, message: str | None) -> Exception:
    """The exception of a status."""
    kinds = {
        INVALID_ARGUMENT: ValueError, FILE: FileError, PICTURE: PictureError, MEMORY: MemoryError, COMMAND: CommandFailed,
    }
    return kinds.get(status, Error)(message or "unknown failure")


def check(status: int) -> None:
    """Raises what `status` says."""
    if status != OK:
        raise failure(status, decoded(library.fixresc_last_error()))


def version() -> str:
    """The version of the library."""
    abi, text = c_uint32(), c_char_p()
    check(library.fixresc_version(ctypes.byref(abi), ctypes.byref(text)))
    return decoded(text.value)
