"""Runs the Python that `fixresc reference --script` prints, and imports the network with the pairs that it makes.

usage: python check_script.py FIXRESC

The PyTorch part runs as it is printed; the ONNX Runtime part runs where onnxruntime and onnx are installed. Needs torch and numpy.
"""
import importlib.util
import os
import subprocess
import sys
import tempfile

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(nn.functional.silu(self.bn1(self.conv1(x)))))
        return nn.functional.silu(y + (x if self.downsample is None else self.downsample(x)))


class Network(nn.Module):
    """A narrow ResNet whose activation its weights do not tell."""
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        for stage in range(4):
            setattr(self, f"layer{stage + 1}", nn.Sequential(Block(8 << max(stage - 1, 0), 8 << stage, 1 if stage == 0 else 2)))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(nn.functional.silu(self.bn1(self.conv1(x))), 3, 2, 1)
        for stage in range(4): x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


def run(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    if done.returncode: sys.exit(f"{' '.join(arguments)}: {done.stderr}")
    return done


def check(program, what):
    done = run(program, "import", "net.pth", "-o", "net.bin", "--reference", "in.npy:out.npy")
    if "activation=silu fit to" not in done.stderr: sys.exit(f"{what}: expected activation=silu, found {done.stderr}")
    print(f"ok {what}: {done.stderr.splitlines()[0]}")


def main():
    program = os.path.abspath(sys.argv[1])
    script = run(program, "reference", "--script").stdout
    first, second = script.split("# ONNX Runtime")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = Network()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        names = {"model": model}
        exec(first, names)
        torch.save(model.state_dict(), "net.pth")
        check(program, "PyTorch")
        if any(importlib.util.find_spec(module) is None for module in ("onnx", "onnxruntime")):
            return print("skipped ONNX Runtime: onnx or onnxruntime is not installed")
        torch.onnx.export(model, (names["x"],), "model.onnx", dynamo=False)
        os.remove("out.npy")
        exec("# ONNX Runtime" + second, names)
        check(program, "ONNX Runtime")


if __name__ == "__main__": main()
