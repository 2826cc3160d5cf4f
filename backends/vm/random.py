"""Random numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilevm.ir import ops
from tilevm.types import DType
from tilevm.types.philox import words

from .elementwise import meaning
from .rounding import Array


@meaning.rule(ops.Philox)
def _(op: ops.Philox, dtype: DType, xs: Sequence[Array]) -> Array:
    seed, index = int(xs[0]) & (2**64 - 1), xs[1].astype(np.int64 if dtype.signed else np.uint64).astype(np.uint64)
    return words(seed, index)
