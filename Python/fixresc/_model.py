"""Models and what they say of pictures."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _abi
from ._abi import library

# Pictures that the library gets at a time.
_CHUNK = 256


@dataclass(frozen=True)
class Prediction:
    """A class with its probability."""

    index: int
    label: str
    probability: float


class Result:
    """What a network says of one picture."""

    def __init__(self, results: Results, index: int):
        self._results, self._index = results, index

    @property
    def error(self) -> str | None:
        """Why there is no result; None where there is one."""
        return self._results.errors[self._index]

    @property
    def logits(self) -> np.ndarray:
        """Scores before softmax or sigmoid, float32 `[classes]`."""
        return self._results.logits[self._index]

    @property
    def features(self) -> np.ndarray:
        """Pooled features, float32 `[F]`."""
        return self._results.features[self._index]

    @property
    def probabilities(self) -> np.ndarray:
        """Probability of each class, float64 `[classes]`."""
        return self._results.probabilities[self._index]

    def top(self, k: int = 5) -> list[Prediction]:
        """The k best classes, best first; of equal scores the lower index comes first."""
        if self.error is not None:
            raise _abi.PictureError(self.error)
        labels = self._results.labels
        order = np.argsort(-self.logits, kind="stable")[: max(k, 0)]
        return [
            Prediction(int(i), labels[i] if i < len(labels) else f"class {i}", float(self.probabilities[i]))
            for i in order
        ]

    def __repr__(self) -> str:
        if self.error is not None:
            return f"<Result error: {self.error}>"
        best = self.top(1)
        return f"<Result {best[0].label} {best[0].probability:.4f}>" if best else "<Result of features>"

    def _repr_html_(self) -> str:
        return _table([(self._index, self)])


class Results(Sequence):
    """The results of a call, one a picture, in order; rows of pictures that failed are NaN."""

    def __init__(self, labels: list[str], class_count: int, feature_count: int, count: int):
        self.labels = labels
        #: float32 `[N, classes]`
        self.logits = np.full((count, class_count), np.nan, np.float32)
        #: float32 `[N, F]`
        self.features = np.full((count, feature_count), np.nan, np.float32)
        #: float64 `[N, classes]`
        self.probabilities = np.full((count, class_count), np.nan, np.float64)
        #: A sentence or None for each picture.
        self.errors: list[str | None] = [None] * count
        #: Whether a picture's file has an EXIF orientation other than upright, which is not applied; bool `[N]`
        self.turned = np.zeros(count, bool)

    def __len__(self) -> int:
        return len(self.errors)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return Result(self, index % len(self))

    def _repr_html_(self) -> str:
        shown = [(i, self[i]) for i in range(min(len(self), 50))]
        more = f"<p>and {len(self) - 50} more</p>" if len(self) > 50 else ""
        return _table(shown) + more

    def _refuse(self, row: int, error: str) -> None:
        self.errors[row] = error
        self.logits[row] = self.features[row] = self.probabilities[row] = np.nan

    def _take(self, first: int, handle: ctypes.c_void_p) -> None:
        """Copies what the library has found of the pictures from `first` on, and frees it."""
        try:
            count = ctypes.c_size_t()
            _abi.check(library.fixresc_results_count(handle, ctypes.byref(count)))
            item = _abi.structure(_abi.Item)
            for index in range(count.value):
                _abi.check(library.fixresc_results_item(handle, index, ctypes.byref(item)))
                row = first + index
                if item.status != _abi.OK:
                    self.errors[row] = _abi.decoded(item.error)
                    continue
                self.turned[row] = bool(item.is_turned)
                for values, base in ((self.logits, item.logits), (self.features, item.features)):
                    if base:
                        ctypes.memmove(values[row].ctypes.data, base, values[row].nbytes)
                target = self.probabilities[row].ctypes.data_as(ctypes.POINTER(ctypes.c_double))
                _abi.check(library.fixresc_results_probabilities(handle, index, target))
        finally:
            library.fixresc_results_free(handle)


def _table(rows: list[tuple[int, Result]]) -> str:
    from html import escape

    cells = []
    for index, result in rows:
        if result.error is not None:
            cells.append(f"<tr><td>{index}</td><td colspan=2>{escape(result.error)}</td></tr>")
            continue
        for best in result.top(5 if len(rows) == 1 else 1):
            cells.append(f"<tr><td>{index}</td><td>{escape(best.label)}</td><td>{100 * best.probability:.2f} %</td></tr>")
    return "<table><tr><th>#</th><th>class</th><th>probability</th></tr>" + "".join(cells) + "</table>"


class Model:
    """A `.bin` model, ready to run. Pickles as its path (or bytes) and options, and may be used after a fork."""

    def __init__(
        self, source: str | os.PathLike | bytes, threads: int | None = None, *, exact: bool = False,
        pack: bool = False, verify_packed: bool = False, maximum_batch: int = 8, mapped: bool = False,
    ):
        self._source = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else os.fspath(source)
        self._settings = {
            "threads": threads, "exact": exact, "pack": pack, "verify_packed": verify_packed,
            "maximum_batch": maximum_batch, "mapped": mapped,
        }
        self._open()

    def _open(self) -> None:
        settings = self._settings
        flags = settings["exact"] * _abi.EXACT | settings["pack"] * _abi.PACK_AT_OPEN
        flags |= settings["verify_packed"] * _abi.VERIFY_PACKED | settings["mapped"] * _abi.MAP
        options = _abi.structure(
            _abi.Options, flags=flags, threads=settings["threads"] or 0, maximum_batch=settings["maximum_batch"])
        handle = ctypes.c_void_p()
        if isinstance(self._source, bytes):
            status = library.fixresc_open_bytes(
                self._source, len(self._source), ctypes.byref(options), ctypes.byref(handle))
        else:
            status = library.fixresc_open(os.fsencode(self._source), ctypes.byref(options), ctypes.byref(handle))
        _abi.check(status)
        self._process, self._pointer = os.getpid(), handle
        shape = _abi.structure(_abi.Shape)
        _abi.check(library.fixresc_model_shape(handle, ctypes.byref(shape)))
        self._shape = shape
        text = ctypes.c_char_p()
        _abi.check(library.fixresc_model_metadata(handle, ctypes.byref(text)))
        #: What is known of the model: architecture, resolutions, preprocessing, labels, facts, history.
        self.metadata: dict[str, Any] = json.loads(_abi.decoded(text.value))
        #: Class names in the order of the logits; empty where the model does not name them.
        self.labels: list[str] = self._read_labels(handle)

    def _read_labels(self, handle) -> list[str]:
        labels, text = [], ctypes.c_char_p()
        for index in range(self._shape.class_count):
            _abi.check(library.fixresc_model_label(handle, index, ctypes.byref(text)))
            if text.value is None:
                break
            labels.append(_abi.decoded(text.value))
        return labels

    @property
    def _handle(self) -> ctypes.c_void_p:
        """The open model; a forked child, which has none of its parent's threads, opens it once more."""
        if self._process != os.getpid():
            self._open()
        return self._pointer

    def close(self) -> None:
        """Forgets the model; its memory goes once no call uses it."""
        pointer, self._pointer = self.__dict__.get("_pointer"), None
        if pointer and self._process == os.getpid():
            library.fixresc_close(pointer)

    def __del__(self):
        self.close()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __reduce__(self):
        return (_reopen, (self._source, self._settings))

    def __repr__(self) -> str:
        return f"<fixresc.Model {self.metadata.get('architecture', '')} at {self.resolution[0]}x{self.resolution[1]}>"

    @property
    def path(self) -> str | None:
        """The file that the model was opened from; None where it was bytes."""
        return None if isinstance(self._source, bytes) else self._source

    @property
    def resolution(self) -> tuple[int, int]:
        """Height and width of the network's input in pixels."""
        return self._shape.height, self._shape.width

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """`[C, H, W]` of one picture."""
        return self._shape.channels, self._shape.height, self._shape.width

    @property
    def threads(self) -> int:
        """Threads of a run."""
        return self._shape.threads

    @property
    def class_count(self) -> int:
        """Length of one picture's logits; 0 for a network without a classifier."""
        return self._shape.class_count

    @property
    def feature_count(self) -> int:
        """Length of one picture's features; 0 where the network gives none."""
        return self._shape.feature_count

    # ---- Pictures

    def __call__(self, inputs: Any, batch: int = _CHUNK) -> Results:
        """Classifies pictures: paths, encoded bytes, PIL images, uint8 arrays `[H, W, C]` (or `[N, H, W, C]`) or float
        tensors `[C, H, W]` (or `[N, C, H, W]`), one or a list of any mixture; `batch` pictures are handed over at a time.
        """
        items = list(_items(inputs))
        results = Results(self.labels, self.class_count, self.feature_count, len(items))
        for first in range(0, len(items), max(batch, 1)):
            self._classify(results, first, items[first : first + max(batch, 1)])
        return results

    def _classify(self, results: Results, first: int, items: list) -> None:
        # Runs of inputs of one kind go together.
        start = 0
        while start < len(items):
            kind = _kind(items[start])
            end = start + 1
            while end < len(items) and _kind(items[end]) == kind:
                end += 1
            getattr(self, "_classify_" + kind)(results, first + start, items[start:end])
            start = end

    def _classify_path(self, results: Results, first: int, paths: list) -> None:
        names = (ctypes.c_char_p * len(paths))(*[os.fsencode(path) for path in paths])
        handle = ctypes.c_void_p()
        _abi.check(library.fixresc_classify_files(self._handle, names, len(paths), ctypes.byref(handle)))
        results._take(first, handle)

    def _classify_bytes(self, results: Results, first: int, items: list) -> None:
        items = [bytes(item) for item in items]
        pointers = (ctypes.c_char_p * len(items))(*items)
        sizes = (ctypes.c_size_t * len(items))(*[len(item) for item in items])
        handle = ctypes.c_void_p()
        _abi.check(
            library.fixresc_classify_encoded(self._handle, pointers, sizes, len(items), ctypes.byref(handle)))
        results._take(first, handle)

    def _classify_pixels(self, results: Results, first: int, items: list) -> None:
        arrays = [self._pixel_array(item) for item in items]
        images = (_abi.Pixels * len(arrays))(*[_pixels(array) for array in arrays])
        handle = ctypes.c_void_p()
        _abi.check(library.fixresc_classify_pixels(self._handle, images, len(arrays), ctypes.byref(handle)))
        results._take(first, handle)

    def _classify_tensor(self, results: Results, first: int, items: list) -> None:
        x = np.stack([self._tensor(item) for item in items])
        logits, features = self._run(x, None)
        last = first + len(items)
        results.logits[first:last], results.features[first:last] = logits, features
        results.probabilities[first:last] = self._probabilities(logits)
        for row in range(first, last):
            if not (np.isfinite(results.logits[row]).all() and np.isfinite(results.features[row]).all()):
                results._refuse(row, "the network computes numbers that are not finite")

    def _probabilities(self, logits: np.ndarray) -> np.ndarray:
        scores = logits.astype(np.float64)
        if self.metadata.get("outputs") == "sigmoid" or self.class_count == 1:
            return 1 / (1 + np.exp(-scores))
        powers = np.exp(scores - scores.max(axis=1, keepdims=True)) if scores.size else scores
        return powers / powers.sum(axis=1, keepdims=True) if scores.size else powers

    # ---- Tensors

    def run(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The logits float32 `[N, classes]` of inputs float32 `[N, C, H, W]`; neither is copied where `x` and `out` are
        contiguous float32.
        """
        logits, _ = self._run(_as_numpy(x), out, wants_features=False)
        return logits

    def run_features(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The logits `[N, classes]` and the pooled features `[N, F]` of inputs float32 `[N, C, H, W]`."""
        return self._run(_as_numpy(x), None)

    def _run(self, x: np.ndarray, out: np.ndarray | None, wants_features: bool = True):
        if x.ndim != 4 or tuple(x.shape[1:]) != self.input_shape:
            expected = ", ".join(map(str, self.input_shape))
            raise ValueError(f"expected a tensor [N, {expected}], found {list(x.shape)}")
        count = x.shape[0]
        x = np.ascontiguousarray(x, np.float32)
        if out is None:
            out = np.empty((count, self.class_count), np.float32)
        elif out.dtype != np.float32 or out.shape != (count, self.class_count) or not out.flags.c_contiguous:
            raise ValueError(f"out: expected contiguous float32 [{count}, {self.class_count}]")
        features = np.empty((count, self.feature_count), np.float32)
        if count > 0:
            wanted = features.ctypes.data if wants_features and self.feature_count else None
            _abi.check(library.fixresc_run(
                self._handle, x.ctypes.data, count, out.ctypes.data if self.class_count else None, wanted))
        return out, features

    def preprocess(self, image: Any) -> np.ndarray:
        """The network's input float32 `[C, H, W]` of one picture, with the bits of torchvision's or timm's transform."""
        result = np.empty(self.input_shape, np.float32)
        self._preprocess(image, result.ctypes.data, None)
        return result

    def pixels(self, image: Any) -> np.ndarray:
        """The pixels uint8 `[H, W, C]` of one picture after resize and crop."""
        channels, height, width = self.input_shape
        result = np.empty((height, width, channels), np.uint8)
        self._preprocess(image, None, result.ctypes.data)
        return result

    def _preprocess(self, image: Any, floats: int | None, pixels: int | None) -> None:
        kind = _kind(image)
        if kind == "path":
            status = library.fixresc_preprocess_file(self._handle, os.fsencode(image), floats, pixels)
        elif kind == "bytes":
            status = library.fixresc_preprocess_encoded(self._handle, bytes(image), len(image), floats, pixels)
        elif kind == "pixels":
            array = self._pixel_array(image)
            status = library.fixresc_preprocess_pixels(self._handle, ctypes.byref(_pixels(array)), floats, pixels)
        else:
            raise ValueError("expected a picture, found a tensor")
        _abi.check(status)

    def _pixel_array(self, item: Any) -> np.ndarray:
        """uint8 `[H, W]` or `[H, W, C]` with contiguous pixels."""
        if hasattr(item, "convert"):
            modes = {1: "L", 3: "RGB", 4: "RGBA"}
            item = np.asarray(item.convert(modes[self.input_shape[0]]))
        array = _as_numpy(item)
        if array.ndim == 3 and array.shape[2] == 1:
            array = array[:, :, 0]
        if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
            raise ValueError(f"expected pixels [H, W, C] of 1, 3 or 4 channels, found {list(array.shape)}")
        tight = array.ndim == 2 or array.strides[2] == 1
        if not tight or array.strides[1] != (array.shape[2] if array.ndim == 3 else 1) or array.strides[0] < 1:
            array = np.ascontiguousarray(array)
        return array

    def _tensor(self, item: Any) -> np.ndarray:
        array = _as_numpy(item)
        if tuple(array.shape) != self.input_shape:
            raise ValueError(f"expected a tensor {list(self.input_shape)}, found {list(array.shape)}")
        return array.astype(np.float32, copy=False)


def _reopen(source: str | bytes, settings: dict) -> Model:
    return Model(source, **settings)


def _as_numpy(item: Any) -> np.ndarray:
    """An array, of a torch tensor too."""
    if hasattr(item, "detach"):
        item = item.detach().cpu().numpy()
    return np.asarray(item)


def _items(inputs: Any) -> Iterable:
    """The single pictures and tensors of what a caller gives."""
    if isinstance(inputs, (str, bytes, bytearray, memoryview, os.PathLike)) or hasattr(inputs, "convert"):
        yield inputs
        return
    if hasattr(inputs, "shape") and hasattr(inputs, "dtype"):
        array = _as_numpy(inputs)
        if array.ndim == 4:
            yield from array
        else:
            yield array
        return
    for item in inputs:
        yield from _items(item)


def _kind(item: Any) -> str:
    if isinstance(item, (str, os.PathLike)):
        return "path"
    if isinstance(item, (bytes, bytearray, memoryview)):
        return "bytes"
    if hasattr(item, "convert"):
        return "pixels"
    dtype = _as_numpy(item).dtype
    if dtype == np.uint8:
        return "pixels"
    if dtype.kind == "f":
        return "tensor"
    raise TypeError(f"expected a path, bytes, a PIL image, a uint8 or a float array, found {type(item).__name__} of {dtype}")


def _pixels(array: np.ndarray) -> _abi.Pixels:
    """The description of an array that lives as long as the call."""
    format = _abi.GREY if array.ndim == 2 else {3: _abi.RGB, 4: _abi.RGBA}[array.shape[2]]
    return _abi.structure(
        _abi.Pixels, format=format, data=array.ctypes.data, width=array.shape[1], height=array.shape[0],
        bytes_per_row=array.strides[0])


def load(source: str | os.PathLike | bytes, threads: int | None = None, **options: Any) -> Model:
    """Opens a `.bin` model: a path, or its bytes. `threads` None takes the CPUs that the process may use; `exact`,
    `pack`, `verify_packed` and `maximum_batch` are the session's options. With `mapped` files are mapped from then on, so
    that processes share the pages of a packed one; a handler for SIGBUS is installed.
    """
    return Model(source, threads, **options)
