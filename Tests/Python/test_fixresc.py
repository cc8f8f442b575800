"""Tests of the Python module over a library that is built:

    FIXRESC_LIBRARY=build/lib/libfixresc.so.0 PYTHONPATH=Python python3 -m unittest discover Tests/Python

FIXRESC names the command line whose bits are expected (default: .build/release/fixresc). Needs numpy; what needs PIL or
torch is skipped where they are not installed.
"""

import importlib.util
import json
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

import numpy as np

import fixresc

ROOT = Path(__file__).resolve().parent.parent.parent
MODEL = str(ROOT / "Models/resnet18w32-imagenette-r112.bin")
PICTURE = str(ROOT / "Models/sample/golf-ball.jpg")
FIXTURES = ROOT / "Tests/Fixtures/imaging"
TOOL = os.environ.get("FIXRESC", str(ROOT / ".build/release/fixresc"))


def needs(module):
    return unittest.skipUnless(importlib.util.find_spec(module), f"{module} is not installed")


def logits_in_a_child(model, queue):
    queue.put(model(PICTURE).logits)


class ModelTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = fixresc.load(MODEL)
        cls.folder = tempfile.TemporaryDirectory()
        path = Path(cls.folder.name) / "logits.npy"
        subprocess.run([TOOL, "run", MODEL, PICTURE, "--save-logits", path, "-q"], check=True, stdout=subprocess.DEVNULL)
        cls.expected = np.load(path)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_logits_are_the_command_lines_bits(self):
        data = Path(PICTURE).read_bytes()
        inputs = [PICTURE, Path(PICTURE), data, bytearray(data), self.model.preprocess(PICTURE)]
        results = self.model(inputs)
        self.assertEqual(results.errors, [None] * len(inputs))
        for row in results.logits:
            np.testing.assert_array_equal(row, self.expected[0])
        np.testing.assert_array_equal(self.model(PICTURE).logits, self.expected)

    def test_probabilities_are_the_command_lines(self):
        said = subprocess.run([TOOL, "run", MODEL, PICTURE, "--json"], check=True, capture_output=True)
        classes = json.loads(said.stdout)["results"][0]["classes"]
        for best, expected in zip(self.model(PICTURE)[0].top(5), classes, strict=True):
            self.assertEqual((best.index, best.label), (expected["index"], expected["label"]))
            self.assertAlmostEqual(best.probability, expected["probability"], places=14)

    @needs("PIL")
    def test_pil_images_and_arrays_are_the_file(self):
        from PIL import Image

        image = Image.open(PICTURE)
        array = np.asarray(image.convert("RGB"))
        wide = np.full((array.shape[0], array.shape[1] + 7, 3), 9, np.uint8)
        wide[:, : array.shape[1]] = array
        rgba = np.dstack([array, np.full(array.shape[:2], 77, np.uint8)])
        inputs = [image, array, wide[:, : array.shape[1]], array[:, ::-1][:, ::-1], rgba, np.asfortranarray(array)]
        for row in self.model(inputs).logits:
            np.testing.assert_array_equal(row, self.expected[0])
        np.testing.assert_array_equal(self.model(np.stack([array, array])).logits, self.expected[[0, 0]])
        np.testing.assert_array_equal(self.model.preprocess(image), self.model.preprocess(PICTURE))
        np.testing.assert_array_equal(self.model.pixels(array), self.model.pixels(PICTURE))

    def test_a_picture_that_fails_is_a_row_with_an_error(self):
        results = self.model([PICTURE, "/absent.jpg", b"no picture", PICTURE])
        self.assertEqual(results.errors[1], "/absent.jpg: no such file or folder")
        self.assertIn("expected a JPEG", results.errors[2])
        self.assertTrue(np.isnan(results.logits[1:3]).all() and np.isnan(results.features[1:3]).all())
        np.testing.assert_array_equal(results.logits[[0, 3]], self.expected[[0, 0]])
        with self.assertRaises(fixresc.PictureError):
            results[1].top(1)

    def test_numbers_that_are_not_finite_are_an_error(self):
        wrong = np.full(self.model.input_shape, np.nan, np.float32)
        results = self.model([PICTURE, wrong, PICTURE])
        self.assertEqual([error is None for error in results.errors], [True, False, True])
        with self.assertRaises(fixresc.PictureError):
            results[1].top(1)

    def test_tensors_run_without_a_copy(self):
        x = np.random.default_rng(1).standard_normal((5, *self.model.input_shape), np.float32)
        out = np.empty((5, self.model.class_count), np.float32)
        self.assertIs(self.model.run(x, out), out)
        for row in range(5):
            np.testing.assert_array_equal(self.model.run(x[row : row + 1])[0], out[row])
        logits, features = self.model.run_features(x)
        np.testing.assert_array_equal(logits, out)
        self.assertEqual(features.shape, (5, self.model.feature_count))
        self.assertEqual(self.model.run(x[:0]).shape, (0, self.model.class_count))
        for wrong in (x[0], x[:, :, 1:], np.zeros((1, 3), np.float32)):
            with self.assertRaises(ValueError):
                self.model.run(wrong)
        with self.assertRaises(ValueError):
            self.model.run(x, out[:4])

    def test_models_pickle_and_open_from_bytes(self):
        for model in (self.model, fixresc.load(Path(MODEL).read_bytes(), threads=1, exact=False)):
            copy = pickle.loads(pickle.dumps(model))
            np.testing.assert_array_equal(copy(PICTURE).logits, self.expected)
            self.assertEqual((copy.threads, copy.labels), (model.threads, model.labels))

    def test_works_after_fork_and_in_spawned_processes(self):
        for method in ("fork", "spawn"):
            context = multiprocessing.get_context(method)
            queue = context.Queue()
            child = context.Process(target=logits_in_a_child, args=(self.model, queue))
            child.start()
            np.testing.assert_array_equal(queue.get(timeout=60), self.expected)
            child.join(60)
            self.assertEqual(child.exitcode, 0)

    def test_threads_share_a_model(self):
        found = []

        def work():
            for _ in range(5):
                found.append(self.model(PICTURE).logits)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(found), 40)
        for logits in found:
            np.testing.assert_array_equal(logits, self.expected)

    def test_wrong_files_are_errors_with_the_command_lines_sentence(self):
        with self.assertRaisesRegex(fixresc.FileError, "^/absent.bin: no such file or folder$"):
            fixresc.load("/absent.bin")
        with self.assertRaises(fixresc.Error):
            fixresc.load(PICTURE)
        with self.assertRaises(fixresc.Error):
            fixresc.load(b"not a model")

    def test_closed_models_are_errors(self):
        with fixresc.load(MODEL) as model:
            model(PICTURE)
        with self.assertRaises(ValueError):
            model(PICTURE)

    def test_notebooks_show_results(self):
        self.assertIn("golf ball", self.model(PICTURE)._repr_html_())
        self.assertIn("golf ball", self.model(PICTURE)[0]._repr_html_())


class CommandTests(unittest.TestCase):
    def test_adapt_gives_the_command_lines_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            expected, saved = Path(folder) / "expected.bin", Path(folder) / "saved.bin"
            subprocess.run([TOOL, "adapt", MODEL, "--to", "160", "-o", expected, "-q"], check=True, stdout=subprocess.DEVNULL)
            adapted = fixresc.adapt(fixresc.load(MODEL), to=160)
            adapted.save(saved)
            self.assertEqual(saved.read_bytes(), expected.read_bytes())
            self.assertLess(adapted.report.proof["max_abs_difference"], 1e-4)
            self.assertEqual(adapted.load().resolution, (160, 160))
            self.assertEqual(fixresc.adapt(MODEL, to=(96, 128)).load().resolution, (96, 128))

    def test_state_dicts_are_written_whole(self):
        arrays = tensors()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "again.safetensors"
            from fixresc import _checkpoints

            _checkpoints.write(arrays, path)
            again = read_safetensors(path)
        self.assertEqual(list(again), list(arrays))
        for name, array in arrays.items():
            np.testing.assert_array_equal(again[name], array)

    def test_progress_comes_on_this_thread(self):
        calls = []
        with tempfile.TemporaryDirectory() as folder:
            for label in ("golf ball", "tench"):
                (Path(folder) / label).mkdir()
                for index in range(20):
                    (Path(folder) / label / f"{index}.jpg").symlink_to(PICTURE)
            report = fixresc.evaluate(
                MODEL, folder, classes="subset",
                progress=lambda label, done, total: calls.append((threading.get_ident(), label, done, total)))
            self.assertEqual(report.images, 40)
            self.assertEqual(report["top1"], report.to_dict()["top1"])
            self.assertEqual(report.top1, 0.5)
            self.assertTrue(calls and all(call[0] == threading.get_ident() and call[3] == 40 for call in calls))
            self.assertIn("top1", report._repr_html_())
            with self.assertRaises(KeyboardInterrupt):
                fixresc.evaluate(MODEL, folder, classes="subset", progress=interrupt)

    def test_an_interrupt_ends_a_command(self):
        # Who starts the tests in the background has them ignore it.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out"
            out.mkdir()
            for label in ("golf ball", "tench"):
                (Path(folder) / "pictures" / label).mkdir(parents=True)
                for index in range(5000):
                    (Path(folder) / "pictures" / label / f"{index}.jpg").symlink_to(PICTURE)
            main = threading.main_thread().ident
            calls = {
                "evaluate": lambda **more: fixresc.evaluate(MODEL, Path(folder) / "pictures", classes="subset", **more),
                "adapt": lambda **more: fixresc.adapt(MODEL, to=128, bn_statistics=Path(folder) / "pictures", **more),
                "finetune": lambda **more: fixresc.finetune(
                    MODEL, Path(folder) / "pictures", to=128, output=out / "tuned.bin", new_head=True, **more),
            }
            seen = []

            def watch(label, done, total):
                # The signal comes while the library works, and ends it long before all pictures are read.
                if not seen:
                    threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT)).start()
                seen.append(done)

            for name, call in calls.items():
                for progress, kind in ((watch, KeyboardInterrupt), (interrupt, KeyboardInterrupt),
                                       (lambda *_: 1 / 0, ZeroDivisionError)):
                    seen.clear()
                    with self.subTest(name=name), self.assertRaises(kind):
                        call(progress=progress)
                    self.assertTrue(all(done < 10_000 for done in seen), seen[-5:])
                    self.assertNotIn("tuned.bin", os.listdir(out))
                timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
                timer.start()
                with self.subTest(name=name), self.assertRaises(KeyboardInterrupt):
                    call()
                self.assertNotIn("tuned.bin", os.listdir(out))
            self.assertEqual(fixresc.evaluate(MODEL, Path(folder) / "pictures", classes="subset", limit=8).images, 8)

    def test_the_last_call_of_progress_ends_a_command_too(self):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "tuned.bin"
            for label in ("golf ball", "tench"):
                (Path(folder) / "pictures" / label).mkdir(parents=True)
                (Path(folder) / "pictures" / label / "a.jpg").symlink_to(PICTURE)

            def last(label, done, total):
                if label.startswith("after") and done == total:
                    raise InterruptedError

            with self.assertRaises(InterruptedError):
                fixresc.finetune(
                    MODEL, Path(folder) / "pictures", to=128, output=out, new_head=True, epochs=1, progress=last)
            self.assertFalse(out.exists())

    def test_options_may_be_numpy_values(self):
        from fixresc import _commands

        words = _commands._words({"resolutions": range(96, 129, 32), "to": np.array([128, 96]), "pack": np.bool_(True)})
        self.assertEqual(words, ["--resolutions", "96,128", "--to", "128x96", "--pack"])
        self.assertEqual(_commands._words({"pack": np.bool_(False), "epochs": np.int64(3)}), ["--epochs", "3"])

    def test_a_proof_can_be_interrupted(self):
        labels = []

        def stop(label, *_):
            labels.append(label)
            raise InterruptedError

        with self.assertRaises(InterruptedError):
            fixresc.adapt(MODEL, to=2048, progress=stop)
        self.assertTrue(len(labels) == 1 and labels[0].startswith("proof"), labels)

    def test_a_model_file_is_saved_whole_and_over_no_input(self):
        with tempfile.TemporaryDirectory() as folder:
            source, link = Path(folder) / "source.bin", Path(folder) / "link.bin"
            shutil.copyfile(MODEL, source)
            link.hardlink_to(source)
            (Path(folder) / "soft.bin").symlink_to(source)
            adapted = fixresc.adapt(source, to=128)
            for path in (source, link, Path(folder) / "soft.bin", Path(folder) / "." / "source.bin"):
                with self.assertRaises(ValueError):
                    adapted.save(path)
            self.assertEqual(source.read_bytes(), Path(MODEL).read_bytes())
            with self.assertRaises(FileNotFoundError):
                adapted.save(Path(folder) / "absent" / "out.bin")
            with self.assertRaises(IsADirectoryError):
                adapted.save(folder)
            before = sorted(os.listdir(folder))
            saved = adapted.save(Path(folder) / "out.bin")
            self.assertEqual(sorted(os.listdir(folder)), sorted([*before, "out.bin"]))
            self.assertEqual(saved.path.read_bytes(), adapted.path.read_bytes())
            again = saved.adapt(to=96)
            for path in (saved.path, source):
                with self.assertRaises(ValueError):
                    again.save(path)
            saved.save(saved.path)  # itself: nothing to do

    def test_failures_have_the_sentence_and_the_object(self):
        with self.assertRaises(fixresc.CommandFailed) as caught:
            fixresc.adapt("/absent.bin", to=160)
        self.assertEqual(str(caught.exception), "/absent.bin: no such file or folder")
        self.assertEqual(caught.exception.report["error"]["kind"], "file.not-found")
        with self.assertRaises(fixresc.CommandFailed):
            fixresc.command("adapt", "--wrong")


def interrupt(*_):
    raise KeyboardInterrupt


def tensors():
    rng = np.random.default_rng(3)
    return {
        "weight": rng.standard_normal((4, 3, 2, 2)).astype(np.float32), "half": rng.standard_normal(5).astype(np.float16),
        "count": np.array(7, np.int64), "empty": np.zeros((0, 3), np.float32), "bytes": np.arange(9, dtype=np.uint8),
    }


def read_safetensors(path):
    kinds = {"F32": np.float32, "F16": np.float16, "I64": np.int64, "U8": np.uint8}
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    body = data[8 + length :]
    return {
        name: np.frombuffer(body[entry["data_offsets"][0] : entry["data_offsets"][1]], kinds[entry["dtype"]])
        .reshape(entry["shape"])
        for name, entry in header.items()
    }


if __name__ == "__main__":
    unittest.main()
