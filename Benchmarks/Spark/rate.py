#!/usr/bin/env python3
"""Pictures a second of `fixresc eval` on this machine's cores with and without Spark, in turn.

    FIXRESC_LIBRARY=build/lib/libfixresc.so.0 PYTHONPATH=Python python3 Benchmarks/Spark/rate.py MODEL FOLDER

FOLDER holds class folders; each is taken --times times. Spark is a cluster of this machine with --cores workers of one core;
its start and that of the workers' first models are left out: a small run comes first. On a machine that does other work
compare the time of the processors, all of Spark's processes counted. Needs Tests/Python/requirements-spark.txt
and Java.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

import fixresc
import fixresc.spark

ROOT = Path(__file__).resolve().parent.parent.parent


def repeated(folder, times, target):
    for name in sorted(os.listdir(folder)):
        (target / name).mkdir(parents=True)
        for index in range(times):
            (target / name / f"{index:03}").symlink_to(Path(folder, name).resolve())
    return str(target)


def processor_seconds():
    """Processor time of this process and of all below it, and of those below it that have ended."""
    parents, times = {}, {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(place.name)] = int(fields[1])
        times[int(place.name)] = sum(map(int, fields[11:15]))
    total = 0
    for process in times:
        ancestor = process
        while ancestor not in (0, 1, os.getpid()):
            ancestor = parents.get(ancestor, 0)
        total += times[process] if ancestor == os.getpid() else 0
    return total / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("folder")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--binary", action="store_true", help="also rows of Spark's binaryFile, whose bytes it reads")
    parser.add_argument("--fixresc", default=str(ROOT / ".build/release/fixresc"))
    arguments = parser.parse_args()
    os.environ.setdefault("SPARK_HOME", str(Path(pyspark.__file__).parent))
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(f"local-cluster[{arguments.cores},1,1024]")
    builder = builder.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
    builder = builder.config("spark.executorEnv.PYTHONPATH", str(Path(fixresc.__file__).resolve().parent.parent))
    if "FIXRESC_LIBRARY" in os.environ:
        builder = builder.config("spark.executorEnv.FIXRESC_LIBRARY", os.path.abspath(os.environ["FIXRESC_LIBRARY"]))
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    with tempfile.TemporaryDirectory() as temporary:
        folder = repeated(arguments.folder, arguments.times, Path(temporary) / "pictures")
        fixresc.spark.evaluate(arguments.folder, arguments.model, spark=spark, limit=500)

        def alone():
            words = [arguments.fixresc, "eval", arguments.model, folder, "--threads", str(arguments.cores), "--json"]
            return json.loads(subprocess.run(words, capture_output=True, check=False).stdout)

        ways = {"eval": alone, "spark": lambda: fixresc.spark.evaluate(folder, arguments.model, spark=spark).to_dict()}
        if arguments.binary:
            rows = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(arguments.folder)
            ways["spark, binaryFile, once"] = lambda: fixresc.spark.evaluate(rows, arguments.model).to_dict()
        rates, costs = {name: [] for name in ways}, {name: [] for name in ways}
        for number in range(arguments.rounds):
            reports = {}
            for name, way in ways.items():
                start, processor = time.monotonic(), processor_seconds()
                reports[name] = way()
                whole, used = time.monotonic() - start, processor_seconds() - processor
                # From the command's start to its end, listing and opening included.
                rates[name].append(reports[name]["images"] / whole)
                costs[name].append(1000 * used / reports[name]["images"])
                print(f"round {number + 1}: {name}: {reports[name]['images']} pictures in {whole:.2f} s, "
                      f"{rates[name][-1]:.1f} a second, {costs[name][-1]:.3f} ms of a processor each; top-1 {reports[name]['top1']}, loss {reports[name]['loss']}", flush=True)
            same = all(reports["eval"][key] == reports["spark"][key] for key in ("top1", "top5", "loss", "images"))
            print("the same digits" if same else "OTHER DIGITS")
        for name, values in rates.items():
            rate, cost = statistics.median(values), statistics.median(costs[name])
            print(f"{name}: {rate:.1f} pictures/s, {rate / statistics.median(rates['eval']):.3f} of eval's; "
                  f"{cost:.3f} ms of a processor a picture, eval's is {statistics.median(costs['eval']) / cost:.3f} of that")
    spark.stop()


if __name__ == "__main__":
    main()
