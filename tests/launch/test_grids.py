"""What native code does not follow in a grid function is asked at every launch, as Python does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import tilevm as tv
from tests.kernel.fake import NativeBackend
from tilevm.frontend.kernel import Kernel


def mark(x: tv.Tensor) -> None:
    x.store((0, 0), tv.full((1, 1), 1, x.dtype))


def marking() -> Kernel:
    return tv.kernel("x: T[M, N]")(mark)


def counts(backend: NativeBackend, call: Callable[[], object]) -> tuple[int, int, int]:
    """The counts of the launch that a call makes."""
    before = len(backend.started)
    call()
    [(_, _, found)] = backend.started[before:]
    return found


COMPARED: dict[str, Callable[..., int]] = {
    "M == N": lambda M, N, **_: 1 if M == N else 2,
    "M != N": lambda M, N, **_: 2 if M != N else 1,
    "M in (N,)": lambda M, N, **_: 1 if M in (N,) else 2,
    "a set": lambda M, N, **_: len({M, N}),
    "a dict": lambda M, N, **_: {M: 2, N: 1}[M],
    "shapes": lambda x, M, N, **_: 1 if x.shape == (N, M) else 2,
}


@pytest.mark.parametrize("grid", COMPARED.values(), ids=COMPARED)
def test_extents_that_are_compared(grid: Callable[..., int], backend: NativeBackend) -> None:
    kernel = marking()
    for rows in (8, 4) * 3:
        x = np.zeros((rows, 4), np.float32)
        assert counts(backend, lambda x=x: kernel[grid](x)) == (1 if rows == 4 else 2, 1, 1)
