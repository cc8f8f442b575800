"""State dicts and references as files that `fixresc import` reads."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_NAMES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL",
}


def _bytes(tensor: Any) -> tuple[str, list[int], memoryview]:
    """Kind, shape and little-endian bytes of a tensor of torch or numpy."""
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu().contiguous()
        name = str(tensor.dtype).removeprefix("torch.")
        shape = list(tensor.shape)
        if name == "bfloat16":
            import torch

            array = tensor.view(torch.int16).numpy()
        else:
            array = tensor.numpy()
    else:
        array = np.asarray(tensor)
        name, shape = array.dtype.name, list(array.shape)
    if name not in _NAMES:
        raise TypeError(f"expected tensors of numbers, found {name}")
    array = np.ascontiguousarray(array)
    return _NAMES[name], shape, memoryview(array.reshape(-1).view(np.uint8)) if array.size else memoryview(b"")


def write(state: Mapping[str, Any], path: Path) -> None:
    """Writes a state dict as safetensors; entries that are no tensors are left out, as `load_state_dict` does."""
    if not isinstance(state, Mapping):
        raise TypeError(f"expected a path, a state_dict or a torch module, found {type(state).__name__}")
    tensors = {}
    for name, value in state.items():
        if hasattr(value, "shape") and hasattr(value, "dtype"):
            tensors[str(name)] = _bytes(value)
    if not tensors:
        raise ValueError("expected a state_dict with tensors, found none")
    header, offset = {}, 0
    for name, (kind, shape, data) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [offset, offset + data.nbytes]}
        offset += data.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for _, _, data in tensors.values():
            file.write(data)


def references(reference: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of inputs and outputs as arrays."""
    pairs = reference if isinstance(reference, list) else [reference]
    return [(_array(inputs), _array(outputs)) for inputs, outputs in pairs]


def _array(value: Any) -> np.ndarray:
    if hasattr(value, "logits"):  # what Hugging Face's models return
        value = value.logits
    if hasattr(value, "detach"):
        value = value.detach().float().cpu().numpy()
    return np.ascontiguousarray(value, np.float32)


def save_array(array: np.ndarray, path: str | os.PathLike) -> None:
    np.save(path, array)


def reference_of(module: Any, size: int) -> tuple[np.ndarray, np.ndarray]:
    """What a torch module gives for two pictures of noise of `size` pixels a side, in evaluation mode."""
    import torch

    channels = next((p.shape[1] for p in module.parameters() if p.ndim == 4), 3)
    was_training = module.training
    parameter = next(module.parameters())
    noise = torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(0))
    try:
        module.eval()
        with torch.no_grad():
            output = module(noise.to(parameter.device, parameter.dtype))
    finally:
        module.train(was_training)
    return _array(noise), _array(output)
