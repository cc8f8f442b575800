"""fixresc: adapt trained ResNets to the resolution they are tested at, and run them.

    model = fixresc.load("resnet50-384.bin")
    results = model(["a.jpg", "b.png"])
    results[0].top(5)

    fixresc.import_model(torchvision_resnet).adapt(to=384).save("resnet50-384.bin")
"""

from ._abi import CommandFailed, Error, FileError, PictureError, version
from ._commands import (
    Artifact, Report, adapt, analyze, command, compare, doctor, evaluate, export, finetune, import_model, inspect, stats,
    sweep,
)
from ._model import Model, Prediction, Result, Results, load

__version__ = version()
__all__ = [
    "Artifact", "CommandFailed", "Error", "FileError", "Model", "PictureError", "Prediction", "Report", "Result",
    "Results", "adapt", "analyze", "command", "compare", "doctor", "evaluate", "export", "finetune", "import_model",
    "inspect", "load", "stats", "sweep",
]
