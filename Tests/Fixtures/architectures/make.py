"""Makes the tiny networks beside this file: python make.py

Each folder holds weights in one naming and container, and what torch gives for `pictures(2, K, K)` at the two
resolutions of manifest.json: logits-K.npy and features-K.npy. Versions: see networks.py.
"""
import json
import os
import shutil

import numpy as np
import torch

import networks as net
from networks import BasicBlock, Bottleneck

here = os.path.dirname(os.path.abspath(__file__))
tiers = dict(stem_width=8, stem_type="deep_tiered", avg_down=True, num_classes=7)
deep = dict(stem_width=4, stem_type="deep", avg_down=True, num_classes=7)
hf = dict(embedding_size=8, num_labels=5)

# name, expected architecture, network, how it is saved, resolutions, options
networks = [
    ("torchvision-basic", "resnet10w6", lambda: net.torchvision_resnet(BasicBlock, [1, 1, 1, 1], 6), {}, [64, 45, 1], {}),
    ("torchvision-basic-deeper", "resnet18w4", lambda: net.torchvision_resnet(BasicBlock, [2, 2, 2, 2], 4),
     dict(container="safetensors"), [32, 77], {}),
    ("torchvision-bottleneck-legacy", "resnet14w3", lambda: net.torchvision_resnet(Bottleneck, [1, 1, 1, 1], 3),
     dict(container="legacy", wrap="model", prefix="module."), [64, 45], {}),
    ("torchvision-bottleneck-v1", "resnet14w3", lambda: net.torchvision_resnet(Bottleneck, [1, 1, 1, 1], 3, v1=True),
     dict(wrap="state_dict"), [64, 45], dict(arch="resnet14_v1")),
    ("torchvision-wide-half", "wide_resnet14_2w3",
     lambda: net.torchvision_resnet(Bottleneck, [1, 1, 1, 1], 3, width_per_group=128),
     dict(container="safetensors", dtype=torch.float16), [64, 51], {}),
    ("torchvision-resnext-bfloat", "resnext14_4x16dw4",
     lambda: net.torchvision_resnet(Bottleneck, [1, 1, 1, 1], 4, groups=4, width_per_group=16),
     dict(dtype=torch.bfloat16), [64, 45], {}),
    ("timm-d", None, lambda: net.timm_resnet("basic", layers=(1, 1, 1, 1), channels=(8, 12, 16, 20), **deep),
     dict(container="safetensors"), [64, 45, 9], {}),
    ("timm-t-se-bottleneck", None,
     lambda: net.timm_resnet("bottleneck", layers=(1, 1, 1, 1), channels=(4, 8, 8, 12),
                             block_args=dict(attn_layer="se"), **tiers),
     dict(container="safetensors", dtype=torch.float16), [64, 45], {}),
    ("timm-se-legacy", None,
     lambda: net.timm_resnet("basic", layers=(1, 1, 1, 1), channels=(8, 8, 12, 16), stem_width=4, stem_type="deep",
                             block_args=dict(attn_layer="se"), num_classes=7),
     dict(container="legacy", dtype=torch.float16, wrap="state_dict_ema"), [64, 45], {}),
    ("timm-rs-mixed", None,
     lambda: net.timm_resnet(["basic", "bottleneck", "basic", "basic"], layers=(1, 1, 1, 1), channels=(8, 4, 12, 16),
                             replace_stem_pool=True, **deep),
     dict(dtype=torch.bfloat16), [64, 45], {}),
    ("cifar-option-a", "cifar_resnet14w4", lambda: net.CIFARResNet([2, 2, 2], 4),
     dict(wrap="state_dict", prefix="module."), [32, 45, 3], {}),
    ("cifar-option-b", "cifar_resnet8w5", lambda: net.CIFARResNet([1, 1, 1], 5, option="B", head="fc"),
     dict(container="legacy", wrap="net"), [32, 45], {}),
    ("huggingface-basic", None,
     lambda: net.hugging_face(hidden_sizes=[8, 12, 16, 20], depths=[1, 1, 1, 1], layer_type="basic", **hf),
     dict(container="safetensors"), [64, 45], {}),
    ("huggingface-bottleneck-v1", None,
     lambda: net.hugging_face(hidden_sizes=[16, 24, 32, 40], depths=[1, 2, 1, 1], layer_type="bottleneck",
                              downsample_in_bottleneck=True, downsample_in_first_stage=True, **hf),
     {}, [64, 45], {}),
]

if __name__ == "__main__":
    manifest = []
    for seed, (name, architecture, build, saved, resolutions, options) in enumerate(networks):
        torch.manual_seed(seed)
        model = net.randomise(build(), seed)
        folder = os.path.join(here, name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        file = {"safetensors": "model.safetensors", "legacy": "model.th"}.get(saved.get("container"), "model.pth")
        config = model.config.to_dict() if hasattr(model, "config") else None
        net.save(model, os.path.join(folder, file), config=config, **saved)
        for side in resolutions:
            logits, features = net.run(model, net.pictures(2, side, side))
            spread = abs(logits[0] - logits[1]).max() / abs(logits).max()
            assert spread > 1e-3, (name, side, spread)
            assert 1e-2 < abs(logits).max() < 1e3, (name, abs(logits).max())
            np.save(f"{folder}/logits-{side}.npy", logits)
            np.save(f"{folder}/features-{side}.npy", features)
        manifest.append(dict(name=name, file=file, architecture=architecture, resolutions=resolutions, **options))
        print(name, f"{os.path.getsize(os.path.join(folder, file)):,}", f"spread {spread:.2f}", f"max {abs(logits).max():.2f}")
    with open(os.path.join(here, "manifest.json"), "w") as f: json.dump(manifest, f, indent=1)
