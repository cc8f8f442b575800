"""Makes the networks of the comparison: seeded weights, one file for each runtime."""
import os
import subprocess
import sys

import torch
import torch.nn as nn


def half_width_resnet18():
    """The architecture of the shipped model: ResNet-18 with 32, 64, 128, 256 channels and ten classes."""
    from torchvision.models.resnet import BasicBlock, ResNet

    net = ResNet(BasicBlock, [2, 2, 2, 2], num_classes=10)
    net.inplanes = 32
    net.conv1, net.bn1 = nn.Conv2d(3, 32, 7, 2, 3, bias=False), nn.BatchNorm2d(32)
    for stage, channels in enumerate((32, 64, 128, 256)):
        setattr(net, f"layer{stage + 1}", net._make_layer(BasicBlock, channels, 2, stride=1 if stage == 0 else 2))
    net.fc = nn.Linear(256, 10)
    return net


class CifarBlock(nn.Module):
    """A basic block with the parameter-free shortcut of option A."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.stride, self.missing = stride, outputs - inputs

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        if self.missing:
            x = nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.missing // 2, self.missing // 2))
        return torch.relu(x + y)


class CifarResNet(nn.Module):
    """ResNet-(6n+2) for 32 x 32 pictures (He et al. 2015, section 4.2)."""

    def __init__(self, blocks):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        inputs = 16
        for stage, channels in enumerate((16, 32, 64)):
            layers = []
            for block in range(blocks):
                layers.append(CifarBlock(inputs, channels, 2 if stage and block == 0 else 1))
                inputs = channels
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


def create(name):
    """A network in eval mode whose weights and statistics are all drawn, none constant."""
    torch.manual_seed(0)
    if name == "resnet18w32":
        net = half_width_resnet18()
    elif name == "cifar56":
        net = CifarResNet(9)
    elif name in ("resnet50d", "seresnet50"):
        import timm

        net = timm.create_model(name, pretrained=False)
    else:
        import torchvision

        net = getattr(torchvision.models, name)(weights=None)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.4, 0.8)
            nn.init.uniform_(module.bias, -0.1, 0.1)
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.6, 1.4)
    return net.eval()


def make(name, side, batch, folder, fixresc):
    """Files for every runtime in `folder`; made once."""
    # pnnx turns hyphens into underscores.
    stem = os.path.join(folder, f"{name}_{side}_b{batch}")
    checkpoint, adapted = os.path.join(folder, f"{name}.pth"), os.path.join(folder, f"{name}-{side}.bin")
    if not os.path.exists(stem + ".onnx"):
        net = create(name)
        torch.save(net.state_dict(), checkpoint)
        picture = torch.randn(batch, 3, side, side)
        torch.onnx.export(net, picture, stem + ".onnx", input_names=["input"], output_names=["logits"], dynamo=False)
        traced = torch.jit.trace(net, picture)
        traced.save(stem + ".pt")
    if not os.path.exists(stem + ".ncnn.param"):
        # pnnx writes beside its input; what it prints is of no use here.
        subprocess.run(
            [os.path.join(os.path.dirname(sys.executable), "pnnx"), stem + ".pt", f"inputshape=[{batch},3,{side},{side}]", "fp16=0"],
            check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not os.path.exists(adapted):
        subprocess.run([fixresc, "adapt", checkpoint, "--to", str(side), "--no-proof", "--quiet", "-o", adapted],
                       check=True, stdout=subprocess.DEVNULL)
    return stem, adapted
