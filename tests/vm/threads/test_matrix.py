"""Products and loads of matrices against numpy, and a whole product with copies ahead, sound and broken."""

import re

import ml_dtypes
import numpy as np
import pytest

from tests.vm.threads.matmul import BK, matmul
from tests.vm.threads.running import collect, function, hazard, line_of, run, table
from tilevm.backends.vm.threads import Hazard
from tilevm.source import TileError
from tilevm.target import MmaAtom, target
from tilevm.types import DType
from tilevm.types.codec import decode, encode

ATOMS = [("sm_80", atom) for atom in target("sm_80").mma_atoms if atom.a is not None and atom.b is not None]
AMD = ("v_mfma_f32_32x32x8_f16", "v_mfma_f32_16x16x4_4b_f16", "v_mfma_f32_32x32x4_2b_bf16", "v_mfma_i32_4x4x4_16b_i8")
AMD = (
    *AMD,
    "v_mfma_f64_16x16x4_f64",
    "v_mfma_f32_16x16x32_fp8_bf8",
    "v_mfma_f32_16x16x8_xf32",
    "v_mfma_f32_4x4x1_16b_f32",
)
ATOMS += [("gfx942", target("gfx942").atom(name)) for name in AMD]


def drawn(dtype: DType, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Small numbers, of which sums of products are exact in f32."""
    if dtype.is_float:
        return rng.integers(-3, 4, shape).astype(float)
    return rng.integers(int(dtype.min), min(int(dtype.max), 100) + 1, shape)
