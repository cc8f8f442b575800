"""Adapts a model to a larger test resolution and classifies pictures: classify.py MODEL SIDE PICTURE..."""

import sys

import fixresc

model, side, pictures = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
adapted = fixresc.adapt(model, to=side)
print("proof: greatest difference of a logit", adapted.report.proof["max_abs_difference"])
results = adapted.load()(pictures)
for path, result in zip(pictures, results):
    if result.error is not None:
        print(result.error, file=sys.stderr)
        continue
    print(path)
    for best in result.top(3):
        print(f"  {100 * best.probability:6.2f} %  {best.label}")
