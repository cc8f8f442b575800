"""Writes shapes.txt: names and shapes of full-size networks as torch has them, without weights: python make_shapes.py

A network starts with `# <title> <expected name> <trained parameters>`; counters are left out. Versions: see networks.py.
"""
import os

import timm
import torch
import torchvision

import networks as net

here = os.path.dirname(os.path.abspath(__file__))
tv, hf = torchvision.models, net.hugging_face
timm_named = ["resnet50d", "resnet26t", "resnet50c", "seresnet50", "seresnext26d_32x4d", "resnetrs50", "legacy_senet154",
              "legacy_seresnet50", "legacy_seresnext26_32x4d"]
networks = [(n, n, getattr(tv, n)) for n in
            ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2", "resnext50_32x4d"]]
networks += [("resnext101_32x48d", "resnext101_32x48d",
              lambda: tv.ResNet(net.Bottleneck, [3, 4, 23, 3], groups=32, width_per_group=48))]
networks += [(n, n.replace("legacy_", ""), lambda n=n: timm.create_model(n)) for n in timm_named]
networks += [(f"cifar-{d}", f"cifar_resnet{d}", lambda d=d: net.CIFARResNet([(d - 2) // 6] * 3)) for d in [20, 32, 44, 56, 110]]
networks += [("cifar-18-b", "cifar_resnet18", lambda: net.CIFARResNet([2, 2, 2, 2], 64, option="B")),
             ("huggingface-50", "resnet50", lambda: hf(num_labels=1000)),
             ("huggingface-18", "resnet18", lambda: hf(hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2],
                                                       layer_type="basic", num_labels=1000))]

with open(os.path.join(here, "shapes.txt"), "w") as out:
    for title, expected, build in networks:
        with torch.device("meta"): model = build()
        out.write(f"# {title} {expected} {sum(p.numel() for p in model.parameters())}\n")
        for name, value in model.state_dict().items():
            if not name.endswith("num_batches_tracked"): out.write(name + "".join(f" {n}" for n in value.shape) + "\n")
