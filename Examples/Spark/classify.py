"""Classifies and measures a folder of class folders on a cluster of this machine: classify.py MODEL FOLDER [TUNED.bin].

On a real cluster give spark-submit --master; FOLDER must be at one place for all machines. With TUNED.bin the model is
fine-tuned on FOLDER at a larger size too, and written there.
"""

import os
import sys
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

import fixresc
import fixresc.spark

model, folder = sys.argv[1], os.path.abspath(sys.argv[2])

# Where pip's pyspark keeps Spark, and what the executors find this package by.
os.environ.setdefault("SPARK_HOME", str(Path(pyspark.__file__).parent))
os.environ["PYSPARK_PYTHON"] = sys.executable
builder = SparkSession.builder.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
builder = builder.config("spark.executorEnv.PYTHONPATH", str(Path(fixresc.__file__).resolve().parent.parent))
if "FIXRESC_LIBRARY" in os.environ:
    builder = builder.config("spark.executorEnv.FIXRESC_LIBRARY", os.path.abspath(os.environ["FIXRESC_LIBRARY"]))
if "MASTER" not in os.environ and "--master" not in os.environ.get("PYSPARK_SUBMIT_ARGS", ""):
    builder = builder.master("local-cluster[2,1,1024]")
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("ERROR")

# Rows of pictures' bytes, as from any table; those that cannot be read have an error.
pictures = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(folder)
predict = fixresc.spark.predictor(model, column="content")
rows = pictures.mapInPandas(predict, predict.schema(pictures))
for row in rows.select("path", "prediction", "probability", "error").limit(5).collect():
    name = row["path"].rpartition("/")[2]
    print(name, row["error"] or f"{row['prediction']} {100 * row['probability']:.2f} %")

# The command's digits: `fixresc eval MODEL FOLDER`.
report = fixresc.spark.evaluate(folder, model, spark=spark)
print(f"top-1 {report.top1}, loss {report.loss} over {report.images} pictures, {report.failed} failed")

# The command's bytes: `fixresc finetune MODEL FOLDER --to 128 -o TUNED.bin`.
if len(sys.argv) > 3:
    tuned = fixresc.spark.finetune(folder, model, to=128, output=sys.argv[3], spark=spark)
    print("wrote", tuned.path)
spark.stop()
