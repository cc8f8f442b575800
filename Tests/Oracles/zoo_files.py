"""How people save networks: containers, wrappers, prefixes and files beside, for the zoo."""
import argparse
import collections
import json
import os
import pickle

import torch


def state_of(model):
    state = model.state() if hasattr(model, "state") else model.state_dict()
    return {k: v.detach() for k, v in state.items()}


def rounded(model, dtype):
    """Rounds the weights of the model itself, so that what torch computes is what the file holds."""
    for value in list(model.parameters()) + list(model.buffers()):
        if value.is_floating_point(): value.data = value.data.to(dtype).float()
    model.truth = {}


def optimiser(state):
    weights = [v for v in state.values() if v.is_floating_point()][:8]
    return {"state": {i: {"momentum_buffer": torch.ones_like(v), "exp_avg": torch.ones_like(v), "step": torch.tensor(7.0)}
                      for i, v in enumerate(weights)},
            "param_groups": [{"lr": 0.1, "momentum": 0.9, "params": list(range(len(weights)))}]}


def other(state, factor=-0.7):
    """A network of the same shapes that answers something else."""
    g = torch.Generator().manual_seed(5)
    return {k: (v * factor + 0.05 * torch.randn(v.shape, generator=g) if v.is_floating_point() and "running_var" not in k else v.clone())
            for k, v in state.items()}


def prefixed(prefix, state): return {prefix + k: v for k, v in state.items()}


def write(content, path, container="zip"):
    if container == "zip": torch.save(content, path)
    elif container == "legacy": torch.save(content, path, _use_new_zipfile_serialization=False)
    elif container == "protocol4": torch.save(content, path, pickle_protocol=4)
    elif container == "legacy4": torch.save(content, path, pickle_protocol=4, _use_new_zipfile_serialization=False)
    elif container == "safetensors":
        from safetensors.torch import save_file
        save_file({k: v.contiguous().clone() for k, v in content.items()}, path, metadata={"format": "pt"})
    elif container == "pickle":
        with open(path, "wb") as f: pickle.dump(content, f, protocol=2)
    return path


def saved(wrap=None, prefix="", container="zip", dtype=None, name=None, change=None, config=None):
    """A function of model and folder that writes the file: names below `prefix`, the state inside `wrap(state)`."""
    suffix = {"safetensors": ".safetensors", "legacy": ".th", "pickle": ".pkl"}.get(container, ".pth")

    def save(model, folder):
        if dtype: rounded(model, dtype)
        state = state_of(model)
        if dtype: state = {k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()}
        state = prefixed(prefix, state)
        if change: state = change(state)
        if config is not None:
            with open(os.path.join(folder, "config.json"), "w") as f: json.dump(config, f)
        return write(wrap(state) if wrap else state, os.path.join(folder, name or "model" + suffix), container)
    return save


def hub(model, folder):
    """timm's push_to_hf_hub: model.safetensors and config.json."""
    from timm.models._hub import save_config_for_hf
    save_config_for_hf(model, os.path.join(folder, "config.json"))
    return write(state_of(model), os.path.join(folder, "model.safetensors"), "safetensors")


def without_config(model, folder): return write(state_of(model), os.path.join(folder, "model.safetensors"), "safetensors")


def pretrained(bin=False, config=True, shard=None):
    """transformers' save_pretrained, or its former pytorch_model.bin."""
    def save(model, folder):
        inner = getattr(model, "hugging_face", model)
        if bin:
            inner.config.save_pretrained(folder)
            path = write({k: v for k, v in inner.state_dict().items()}, os.path.join(folder, "pytorch_model.bin"))
        else:
            inner.save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
            path = os.path.join(folder, "model.safetensors" + (".index.json" if shard else ""))
        if not config: os.remove(os.path.join(folder, "config.json"))
        return path
    return save


def sharded_bin(model, folder):
    state = state_of(model)
    names, weight_map = list(state), {}
    for i in range(3):
        part = names[i::3]
        shard = f"pytorch_model-{i + 1:05}-of-00003.bin"
        torch.save({n: state[n] for n in part}, os.path.join(folder, shard))
        weight_map.update({n: shard for n in part})
    path = os.path.join(folder, "pytorch_model.bin.index.json")
    with open(path, "w") as f: json.dump({"metadata": {"total_size": 1}, "weight_map": weight_map}, f)
    return path


def sharded_safetensors(model, folder):
    state = state_of(model)
    names, weight_map = list(state), {}
    for i in range(3):
        shard = f"model-{i + 1:05}-of-00003.safetensors"
        write({n: state[n] for n in names[i::3]}, os.path.join(folder, shard), "safetensors")
        weight_map.update({n: shard for n in names[i::3]})
    path = os.path.join(folder, "model.safetensors.index.json")
    with open(path, "w") as f: json.dump({"metadata": {}, "weight_map": weight_map}, f)
    return path


def non_contiguous(model, folder):
    state = {}
    for name, value in state_of(model).items():
        if value.dim() == 4: value = value.to(memory_format=torch.channels_last)
        elif value.dim() == 2: value = value.t().contiguous().t()
        elif value.dim() == 1 and value.is_floating_point():
            wide = torch.full((2 * len(value),), 7.0)
            wide[::2] = value
            value = wide[::2]
        state[name] = value
    return write(state, os.path.join(folder, "model.pth"))


def shared_storage(model, folder):
    """All floating-point tensors are views of one flat storage, as FSDP and DeepSpeed leave them."""
    state = state_of(model)
    flat = torch.cat([v.reshape(-1) for v in state.values() if v.is_floating_point()])
    views, at = collections.OrderedDict(), 0
    for name, value in state.items():
        if value.is_floating_point():
            views[name] = flat[at: at + value.numel()].view(value.shape)
            at += value.numel()
        else: views[name] = value
    return write(views, os.path.join(folder, "model.pth"))


def lightning(prefix, **hyper):
    def wrap(state):
        return {"epoch": 9, "global_step": 100, "pytorch-lightning_version": "2.1.0", "state_dict": state,
                "loops": {"fit_loop": {"state_dict": {}}}, "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.4)}},
                "optimizer_states": [optimiser(state)], "lr_schedulers": [], "hparams_name": "kwargs", "hyper_parameters": hyper}
    return saved(wrap, prefix, name="last.ckpt")


def timm_trainer(state):
    return {"epoch": 3, "arch": "resnet18", "state_dict": other(state), "optimizer": optimiser(state), "version": 2,
            "args": argparse.Namespace(model="resnet18", lr=0.1), "amp_scaler": {"scale": 65536.0}, "state_dict_ema": state, "metric": 71.2}


def torchvision_reference(state):
    ema = {"n_averaged": torch.tensor(3), **prefixed("module.", state)}
    return {"model": other(state), "model_ema": ema, "optimizer": optimiser(state), "lr_scheduler": {"last_epoch": 3},
            "epoch": 2, "args": argparse.Namespace(model="resnet18")}


def imagenet_example(state):
    return {"epoch": 90, "arch": "resnet18", "state_dict": prefixed("module.", state), "best_acc1": torch.tensor(69.7),
            "optimizer": optimiser(state), "scheduler": {"step_size": 30}}
