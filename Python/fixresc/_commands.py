"""What the commands do, from Python: the same code, in this process."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import html
import json
import os
import queue
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from . import _abi, _checkpoints
from ._abi import library
from ._model import Model

Progress = Callable[[str, int, int], None]
# Options whose values stand between commas.
_LISTS = {"resolutions", "average", "mean", "std", "passes", "candidates", "outputs"}


# Has the task in a folder computed, and its records appended to a file.
Compute = Callable[[str, str], None]


def command(*words: str, progress: Progress | None = None) -> dict:
    """Runs one command line (without the program's name) and returns its JSON object; `progress` gets a label, the pieces
    done and the pieces in all, on this thread.

    What `progress` raises, or KeyboardInterrupt, ends the command, which then writes no output. Raises CommandFailed, whose
    `report` is the object, where the command fails.
    """
    return _run(words, progress)


def _run(words: Iterable[str], progress: Progress | None = None, compute: Compute | None = None) -> dict:
    """As `command`; with `compute`, others compute the pictures of eval, sweep, stats and finetune, and pictures that cannot
    be read are in the report, no exception.
    """
    words = [*words, "--json"]
    encoded = (ctypes.c_char_p * len(words))(*[os.fsencode(word) for word in words])
    handle = ctypes.c_void_p()
    with tempfile.TemporaryDirectory(prefix="fixresc-") as folder:
        _call(encoded, handle, progress, compute, folder)
    exit_status, results, messages = ctypes.c_int32(), ctypes.c_char_p(), ctypes.c_char_p()
    _abi.check(library.fixresc_output_get(
        handle, ctypes.byref(exit_status), ctypes.byref(results), ctypes.byref(messages)))
    text, said = _abi.decoded(results.value), _abi.decoded(messages.value)
    library.fixresc_output_free(handle)
    report = json.loads(text) if text and text.strip() else {}
    if exit_status.value != 0 and (compute is None or "error" in report or not report):
        error = report.get("error", {})
        message = error.get("message") or said.strip()
        hint = error.get("hint")
        raise _abi.CommandFailed(f"{message}. {hint}" if hint else message, report)
    return report


def _call(
    words: ctypes.Array, handle: ctypes.c_void_p, progress: Progress | None, compute: Compute | None, folder: str
) -> None:
    """Runs `words` on a thread of its own, so that this one hears of Ctrl-C; the caller's functions are called on this one,
    and what they raise ends the command first.
    """
    calls: queue.SimpleQueue = queue.SimpleQueue()
    answers: queue.SimpleQueue = queue.SimpleQueue()
    stopped = False

    def ask(call: Callable, *arguments) -> int:
        # The command stands still meanwhile, so that nothing is written once a call has raised.
        if stopped:
            return 1
        calls.put(functools.partial(call, *arguments))
        return answers.get()

    def tell(_context, label, done, total):
        return int(stopped) if progress is None else ask(progress, _abi.decoded(label), done, total)

    def delegate(_context, task, results):
        return ask(compute, os.fsdecode(task), os.fsdecode(results))

    def work():
        try:
            given = {"progress": _abi.PROGRESS(tell)}
            if compute is not None:
                given.update(compute=_abi.COMPUTE(delegate), tasks=os.fsencode(folder))
            callbacks = _abi.structure(_abi.Callbacks, **given)
            status = library.fixresc_command(words, len(words), ctypes.byref(callbacks), ctypes.byref(handle))
            # The sentence of a failure belongs to this thread.
            calls.put(None if handle else _abi.failure(status, _abi.decoded(library.fixresc_last_error())))
        except BaseException as error:  # noqa: BLE001
            calls.put(error)

    thread = threading.Thread(target=work, name="fixresc")
    thread.start()
    try:
        while callable(call := calls.get()):
            call()
            answers.put(0)
    except BaseException:
        stopped = True
        answers.put(1)
        while thread.is_alive():
            with contextlib.suppress(KeyboardInterrupt):
                thread.join()
        if handle:
            library.fixresc_output_free(handle)
        raise
    thread.join()
    if call is not None:
        raise call


class Report(Mapping):
    """The JSON object of a command, its members as keys and attributes; a page in a notebook."""

    def __init__(self, values: dict, page: str | None = None):
        self._values, self._page = values, page

    def to_dict(self) -> dict:
        """The object as Python's own types."""
        return self._values

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self):
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(name) from None

    def __reduce__(self):
        return (type(self), (self._values, self._page))

    def __repr__(self) -> str:
        shown = {k: v for k, v in self._values.items() if not isinstance(v, (list, dict))}
        return f"<fixresc.Report {shown}>"

    def _repr_html_(self) -> str:
        if self._page is not None:
            return f'<iframe srcdoc="{html.escape(self._page)}" style="width:100%;height:640px;border:0"></iframe>'
        rows = "".join(
            f"<tr><th>{html.escape(str(key))}</th><td>{html.escape(_shown(value))}</td></tr>"
            for key, value in self._values.items())
        return f"<table>{rows}</table>"


def _shown(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, (list, dict)) else str(value)
    return text if len(text) <= 300 else text[:297] + "..."


class Artifact:
    """A model file that a command has written, in a temporary folder until it is saved."""

    def __init__(
        self, path: Path, folder: tempfile.TemporaryDirectory | None, report: Report, inputs: tuple[str, ...] = ()
    ):
        #: Where the file lies; it goes with this object unless it was saved.
        self.path = path
        self._folder = folder
        #: What the command has said: facts, assumptions, passes, proof.
        self.report = report
        # The files that it was made of, which it does not replace.
        self._inputs = inputs

    def save(self, path: str | os.PathLike) -> Artifact:
        """Writes the model file to `path`, whole or not at all.

        Raises ValueError where that is a file that the model was made of, OSError where it cannot be written.
        """
        for one in self._inputs:
            if _is_same(one, path):
                raise ValueError(
                    f"expected a file of its own, found {os.fspath(path)!r}, which is the input {one!r} and would be replaced")
        if not _is_same(self.path, path):
            _copy(self.path, path)
        return Artifact(Path(path), None, self.report, self._inputs)

    def load(self, threads: int | None = None, **options: Any) -> Model:
        """Opens the model."""
        return Model(self.path.read_bytes() if self._folder else str(self.path), threads, **options)

    def adapt(self, to: int | tuple[int, int] | None = None, **options: Any) -> Artifact:
        """Adapts the model; see `fixresc.adapt`."""
        return adapt(self, to=to, **options)

    def __repr__(self) -> str:
        return f"<fixresc.Artifact {self.path}>"

    def _repr_html_(self) -> str:
        return self.report._repr_html_()


def _is_same(one: str | os.PathLike, other: str | os.PathLike) -> bool:
    """Whether both paths lead to one file, by whatever links."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _copy(source: str | os.PathLike, path: str | os.PathLike) -> None:
    """Copies a file as the commands write theirs: beside the target, to the disk, then renamed over it."""
    target = os.path.realpath(path)
    if os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    try:
        mode = os.stat(target).st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        mode = 0o666 & ~mask
    descriptor, part = tempfile.mkstemp(prefix=".fixresc-", dir=os.path.dirname(target))
    try:
        with open(descriptor, "wb") as writer, open(source, "rb") as reader:
            shutil.copyfileobj(reader, writer, 1 << 20)
            os.fchmod(writer.fileno(), mode)
            writer.flush()
            os.fsync(writer.fileno())
        os.replace(part, target)
    except BaseException:
        os.unlink(part)
        raise


ModelLike = Any  # a Model, an Artifact, a path, a state_dict or a torch module


class _Place:
    """The path of what a caller names as a model, kept as long as this lives."""

    def __init__(self, model: ModelLike, reference: Any = None):
        self.references: list[str] = []
        self.inputs: tuple[str, ...] = ()
        self._folder: tempfile.TemporaryDirectory | None = None
        self._model = model
        if isinstance(model, Artifact):
            self.path = str(model.path)
            self.inputs = model._inputs
        elif isinstance(model, Model):
            self.path = model.path or self._write(lambda path: path.write_bytes(model._source), "model.bin")
        elif isinstance(model, (str, os.PathLike)):
            self.path = os.fspath(model)
        else:
            state = model.state_dict() if hasattr(model, "state_dict") else model
            self.path = self._write(lambda path: _checkpoints.write(state, path), "weights.safetensors")
        if reference is not None:
            for index, (inputs, outputs) in enumerate(_checkpoints.references(reference)):
                pair = [
                    self._write(lambda path, a=array: _checkpoints.save_array(a, path), f"{name}{index}.npy")
                    for name, array in (("input", inputs), ("output", outputs))
                ]
                self.references.append(":".join(pair))

    def _write(self, write: Callable[[Path], Any], name: str) -> str:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="fixresc-")
        path = Path(self._folder.name) / name
        write(path)
        return str(path)

    def inputs_with(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """The files that a model made of this and of `options` comes from."""
        values = [value for one in options.values() for value in (one if isinstance(one, (list, tuple)) else [one])]
        paths = [os.fspath(value) for value in values if isinstance(value, (str, os.PathLike))]
        named = [self.path] if self._folder is None else []
        return tuple(os.path.abspath(path) for path in [*self.inputs, *named, *paths] if os.path.isfile(path))


def _words(options: Mapping[str, Any]) -> list[str]:
    """Keyword arguments as options of the command line: `learning_rate=0.1` is `--learning-rate 0.1`."""
    words: list[str] = []
    for name, value in options.items():
        option = "--" + name.rstrip("_").replace("_", "-")
        if isinstance(value, np.bool_):
            value = bool(value)
        elif isinstance(value, (range, np.ndarray)):
            value = list(value)
        if value is None or value is False:
            continue
        if value is True:
            words.append(option)
        elif isinstance(value, (list, tuple)) and name in _LISTS:
            words += [option, ",".join(map(str, value))]
        elif isinstance(value, (list, tuple)) and name == "to":
            words += [option, "x".join(map(str, value))]
        elif isinstance(value, (list, tuple)):
            for one in value:
                words += [option, os.fspath(one) if isinstance(one, os.PathLike) else str(one)]
        else:
            words += [option, os.fspath(value) if isinstance(value, os.PathLike) else str(value)]
    return words


def _written(
    words: list[str], name: str, progress: Progress | None, inputs: tuple[str, ...], compute: Compute | None = None
) -> Artifact:
    folder = tempfile.TemporaryDirectory(prefix="fixresc-")
    path = Path(folder.name) / name
    report = _run([*words, "-o", str(path)], progress, compute)
    return Artifact(path, folder, Report(report), inputs)


def import_model(
    source: ModelLike, *, reference: Any = None, progress: Progress | None = None, **options: Any
) -> Artifact:
    """Reads a checkpoint into a model file: a path (PyTorch, safetensors, ONNX), a `state_dict` or a torch module.

    `reference` is a pair of arrays (inputs `[N, C, H, W]`, outputs) of your own program, or a list of pairs, which prove
    the import; for a module `reference=True`, the default, runs the module itself on noise. Options are those of
    `fixresc import`: `arch`, `labels`, `bn_eps`, `train_resolution`, `mean`, `std` and so on.
    """
    is_module = hasattr(source, "state_dict") and hasattr(source, "eval")
    if is_module and reference in (None, True):
        size = options.get("train_resolution") or 224
        reference = _checkpoints.reference_of(source, size if isinstance(size, int) else size[0])
    elif reference is False or reference is True:
        reference = None
    place = _Place(source, reference)
    words = ["import", place.path, *_words({**options, "reference": place.references or None})]
    return _written(words, "model.bin", progress, place.inputs_with(options))


def adapt(
    model: ModelLike, *, to: int | tuple[int, int] | None = None, progress: Progress | None = None, **options: Any
) -> Artifact:
    """Adapts a model to a test resolution (`to`, or `(height, width)`), folds and fuses it, and proves the result equal.

    Options are those of `fixresc adapt`: `bn_statistics`, `equalize`, `test_pool`, `tune`, `pack` and so on.
    """
    place = _Place(model)
    words = ["adapt", place.path, *_words({"to": to, **options})]
    return _written(words, "adapted.bin", progress, place.inputs_with(options))


def _measured(
    name: str, model: ModelLike, folder: Any, page: str | None, progress: Progress | None, options: dict,
    compute: Compute | None = None,
) -> Report:
    place = _Place(model)
    words = [name, place.path, os.fspath(folder), *_words(options)]
    if page is None:
        return Report(_run(words, progress, compute))
    with tempfile.TemporaryDirectory(prefix="fixresc-") as temporary:
        path = Path(temporary) / "report.html"
        report = _run([*words, page, str(path)], progress, compute)
        return Report(report, path.read_text(encoding="utf-8"))


def evaluate(model: ModelLike, folder: str | os.PathLike, *, progress: Progress | None = None, **options: Any) -> Report:
    """Top-1, top-5 and loss over class folders `DIR/<class>/<picture>`: `top1`, `top5`, `loss`, `images`."""
    return _measured("eval", model, folder, None, progress, options)


def sweep(
    model: ModelLike, folder: str | os.PathLike, resolutions: Any, *, progress: Progress | None = None, **options: Any
) -> Report:
    """Accuracy, loss and latency at several resolutions: `rows`, `recommended`."""
    return _measured("sweep", model, folder, "-o", progress, {"resolutions": resolutions, **options})


def stats(
    model: ModelLike, folder: str | os.PathLike, resolutions: Any, *, progress: Progress | None = None, **options: Any
) -> Report:
    """Statistics of the pooled activations at several resolutions: `rows`."""
    return _measured("stats", model, folder, "-o", progress, {"resolutions": resolutions, **options})


def finetune(
    model: ModelLike, folder: str | os.PathLike, to: int | tuple[int, int], *, output: str | os.PathLike | None = None,
    progress: Progress | None = None, **options: Any,
) -> Artifact:
    """Fine-tunes the classifier and the last batch norm at a test resolution on class folders.

    `output` is where the model goes (and, beside it, the state that `resume=True` takes up); without it the model is in a
    temporary folder until it is saved. Options are those of `fixresc finetune`: `validate`, `mode`, `epochs` and so on.
    """
    return _finetuned(model, folder, {"to": to, **options}, output, progress)


def _finetuned(
    model: ModelLike, folder: str | os.PathLike, options: dict, output: str | os.PathLike | None,
    progress: Progress | None, compute: Compute | None = None,
) -> Artifact:
    place = _Place(model)
    with tempfile.TemporaryDirectory(prefix="fixresc-") as temporary:
        page = Path(temporary) / "report.html"
        words = ["finetune", place.path, os.fspath(folder), *_words(options), "--report", str(page)]
        if output is None:
            made = _written(words, "tuned.bin", progress, place.inputs_with(options), compute)
        else:
            report = _run([*words, "-o", os.fspath(output)], progress, compute)
            made = Artifact(Path(output), None, Report(report), place.inputs_with(options))
        text = page.read_text(encoding="utf-8") if page.exists() else None
        return Artifact(made.path, made._folder, Report(made.report.to_dict(), text), made._inputs)


def inspect(model: ModelLike) -> Report:
    """What is in a model: layers, shapes, parameters, multiply-adds, metadata, facts, history."""
    return Report(command("inspect", _Place(model).path))


def compare(a: ModelLike, b: ModelLike, *, progress: Progress | None = None, **options: Any) -> Report:
    """Runs two models and gives the greatest difference layer by layer."""
    first, second = _Place(a), _Place(b)
    return Report(command("compare", first.path, second.path, *_words(options), progress=progress))


def analyze(model: ModelLike | None = None, **options: Any) -> Report:
    """Region of classification, apparent object size and recommended resolution, from the formula or from `images`."""
    words = [] if model is None else [_Place(model).path]
    return Report(command("analyze", *words, *_words(options)))


def export(model: ModelLike, path: str | os.PathLike, format: str) -> Report:
    """Writes a model as `onnx` or `safetensors`."""
    return Report(command("export", _Place(model).path, "--format", format, "-o", os.fspath(path)))


def doctor() -> Report:
    """The CPU's instruction sets, the one used and why, threads and why, whether executable memory is granted."""
    return Report(command("doctor"))
