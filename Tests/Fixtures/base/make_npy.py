"""Writes the .npy fixtures of BaseTests beside this file. Made with Python 3.11, numpy 2.4.6."""

import pathlib

import numpy as np

here = pathlib.Path(__file__).parent
values = (np.arange(24, dtype=np.float64) * 0.5 - 3).reshape(2, 3, 4)
for name, dtype in {
    "f2-little": "<f2", "f4-little": "<f4", "f8-little": "<f8",
    "f2-big": ">f2", "f4-big": ">f4", "f8-big": ">f8",
    "i1": "i1", "i2-big": ">i2", "i4-little": "<i4", "i8-big": ">i8",
}.items():
    np.save(here / f"{name}.npy", values.astype(dtype))
np.save(here / "u1.npy", np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
np.save(here / "f4-fortran.npy", np.asfortranarray(values.astype("<f4")))
np.save(here / "u1-fortran.npy", np.asfortranarray(np.arange(24, dtype=np.uint8).reshape(2, 3, 4)))
np.save(here / "scalar.npy", np.float32(1.5))
np.save(here / "empty.npy", np.zeros((0, 3), "<f4"))
np.save(here / "complex.npy", values.astype("<c8"))
np.save(here / "structure.npy", np.zeros(3, dtype=[("a", "<f4"), ("b", "<i4")]))
np.save(here / "objects.npy", np.array([{}, None], dtype=object), allow_pickle=True)
with open(here / "version2.npy", "wb") as f:
    np.lib.format.write_array(f, values.astype("<f4"), version=(2, 0))
