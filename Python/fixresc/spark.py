"""fixresc on Apache Spark: the pictures are read and run by the executors, everything else is the command's own code on
the driver, so that the results are those of one machine to the last bit.

    predict = fixresc.spark.predictor("r50-384.bin", column="content")
    df.mapInPandas(predict, predict.schema(df))

    fixresc.spark.evaluate("/shared/imagenet/val", "r50-384.bin")
    fixresc.spark.finetune(train_df, "r50.bin", to=384, validate=val_df, output="tuned.bin")

Needs pyspark 3.4 or later with pandas and pyarrow, and this package on every machine.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import tempfile
import threading
import uuid
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from . import _abi, _commands
from ._abi import library
from ._commands import Artifact, ModelLike, Progress, Report
from ._model import Model

__all__ = ["batch_predictor", "evaluate", "features", "finetune", "predictor", "stats", "sweep"]

# Pictures of a part of a folder, which is a Spark task: enough that starting tasks costs nothing, few enough that the
# last ones end together.
_LEAST_PART, _GREATEST_PART, _PARTS_PER_CORE = 32, 1024, 16
# Rows that Spark hands to Python at a time: pictures are large.
_ROWS = 64
# Bytes of results that a worker makes at a time, that a Spark job brings to the driver, and jobs under way at most.
_PIECE, _WINDOW, _MOST_WINDOWS = 8 << 20, 32 << 20, 16
# Models that a worker process keeps open, and that an executor keeps in its folder.
_OPEN, _KEPT = 2, 4


# ---- On the workers ----


class _Shipped:
    """Files that worker processes open: where they lie on the driver, and their bytes, which Spark brings to each executor
    once where a machine does not have the same files at the same place.
    """

    def __init__(self, folder: str, names: Iterable[str], context: Any):
        self.folder, self.digests = folder, {name: _digest(os.path.join(folder, name)) for name in names}
        self.name = hashlib.blake2b(repr(sorted(self.digests.items())).encode(), digest_size=12).hexdigest()
        self._broadcast = None
        if context is not None:
            self._broadcast = context.broadcast({
                name: Path(folder, name).read_bytes() for name in self.digests
            })

    def local(self) -> str:
        """The folder of the files on this machine."""
        if self._lies_in(self.folder):
            return self.folder
        if self._broadcast is None:
            names = ", ".join(os.path.join(self.folder, name) for name in self.digests)
            raise FileNotFoundError(f"{names}: expected the driver's files on every machine, as nothing is shipped")
        from pyspark import SparkFiles

        folder = os.path.join(SparkFiles.getRootDirectory(), f"fixresc-{self.name}")
        if self._lies_in(folder):
            return folder
        os.makedirs(folder, exist_ok=True)
        for name, data in self._broadcast.value.items():
            # Another worker of this executor may do the same: each writes a file of its own, and the last one stays.
            descriptor, part = tempfile.mkstemp(dir=folder)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.replace(part, os.path.join(folder, name))
        if not self._lies_in(folder):
            raise OSError(f"{folder}: expected the files that Spark brought, found others")
        # What earlier tasks brought goes; whoever has it open keeps it.
        others = [place for place in Path(folder).parent.glob("fixresc-*") if place.is_dir()]
        for place in sorted(others, key=_age)[_KEPT:]:
            shutil.rmtree(place, ignore_errors=True)
        return folder

    def _lies_in(self, folder: str) -> bool:
        try:
            return all(_digest(os.path.join(folder, name)) == digest for name, digest in self.digests.items())
        except OSError:
            return False

    def forget(self) -> None:
        """Frees what Spark keeps of the files."""
        if self._broadcast is not None:
            self._broadcast.destroy()


def _age(folder: Path) -> float:
    try:
        return -folder.stat().st_mtime
    except OSError:
        return 0


def _digest(path: str) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


# Opened models and workers of this process, the last one used at the end.
_opened: OrderedDict[tuple, Any] = OrderedDict()
_lock = threading.Lock()


def _cached(key: tuple, make: Any) -> Any:
    with _lock:
        key = (os.getpid(), *key)
        if key not in _opened:
            _opened[key] = make()
            while len(_opened) > _OPEN:
                _opened.popitem(last=False)
        _opened.move_to_end(key)
        return _opened[key]


def _cores() -> int:
    """The cores of this Spark task."""
    from pyspark import TaskContext

    context = TaskContext.get()
    return max(context.cpus(), 1) if context is not None else 1


class _Worker:
    """A task of the library, opened."""

    def __init__(self, folder: str, threads: int):
        options = _abi.structure(_abi.Options, threads=threads, flags=_abi.MAP)
        handle = ctypes.c_void_p()
        _abi.check(library.fixresc_worker_open(os.fsencode(folder), ctypes.byref(options), ctypes.byref(handle)))
        self._handle = handle

    def __del__(self):
        if self.__dict__.get("_handle"):
            library.fixresc_worker_close(self._handle)

    def files(self, samples: np.ndarray, labels: np.ndarray, paths: list[bytes]) -> bytes:
        """The records of picture files."""
        names = (ctypes.c_char_p * len(paths))(*paths)
        return self._records(
            library.fixresc_worker_run_files, samples, labels, names, len(paths))

    def encoded(self, samples: np.ndarray, labels: np.ndarray, addresses: np.ndarray, sizes: np.ndarray) -> bytes:
        """The records of pictures whose bytes lie at these addresses."""
        return self._records(
            library.fixresc_worker_run_encoded, samples, labels, addresses.ctypes.data, sizes.ctypes.data, len(samples))

    def _records(self, function: Any, samples: np.ndarray, labels: np.ndarray, *pictures: Any) -> bytes:
        samples, labels = np.ascontiguousarray(samples, "<u8"), np.ascontiguousarray(labels, "<i4")
        handle = ctypes.c_void_p()
        _abi.check(function(self._handle, samples.ctypes.data, labels.ctypes.data, *pictures, ctypes.byref(handle)))
        try:
            data, size = ctypes.c_void_p(), ctypes.c_size_t()
            _abi.check(library.fixresc_records_get(handle, ctypes.byref(data), ctypes.byref(size)))
            return ctypes.string_at(data, size.value) if size.value else b""
        finally:
            library.fixresc_records_free(handle)


def _worker(shipped: _Shipped) -> _Worker:
    threads = _cores()
    return _cached((shipped.name, threads), lambda: _Worker(shipped.local(), threads))


def _spread(first: np.ndarray, labels: np.ndarray, variants: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and labels of all samples of pictures, variant after variant."""
    samples = (first.astype("<u8")[:, None] * np.uint64(variants) + np.arange(variants, dtype="<u8")).reshape(-1)
    return samples, np.repeat(labels, variants)


def _files(shipped: _Shipped, variants: int, part: tuple[int, list[bytes], bytes]) -> bytes:
    """The records of a part of a list of files."""
    first, paths, labels = part
    positions = np.arange(first, first + len(paths))
    samples, classes = _spread(positions, np.frombuffer(labels, "<i4"), variants)
    if variants > 1:
        paths = [path for path in paths for _ in range(variants)]
    return _worker(shipped).files(samples, classes, paths)


class _Places:
    """Where rows stand among a task's pictures: keys sorted, with the position and the class of each."""

    def __init__(self, names: list[str], labels: np.ndarray):
        keys = _keys(names)
        self.positions = np.argsort(keys, kind="stable")
        self.keys, self.labels = keys[self.positions], labels[self.positions]

    def find(self, names: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rows that the task has, their positions and their classes."""
        keys = _keys(names)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        rows = np.flatnonzero(self.keys[places] == keys)
        return rows, self.positions[places[rows]], self.labels[places[rows]]


def _keys(names: Iterable[str]) -> np.ndarray:
    digests = [hashlib.blake2b(os.fsencode(name), digest_size=8).digest() for name in names]
    return np.frombuffer(b"".join(digests), "<u8")


def _rows(shipped: _Shipped, variants: int, places: Any, batches: Iterable) -> Iterator:
    """The records of rows (name, bytes of a picture) that come in Arrow batches, a blob a batch."""
    import pyarrow as pa

    for batch in batches:
        rows, positions, labels = places.value.find(batch.column(0).to_pylist())
        if not len(rows):
            continue
        addresses, sizes, kept = _addresses(batch.column(1), rows)
        samples, classes = _spread(positions, labels, variants)
        records = _worker(shipped).encoded(
            samples, classes, np.repeat(addresses, variants), np.repeat(sizes, variants))
        del kept
        yield pa.RecordBatch.from_arrays([pa.array([records], pa.binary())], ["records"])


def _addresses(column: Any, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any]:
    """Addresses and sizes of the values of a binary Arrow column, which are not copied, and what keeps them in memory."""
    import pyarrow as pa

    wide = column.cast(pa.large_binary()) if not pa.types.is_large_binary(column.type) else column
    _, offsets, data = wide.buffers()
    bounds = np.frombuffer(offsets, "<i8")[wide.offset : wide.offset + len(wide) + 1]
    empty = ctypes.create_string_buffer(1)
    base = data.address if data is not None and data.size else ctypes.addressof(empty)
    sizes = (bounds[1:] - bounds[:-1])[rows].astype("<u8")
    if wide.null_count:
        sizes[np.asarray(wide.is_null())[rows]] = 0
    return (bounds[:-1][rows] + base).astype("<u8"), sizes, (wide, empty)


# ---- On the driver ----


def _session(data: Any, spark: Any) -> Any:
    if spark is None and hasattr(data, "sparkSession"):
        spark = data.sparkSession
    if spark is None:
        from pyspark.sql import SparkSession

        spark = SparkSession.getActiveSession()
    if spark is None:
        raise ValueError("expected a Spark session; spark=SparkSession.builder.getOrCreate() makes one")
    try:
        spark.sparkContext
    except Exception as error:
        raise ValueError("expected a session with a driver of its own, found one of Spark Connect") from error
    return spark


class _Frame:
    """Rows of pictures: a name, a class folder and the bytes of each."""

    def __init__(
        self, frame: Any, name: str, path: str, label: str | None, content: str | None, root: str | None,
        has_classes: bool = True,
    ):
        for column in (path, content):
            if column is not None and column not in frame.columns:
                raise ValueError(f"expected a column {column} with {'the pictures' if column == content else 'names'}, "
                                 f"found {', '.join(frame.columns)}")
        self.frame, self.path, self.content, self.prefix = frame, path, content, f"{name}:" if name else ""
        if label is not None and label not in frame.columns:
            label = None
        columns = [_text(path, "name")] + ([] if label is None else [_text(label, "class")])
        rows = frame.select(*columns).toPandas()
        for column, name in (("name", path), ("class", label)):
            if name is not None and rows[column].isna().any():
                raise ValueError(f"column {name}: expected a {column} for each picture, found null")
        self.names = list(rows["name"])
        if len(set(self.names)) != len(self.names):
            seen: set[str] = set()
            twice = next(one for one in self.names if one in seen or seen.add(one))
            raise ValueError(f"column {path}: expected a name of its own for each picture, found {twice} twice")
        if label is not None:
            self.classes = list(rows["class"])
            return
        try:
            self.classes = _classes(self.names, root)
        except ValueError:
            if has_classes:
                raise
            self.classes = ["pictures"] * len(self.names)

    def write(self, list_path: str) -> None:
        """Writes the list that the command reads in place of a folder."""
        with open(list_path, "wb") as file:
            for name, folder in zip(self.names, self.classes):
                if "\0" in name or "\0" in folder:
                    raise ValueError("expected names without zero bytes")
                file.write(os.fsencode(folder) + b"\0" + os.fsencode(self.prefix + name) + b"\0")


def _column(name: str) -> Any:
    """A column by its name, whatever is in that."""
    from pyspark.sql import functions

    return functions.col(_quoted(name))


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(name: str, alias: str) -> Any:
    """A column as text: numbers are names too."""
    return _column(name).cast("string").alias(alias)


def _classes(names: list[str], root: str | None) -> list[str]:
    """The class folder of each path: the first one below `root`, or below what all paths have in common."""
    if not names:
        return []
    parents = [name.rpartition("/")[0] for name in names]
    if root is None:
        common = os.path.commonprefix([parent.split("/") for parent in parents])
        count = len(common)
    else:
        base = _local(root).rstrip("/")
        for parent in parents:
            if not (_local(parent) + "/").startswith(base + "/"):
                raise ValueError(f"expected paths below {root}, found {parent}")
        count = len(parents[0].split("/")) - len(_local(parents[0]).split("/")) + len(base.split("/"))
    folders = []
    for parent in parents:
        parts = parent.split("/")
        if len(parts) <= count:
            raise ValueError(
                f"{parent}: expected class folders ROOT/<class>/<picture>; label= names a column with classes, root= the "
                "folder of the class folders")
        folders.append(parts[count])
    return folders


def _local(path: str) -> str:
    """The path of an address: Hadoop's `file:/a b` (the column `path` of binaryFile) has names as they are, the URI
    `file:///a%20b` (`input_file_name`) quotes them.
    """
    if path.startswith("file:///"):
        return unquote(path[len("file://") :])
    return path[len("file:") :] if path.startswith("file:/") else path


class _Source:
    """What a command takes as its pictures: class folders that the workers read, or rows."""

    def __init__(self, data: Any, name: str, columns: dict, folder: str):
        self.frame = None
        if hasattr(data, "sparkSession"):
            self.frame = _Frame(data, name, **columns)
            self.argument = os.path.join(folder, f"{name or 'pictures'}.list")
            self.frame.write(self.argument)
        else:
            self.argument = os.path.abspath(os.fspath(data))


_planning = threading.Lock()


def _affordable(description: dict) -> int:
    """Pictures whose results are not too large in one piece."""
    return max(1, _PIECE // (description["record_bytes"] * description["variants"]))


class _Cluster:
    """Computes the tasks of a command by Spark."""

    def __init__(self, spark: Any, sources: list[_Source], progress: Progress | None):
        self.spark, self.progress = spark, progress
        self.frames = [source.frame for source in sources if source.frame is not None]

    def compute(self, task: str, results: str) -> None:
        description = json.loads(Path(task, "task.json").read_text())
        paths = Path(task, "pictures").read_bytes().split(b"\0")[:-1]
        labels = np.fromfile(os.path.join(task, "labels"), "<i4")
        shipped = _Shipped(task, ["task.json", "model.bin"], self.spark.sparkContext)
        try:
            frame = self._frame(paths[0])
            with open(results, "wb") as file:
                if frame is None or frame.content is None:
                    self._files(description, shipped, paths, labels, frame, file)
                else:
                    self._rows(description, shipped, paths, labels, frame, file)
        finally:
            shipped.forget()

    def _frame(self, path: bytes) -> _Frame | None:
        for frame in self.frames:
            if path.startswith(frame.prefix.encode()):
                return frame
        return None

    def _files(self, description, shipped, paths, labels, frame, file) -> None:
        context = self.spark.sparkContext
        if frame is not None:
            paths = [os.fsencode(_local(os.fsdecode(path[len(frame.prefix.encode()) :]))) for path in paths]
        cores = max(context.defaultParallelism, 1)
        size = -(-len(paths) // (cores * _PARTS_PER_CORE))
        size = min(max(size, _LEAST_PART), _GREATEST_PART, _affordable(description))
        parts = [
            (first, paths[first : first + size], labels[first : first + size].tobytes())
            for first in range(0, len(paths), size)
        ]
        variants = description["variants"]
        records = context.parallelize(parts, len(parts)).map(lambda part: _files(shipped, variants, part))
        self._gather(records, len(parts), size * variants, description, file)

    def _rows(self, description, shipped, paths, labels, frame, file) -> None:
        context = self.spark.sparkContext
        names = [os.fsdecode(path)[len(frame.prefix) :] for path in paths]
        places = _Places(names, labels)
        if len(np.unique(places.keys)) != len(names):
            raise ValueError("two pictures' names have one hash; rename one of them")
        shared, variants = context.broadcast(places), description["variants"]
        setting = "spark.sql.execution.arrow.maxRecordsPerBatch"
        # The session's setting counts when a plan is made, which it is here.
        _planning.acquire()
        before = self.spark.conf.get(setting)
        try:
            self.spark.conf.set(setting, str(min(_ROWS, _affordable(description))))
            rows = frame.frame.select(_text(frame.path, "name"), _column(frame.content).cast("binary").alias("content"))
            # Spark cuts folders of small files into tasks of a few pictures.
            most = max(context.defaultParallelism, 1) * _PARTS_PER_CORE
            if rows.rdd.getNumPartitions() > most:
                rows = rows.coalesce(most)
            rdd = rows.mapInArrow(lambda batches: _rows(shipped, variants, shared, batches), "records binary").rdd
            count = rdd.getNumPartitions()
        finally:
            self.spark.conf.set(setting, before)
            _planning.release()
        try:
            each = -(-len(names) // max(count, 1))
            self._gather(rdd.map(lambda row: bytes(row[0])), count, each * variants, description, file)
        finally:
            shared.destroy()

    def _gather(self, records, count: int, samples: int, description: dict, file) -> None:
        """Appends the records of an RDD of `count` partitions of about so many samples to the file: a window of partitions
        at a time, some windows at once, so that the driver never holds them all.
        """
        from pyspark import inheritable_thread_target

        context = self.spark.sparkContext
        cores = max(context.defaultParallelism, 1)
        size = max(1, min(_WINDOW // max(samples * description["record_bytes"], 1), 4 * cores))
        windows = [range(first, min(first + size, count)) for first in range(0, count, size)]
        flying = -(-2 * cores // size) + 1
        done, total, group = 0, description["samples"], f"fixresc-{uuid.uuid4()}"

        def take(window):
            context.setJobGroup(group, "fixresc")
            return context.runJob(records, list, list(window))

        with ThreadPoolExecutor(min(flying, _MOST_WINDOWS, max(len(windows), 1))) as pool:
            take, waiting = inheritable_thread_target(take), deque()
            rest = iter(windows)
            try:
                while True:
                    while len(waiting) < pool._max_workers and (window := next(rest, None)) is not None:
                        waiting.append(pool.submit(take, window))
                    if not waiting:
                        return
                    for blob in waiting.popleft().result():
                        file.write(blob)
                    done = min(done + size * samples, total)
                    if self.progress is not None:
                        self.progress("pictures", done, total)
            except BaseException:
                # Nobody waits for jobs under way: a failure or Ctrl-C ends them.
                for future in waiting:
                    future.cancel()
                context.cancelJobGroup(group)
                raise


def _measured(name, page, data, model, spark, progress, columns, options) -> Report:
    spark, columns = _session(data, spark), {**columns, "has_classes": name != "stats"}
    with tempfile.TemporaryDirectory(prefix="fixresc-spark-") as folder:
        source = _Source(data, "", columns, folder)
        cluster = _Cluster(spark, [source], progress)
        return _commands._measured(name, model, source.argument, page, progress, options, cluster.compute)


def evaluate(
    data: Any, model: ModelLike, *, path: str = "path", label: str | None = "label", content: str | None = "content",
    root: str | None = None, spark: Any = None, progress: Progress | None = None, **options: Any,
) -> Report:
    """Top-1, top-5 and loss, as `fixresc.evaluate` gives them to the last digit.

    `data` is a path of class folders that every machine has, which the workers read, or a DataFrame: each row has a name
    (`path`), the bytes of a picture (`content`; None where the workers read the files at `path`) and the name of its class
    folder (`label`; without such a column the first folder below `root`, or below what all paths have in common). Options
    are those of `fixresc eval`.
    """
    columns = {"path": path, "label": label, "content": content, "root": root}
    return _measured("eval", None, data, model, spark, progress, columns, options)


def sweep(
    data: Any, model: ModelLike, resolutions: Any, *, path: str = "path", label: str | None = "label",
    content: str | None = "content", root: str | None = None, spark: Any = None, progress: Progress | None = None,
    **options: Any,
) -> Report:
    """Accuracy and loss at several resolutions, as `fixresc.sweep`; `data` as `evaluate` takes it. Latencies are the
    driver's.
    """
    columns = {"path": path, "label": label, "content": content, "root": root}
    return _measured("sweep", "-o", data, model, spark, progress, columns, {"resolutions": resolutions, **options})


def stats(
    data: Any, model: ModelLike, resolutions: Any, *, path: str = "path", label: str | None = "label",
    content: str | None = "content", root: str | None = None, spark: Any = None, progress: Progress | None = None,
    **options: Any,
) -> Report:
    """Statistics of the pooled activations at several resolutions, as `fixresc.stats`; `data` as `evaluate` takes it. The
    features of all pictures at one resolution come to the driver, which needs memory for them.
    """
    columns = {"path": path, "label": label, "content": content, "root": root}
    return _measured("stats", "-o", data, model, spark, progress, columns, {"resolutions": resolutions, **options})


def finetune(
    data: Any, model: ModelLike, to: int | tuple[int, int], *, validate: Any = None,
    output: str | os.PathLike | None = None, path: str = "path", label: str | None = "label",
    content: str | None = "content", root: str | None = None, spark: Any = None, progress: Progress | None = None,
    **options: Any,
) -> Artifact:
    """Fine-tunes the classifier and the last batch norm at a test resolution: the workers compute features and moments, the
    driver trains, and the model has the bytes that `fixresc.finetune` gives.

    `data` and `validate` are as `evaluate` takes its data. Features beyond `cache_memory` MB are in a file beside `output`.
    Options are those of `fixresc finetune`.
    """
    spark = _session(data, spark)
    columns = {"path": path, "label": label, "content": content, "root": root}
    with tempfile.TemporaryDirectory(prefix="fixresc-spark-") as folder:
        sources = [_Source(data, "training", columns, folder)]
        options = {"to": to, **options}
        if validate is not None:
            sources.append(_Source(validate, "validation", columns, folder))
            options["validate"] = sources[1].argument
        cluster = _Cluster(spark, sources, progress)
        return _commands._finetuned(model, sources[0].argument, options, output, progress, cluster.compute)


# ---- Predictions ----


class _Served:
    """A model that worker processes open."""

    def __init__(self, model: ModelLike, ship: bool, options: dict):
        context = None
        if ship:
            from pyspark import SparkContext

            context = SparkContext._active_spark_context
        self._place = _commands._Place(model)
        path = os.path.abspath(self._place.path)
        self._name, self._options = os.path.basename(path), {"mapped": True, **options}
        self._shipped = _Shipped(os.path.dirname(path), [self._name], context)

    def __getstate__(self):
        return {key: value for key, value in self.__dict__.items() if key != "_place"}

    def __call__(self) -> Model:
        threads = _cores()
        key = (self._shipped.name, threads, repr(sorted(self._options.items())))
        return _cached(
            key, lambda: Model(os.path.join(self._shipped.local(), self._name), threads, **self._options))


_TYPES = {"probabilities": "array<double>", "logits": "array<float>", "features": "array<float>"}
_BEST = {"prediction": "string", "prediction_index": "int", "probability": "double", "error": "string"}


def predictor(
    model: ModelLike, column: str = "content", *, outputs: Iterable[str] = (), batch: int = 64, ship: bool = True,
    **options: Any,
) -> Any:
    """A function for `DataFrame.mapInPandas` that classifies the pictures in `column`: their bytes, or paths of files that
    every machine has.

    Each row keeps its other columns and gets `prediction`, `prediction_index` and `probability` of the best class and
    `error`, a sentence where the picture cannot be read, whose other values are then null; `outputs` adds `probabilities`,
    `logits` or `features`. The function's `schema(df)` is the schema of the result. `options` are those of `fixresc.load`
    but the threads, which are the task's cores. The model's bytes go to the executors by a broadcast; with `ship=False` its
    path is one that every machine has.
    """
    outputs = list(outputs)
    for name in outputs:
        if name not in _TYPES:
            raise ValueError(f"outputs: expected some of {', '.join(_TYPES)}, found {name}")
    served, added = _Served(model, ship, options), {**_BEST, **{name: _TYPES[name] for name in outputs}}

    def predict(frames):
        model = served()
        for frame in frames:
            pictures = list(frame[column])
            frame = frame.drop(columns=[column])
            for name, values in _predictions(model, pictures, outputs, batch).items():
                frame[name] = values
            yield frame

    def schema(frame):
        fields = [field for field in frame.schema if field.name != column]
        for field in fields:
            if field.name in added:
                raise ValueError(f"column {field.name}: expected another name, as that is one of the predictions'")
        texts = [f"{_quoted(field.name)} {field.dataType.simpleString()}" for field in fields]
        return ", ".join(texts + [f"{name} {kind}" for name, kind in added.items()])

    predict.schema = schema
    return predict


def _picture(value: Any) -> Any:
    """A picture for a model; what is null is a picture that cannot be read."""
    if isinstance(value, str):
        return _local(value)
    return value if isinstance(value, (bytes, bytearray)) else b""


def _predictions(model: Model, pictures: list, outputs: list[str], batch: int) -> dict[str, Any]:
    """Columns of a data frame for `pictures`."""
    import pandas as pd

    results = model([_picture(picture) for picture in pictures], batch)
    best = [
        result.top(1)[0] if result.error is None and model.class_count else None for result in results
    ]
    values: dict[str, Any] = {
        "prediction": [None if one is None else one.label for one in best],
        "prediction_index": pd.array([None if one is None else one.index for one in best], dtype="Int32"),
        "probability": pd.array([None if one is None else one.probability for one in best], dtype="Float64"),
        "error": list(results.errors),
    }
    for name in outputs:
        rows = getattr(results, name)
        values[name] = [None if error is not None else row for row, error in zip(rows, results.errors)]
    return values


def batch_predictor(model: ModelLike, output: str = "probabilities", *, ship: bool = True, **options: Any) -> Any:
    """A function for `pyspark.ml.functions.predict_batch_udf`, which calls it in each worker: from pictures' bytes to
    `probabilities`, `logits` or `features` (arrays of floats, of NaN where a picture cannot be read), or to a `struct` of
    `prediction`, `prediction_index`, `probability` and `error`. Its `return_type` is the type of what it gives; model,
    `ship` and options as `predictor` takes them.
    """
    from pyspark.sql import types

    if output not in (*_TYPES, "struct"):
        raise ValueError(f"output: expected {', '.join(_TYPES)} or struct, found {output}")
    served = _Served(model, ship, options)

    def make():
        model = served()

        def predict(pictures):
            if output != "struct":
                return getattr(model([_picture(picture) for picture in pictures]), output).astype(np.float32)
            found = _predictions(model, list(pictures), [], 64)
            return {name: _objects(values) for name, values in found.items()}

        return predict

    if output == "struct":
        make.return_type = types.StructType([
            types.StructField("prediction", types.StringType()), types.StructField("prediction_index", types.IntegerType()),
            types.StructField("probability", types.DoubleType()), types.StructField("error", types.StringType()),
        ])
    else:
        make.return_type = types.ArrayType(types.FloatType())
    return make


def _objects(values: Any) -> np.ndarray:
    """A column of Python's own values, None where one is missing."""
    import pandas as pd

    column = np.empty(len(values), object)
    for row, value in enumerate(values):
        column[row] = None if value is None or value is pd.NA else value
    return column


def features(
    data: Any, model: ModelLike, *, path: str = "path", content: str | None = "content", ship: bool = True,
    spark: Any = None, **options: Any,
) -> Any:
    """A DataFrame of the pooled features of pictures, `features` array<float>, with `error` where one cannot be read; it
    stays in the cluster. `data` is a DataFrame with bytes (`content`; None: the files at `path`), whose other columns are
    kept, or a path of pictures that every machine has.
    """
    spark = _session(data, spark)
    if not hasattr(data, "sparkSession"):
        data, path, content = _listed(os.path.abspath(os.fspath(data)), spark), "path", None
    if content is None:
        data, content = data.withColumn("_file", _text(path, "_file")), "_file"
    predict = predictor(model, content, outputs=["features"], ship=ship, **options)
    return data.mapInPandas(predict, predict.schema(data)).drop("prediction", "prediction_index", "probability")


def _listed(folder: str, spark: Any) -> Any:
    """The pictures below a folder as rows `path`."""
    endings = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
    found = [
        os.path.join(place, name)
        for place, _, names in os.walk(folder, followlinks=True) for name in names if name.lower().endswith(endings)
    ]
    found.sort()
    cores = max(spark.sparkContext.defaultParallelism, 1)
    parts = max(1, min(len(found) // _LEAST_PART, cores * _PARTS_PER_CORE))
    return spark.createDataFrame(spark.sparkContext.parallelize([(name,) for name in found], parts), "path string")
