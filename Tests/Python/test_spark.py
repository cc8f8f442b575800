"""Tests of fixresc.spark on a cluster of this machine, two workers of one core. Run as test_fixresc.py; skipped where
pyspark, pandas, pyarrow (requirements-spark.txt) or Java are not to be had.
"""

import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import time
import unittest
import urllib.parse
import warnings
from pathlib import Path

import numpy as np

import fixresc
import fixresc.spark

ROOT = Path(__file__).resolve().parent.parent.parent
MODEL = str(ROOT / "Models/resnet18w32-imagenette-r112.bin")
SAMPLE = ROOT / "Models/sample/golf-ball.jpg"

spark = folder = train = val = None


def missing():
    """What is not to be had; None where everything is."""
    for module in ("pyspark", "pandas", "pyarrow"):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed"
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        return "there is no Java"
    return None


def picture(rng):
    """A PPM of 90 to 150 pixels a side with a few broad waves."""
    height, width = rng.integers(90, 150, 2)
    y, x = np.mgrid[:height, :width] / 32
    waves = [np.sin(x * a + y * b + c) for a, b, c in rng.normal(0, 1, (3, 3))]
    pixels = np.clip(127 + 90 * np.dstack(waves) + rng.normal(0, 12, (height, width, 3)), 0, 255).astype(np.uint8)
    return b"P6 %d %d 255\n" % (width, height) + pixels.tobytes()


def make(path, classes, count, seed):
    rng = np.random.default_rng(seed)
    for name in classes:
        place = path / name / "some"
        place.mkdir(parents=True)
        for index in range(count):
            (place / f"{index:03}.ppm").write_bytes(picture(rng))
        shutil.copy(SAMPLE, path / name / "a photo.jpg")
    return str(path)


def setUpModule():
    global spark, folder, train, val
    reason = missing()
    if reason is not None:
        raise unittest.SkipTest(reason)
    # pyspark leaves its sockets to the collector.
    warnings.filterwarnings("ignore", category=ResourceWarning)
    import pyspark
    from pyspark import cloudpickle
    from pyspark.sql import SparkSession

    # The executors cannot import this module: its functions travel whole.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    os.environ.setdefault("SPARK_HOME", str(Path(pyspark.__file__).parent))
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.ui.showConsoleProgress", "false").config("spark.sql.shuffle.partitions", "2")
    builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    builder = builder.config("spark.executorEnv.PYTHONPATH", str(Path(fixresc.__file__).resolve().parent.parent))
    if "FIXRESC_LIBRARY" in os.environ:
        library = str(Path(os.environ["FIXRESC_LIBRARY"]).resolve())
        builder = builder.config("spark.executorEnv.FIXRESC_LIBRARY", library)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    folder = tempfile.TemporaryDirectory()
    classes = fixresc.load(MODEL, threads=1).labels[2:5]
    train = make(Path(folder.name) / "train", classes, 30, 1)
    val = make(Path(folder.name) / "val", classes, 12, 2)
    Path(val, classes[0], "broken.jpg").write_bytes(SAMPLE.read_bytes()[:20000])
    Path(val, classes[1], "text.png").write_bytes(b"no picture")


def tearDownModule():
    if spark is not None:
        spark.stop()
        folder.cleanup()


def expected(function, *arguments, **options):
    """The report of a command some of whose pictures cannot be read."""
    try:
        return function(*arguments, **options).to_dict()
    except fixresc.CommandFailed as failed:
        return failed.report


def untimed(report):
    """A report without what depends on the clock, and without what names the folder."""
    dropped = ("images_per_second", "ms", "milliseconds", "seconds", "latency", "source", "folder", "warnings")
    if isinstance(report, dict):
        return {key: untimed(value) for key, value in report.items() if not any(one in key for one in dropped)}
    return [untimed(value) for value in report] if isinstance(report, list) else report


def frame(path):
    """The pictures of a folder as Spark reads binary files."""
    return spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(path)


def parquet(path, name):
    """The pictures of a folder as a Parquet file with names, classes and bytes, in another order, of three parts."""
    rows = [
        (str(file), file.relative_to(path).parts[0], bytearray(file.read_bytes()))
        for file in sorted(Path(path).rglob("*.*"), key=lambda file: file.name)
    ]
    target = str(Path(folder.name) / name)
    spark.createDataFrame(rows, "path string, label string, content binary").repartition(3).write.parquet(target)
    return spark.read.parquet(target)


def quoted_address(column):
    """A column of paths as URIs, which `input_file_name` gives."""
    from pyspark.sql import functions

    return functions.udf(lambda path: "file://" + urllib.parse.quote(path), "string")(column)


class Killer:
    """Kills a process in the middle of a task, once: the Python worker (`worker`) or the executor (`executor`)."""

    def __init__(self, name, what):
        self.marker, self.what = str(Path(folder.name) / f"killed-{name}-{what}"), what

    def __call__(self):
        try:
            os.close(os.open(self.marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        victim = os.getpid()
        if self.what == "executor":
            # The parent of the daemon that forked this process.
            victim = int(Path(f"/proc/{os.getppid()}/stat").read_text().rsplit(")", 1)[1].split()[1])
        os.kill(victim, signal.SIGKILL)
        # What an executor leaves behind must not go on.
        time.sleep(60)


def killing_files(killer):
    def files(shipped, variants, part):
        first, paths, labels = part
        half = len(paths) // 2
        fixresc.spark._files(shipped, variants, (first, paths[:half], labels[: 4 * half]))
        killer()
        return fixresc.spark._files(shipped, variants, part)

    return files


def killing_rows(killer):
    def rows(shipped, variants, places, batches):
        for records in fixresc.spark._rows(shipped, variants, places, batches):
            yield records
            killer()

    return rows


class Elsewhere(fixresc.spark._Shipped):
    """Files of a driver whose folders no executor sees."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.folder = "/nowhere"


class Replaced:
    """Puts a function in the place of one of fixresc.spark's."""

    def __init__(self, name, function):
        self.name, self.function = name, function

    def __enter__(self):
        self.old = getattr(fixresc.spark, self.name)
        setattr(fixresc.spark, self.name, self.function)

    def __exit__(self, *_):
        setattr(fixresc.spark, self.name, self.old)


class EvaluationTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.report = untimed(expected(fixresc.evaluate, MODEL, val))

    def assertSame(self, report, other=None):
        other = other or self.report
        found = untimed(report.to_dict())
        for one in (found, other):
            for failure in one.get("failures", []):
                failure["input"] = failure["input"].replace("file:", "")
        self.assertEqual(found, other)

    def test_folders_give_the_command_s_digits(self):
        self.assertEqual((self.report["images"], self.report["failed"]), (39, 2))
        self.assertSame(fixresc.spark.evaluate(val, MODEL, spark=spark))
        model = fixresc.load(MODEL, threads=1)
        subset = untimed(expected(fixresc.evaluate, MODEL, val, classes="subset", resolution=128))
        self.assertSame(fixresc.spark.evaluate(val, model, spark=spark, classes="subset", resolution=128), subset)

    def test_binary_files_give_the_command_s_digits(self):
        rows = spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch")
        report = fixresc.spark.evaluate(frame(val), MODEL)
        # The command names the file of what it reads, which bytes do not have.
        for values in (report.to_dict(), self.report):
            self.assertEqual(len(values["failures"]), 2)
        self.assertEqual([report[key] for key in ("top1", "top5", "loss", "images", "failed")],
                         [self.report[key] for key in ("top1", "top5", "loss", "images", "failed")])
        self.assertEqual(spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch"), rows)
        self.assertSame(fixresc.spark.evaluate(frame(val), MODEL, content=None))

    def test_paths_are_taken_as_they_are(self):
        # Each name is another one's if it is read as a URI.
        names = ["b 1", "b%201", "c", "c#1", "d", "d?x", "e;v", "f+\u00e9", "g%zz"]
        pictures = sorted(Path(val).rglob("*.ppm"))[: len(names)]
        with tempfile.TemporaryDirectory() as place:
            target = Path(place, pictures[0].relative_to(val).parts[0])
            target.mkdir()
            for name, picture in zip(names, pictures, strict=True):
                (target / f"{name}.ppm").write_bytes(picture.read_bytes())
            model = fixresc.load(MODEL, threads=1)
            literal = frame(place).selectExpr("path", "substring(path, 6) AS name")
            predict = fixresc.spark.predictor(MODEL, "path", outputs=["logits"])
            for rows in (literal, literal.withColumn("path", quoted_address("name"))):
                found = rows.mapInPandas(predict, predict.schema(rows)).collect()
                self.assertEqual(sorted(Path(row["name"]).stem for row in found), sorted(names))
                for row in found:
                    self.assertIsNone(row["error"])
                    np.testing.assert_array_equal(np.float32(row["logits"]), model(row["name"])[0].logits)
            report = fixresc.spark.evaluate(literal, MODEL, content=None, root=place, classes="subset")
            self.assertSame(report, untimed(fixresc.evaluate(MODEL, place, classes="subset").to_dict()))

    def test_tables_give_the_command_s_digits(self):
        table = parquet(val, "val.parquet")
        self.assertSame(fixresc.spark.evaluate(table, MODEL))
        self.assertSame(fixresc.spark.evaluate(table.drop("label"), MODEL, root=val))
        limited = untimed(expected(fixresc.evaluate, MODEL, val, limit=11))
        self.assertSame(fixresc.spark.evaluate(table, MODEL, limit=11), limited)

    def test_killed_workers_and_executors_change_nothing(self):
        for what in ("worker", "executor"):
            killer = Killer("evaluate-files", what)
            with Replaced("_files", killing_files(killer)):
                self.assertSame(fixresc.spark.evaluate(val, MODEL, spark=spark))
            self.assertTrue(os.path.exists(killer.marker))
        killer = Killer("evaluate-rows", "executor")
        with Replaced("_rows", killing_rows(killer)):
            self.assertSame(fixresc.spark.evaluate(parquet(val, "killed.parquet"), MODEL))
        self.assertTrue(os.path.exists(killer.marker))

    def test_models_come_by_broadcast(self):
        table = parquet(val, "sent.parquet")
        with Replaced("_Shipped", Elsewhere):
            self.assertSame(fixresc.spark.evaluate(val, MODEL, spark=spark))
            self.assertSame(fixresc.spark.evaluate(table, MODEL))
            predict = fixresc.spark.predictor(MODEL)
            rows = table.mapInPandas(predict, predict.schema(table)).collect()
            self.assertEqual(sum(row["error"] is None for row in rows), 39)

    def test_names_and_classes_of_any_kind(self):
        from pyspark.sql import functions as F

        table = parquet(val, "kinds.parquet")
        # Numbers in the order of the paths, one of them below a name that SQL would not take.
        ordered = table.toPandas().sort_values("path")
        numbers = F.create_map(*[F.lit(v) for i, p in enumerate(ordered["path"]) for v in (p, 100 + i)])
        numbered = table.select(numbers[F.col("path")].alias("we`ird.id"), "label", "content")
        report = fixresc.spark.evaluate(numbered, MODEL, path="we`ird.id")
        self.assertEqual([report[key] for key in ("top1", "images", "failed")],
                         [self.report[key] for key in ("top1", "images", "failed")])
        predict = fixresc.spark.predictor(MODEL)
        # Spark itself takes no backticks and dots here.
        plain = numbered.withColumnRenamed("we`ird.id", "an id")
        self.assertEqual(plain.mapInPandas(predict, predict.schema(plain)).count(), 41)
        self.assertIn("`we``ird.id` int", predict.schema(numbered))
        for name, null in (("label", "label"), ("path", "path")):
            broken = table.withColumn(null, F.when(F.col("path").endswith("003.ppm"), None).otherwise(F.col(null)))
            with self.assertRaisesRegex(ValueError, f"column {name}: .* found null"):
                fixresc.spark.evaluate(broken, MODEL)
        flat = table.select(F.regexp_replace("path", "/", "_").alias("path"), "content")
        options = {"resolutions": [112], "allow_failures": True}
        self.assertEqual(fixresc.spark.stats(flat, MODEL, **options)["rows"][0]["images"], 39)
        with self.assertRaisesRegex(ValueError, "expected class folders"):
            fixresc.spark.evaluate(flat, MODEL)

    def test_sweep_and_stats_are_the_command_s(self):
        options = {"resolutions": [96, 128], "allow_failures": True}
        for name in ("sweep", "stats"):
            alone = untimed(getattr(fixresc, name)(MODEL, val, **options).to_dict())
            for data in (val, parquet(val, f"{name}.parquet")):
                found = untimed(getattr(fixresc.spark, name)(data, MODEL, spark=spark, **options).to_dict())
                for row, other in zip(found["rows"], alone["rows"], strict=True):
                    self.assertEqual({k: v for k, v in row.items() if "recommend" not in k and "noisy" not in k},
                                     {k: v for k, v in other.items() if "recommend" not in k and "noisy" not in k})

    def test_what_is_wrong_is_an_error(self):
        table = parquet(val, "wrong.parquet")
        with self.assertRaisesRegex(ValueError, "a name of its own"):
            fixresc.spark.evaluate(table.union(table), MODEL)
        with self.assertRaisesRegex(ValueError, "expected a column bytes"):
            fixresc.spark.evaluate(table, MODEL, content="bytes")
        with self.assertRaisesRegex(fixresc.CommandFailed, "--cache"):
            fixresc.spark.evaluate(val, MODEL, spark=spark, cache=folder.name)
        def stop(*_):
            raise InterruptedError("enough")

        with self.assertRaisesRegex(InterruptedError, "enough"):
            fixresc.spark.evaluate(val, MODEL, spark=spark, progress=stop)
        with self.assertRaisesRegex(fixresc.CommandFailed, "no such file"):
            fixresc.spark.evaluate(val, "/absent.bin", spark=spark)


class FineTuningTests(unittest.TestCase):
    def tuned(self, function, *data, **options):
        options = {"epochs": 2, "allow_failures": True, **options}
        made = function(*data, to=96, **options)
        return made.path.read_bytes()

    def test_models_have_the_command_s_bytes(self):
        rows, held = parquet(train, "train.parquet"), parquet(val, "held.parquet")
        for options, data, validate in (
            ({}, train, val), ({"cache_memory": 0}, rows, held), ({"mode": "fc", "augment": "shift"}, rows, val),
            ({"recipe": "paper"}, train, held),
        ):
            alone = self.tuned(fixresc.finetune, MODEL, train, validate=val, **options)
            found = self.tuned(fixresc.spark.finetune, data, MODEL, validate=validate, spark=spark, **options)
            self.assertEqual(found, alone)

    def test_killed_workers_and_executors_change_nothing(self):
        alone = self.tuned(fixresc.finetune, MODEL, train)
        killer = Killer("finetune", "executor")
        with Replaced("_files", killing_files(killer)):
            self.assertEqual(self.tuned(fixresc.spark.finetune, train, MODEL, spark=spark), alone)
        self.assertTrue(os.path.exists(killer.marker))


class PredictionTests(unittest.TestCase):
    def test_rows_have_predictions_or_errors(self):
        table = parquet(val, "rows.parquet").selectExpr("*", "7 AS number")
        table = table.union(spark.createDataFrame([("null", "none", None, 7)], table.schema))
        predict = fixresc.spark.predictor(MODEL, outputs=["features", "probabilities"])
        found = {row["path"]: row for row in table.mapInPandas(predict, predict.schema(table)).collect()}
        self.assertEqual(len(found), 42)
        model = fixresc.load(MODEL)
        for row in table.collect():
            result, one = model([bytes(row["content"] or b"")])[0], found[row["path"]]
            self.assertEqual((one["error"], one["number"]), (result.error, 7))
            if result.error is not None:
                empty = ("prediction", "prediction_index", "probability", "features", "probabilities")
                self.assertEqual([one[key] for key in empty], [None] * 5)
                continue
            best = result.top(1)[0]
            self.assertEqual([one[key] for key in ("prediction_index", "prediction", "probability", "label")],
                             [best.index, best.label, best.probability, row["label"]])
            np.testing.assert_array_equal(np.float32(one["features"]), result.features)
            np.testing.assert_array_equal(one["probabilities"], result.probabilities)
        self.assertEqual(sum(row["error"] is not None for row in found.values()), 3)

    def test_batches_and_features(self):
        from pyspark.ml.functions import predict_batch_udf

        table, model = parquet(val, "batches.parquet"), fixresc.load(MODEL)
        udf, single = [
            predict_batch_udf(make, return_type=make.return_type, batch_size=16)
            for make in (fixresc.spark.batch_predictor(MODEL, name) for name in ("features", "struct"))
        ]
        for row in table.select("content", udf("content").alias("f"), single("content").alias("best")).collect():
            result = model([bytes(row["content"])])[0]
            np.testing.assert_array_equal(np.float32(row["f"]), result.features)
            best = None if result.error else result.top(1)[0]
            self.assertEqual(
                list(row["best"]), [None, None, None, result.error] if best is None
                else [best.label, best.index, best.probability, None])
        for data, options in ((val, {"spark": spark}), (table, {}), (frame(val), {"content": None})):
            rows = fixresc.spark.features(data, MODEL, **options).collect()
            self.assertEqual((len(rows), sum(row["error"] is not None for row in rows)), (41, 2))
            for row in rows:
                if row["error"] is None:
                    expected = model(row["path"].replace("file:", "").replace("%20", " "))[0].features
                    np.testing.assert_array_equal(np.float32(row["features"]), expected)


if __name__ == "__main__":
    unittest.main()
