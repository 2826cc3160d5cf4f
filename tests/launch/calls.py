"""What tests of launches share: kernels, arrays, and how to see who takes a call."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.kernel import fake
from tests.kernel.fake import NativeBackend
from tilevm.backend import PLACES, Place
from tilevm.backends.cpu.artifact import NativeKernel
from tilevm.frontend.kernel import Kernel
from tilevm.runtime.launch import repeats

SIGNATURE = "x: T[N, M], y: T[N, M], n: i64, f: f32, b: bool"
FACTOR = 2.0


def some(x: tv.Tensor, y: tv.Tensor, n, f, b, B: tv.constexpr = 32, name: tv.constexpr = "plain"):
    i = tv.program_id(0) * B
    y.store((i, 0), (x.load((i, 0), (B, 4)) * FACTOR).to(y.dtype))


def grid(N: Any, M: Any, n: Any, B: int, **_: object) -> tuple[Any, ...]:
    return tv.cdiv(N, B), (M * 3 - 1) // 2 + N % 7, n % 5 + 2 - M // 16


def behind(patch: pytest.MonkeyPatch) -> NativeBackend:
    """A backend behind every device; calls are prepared after the first."""
    made = NativeBackend()
    patch.setattr(fake, "backend", made)
    patch.setattr(repeats, "WORTH", range(1, 1000))
    for name, found in list(PLACES.items()):
        patch.setitem(PLACES, name, Place(name, f"{fake.__name__}:backend", found.target, found.optimise))
    return made


@tv.kernel("x: f32[N], y: f32[N], a: f32", grid=lambda N, B, **_: tv.cdiv(N, B))
def axpy(x: tv.Tensor, y: tv.Tensor, a, B: tv.constexpr = 16):
    i = tv.program_id(0) * B
    y.store(i, y.load(i, B) + x.load(i, B) * a)


def python_calls(work: Callable[[], object]) -> list[str]:
    """The functions of Python that are called on the way."""
    seen: list[str] = []
    sys.setprofile(lambda frame, event, _: seen.append(frame.f_code.co_name) if event == "call" else None)
    try:
        work()
    finally:
        sys.setprofile(None)
    return [name for name in seen if name != "<lambda>"]


def numbers() -> tuple[np.ndarray, np.ndarray]:
    return np.arange(40, dtype=np.float32), np.ones(40, np.float32)


def short(kernel: Kernel) -> None:
    """Have programs of the kernel count as short, however long they took here: long launches are Python's."""
    for compiled in [*kernel._known.values(), *kernel.gridless._known.values()]:
        if isinstance(artifact := compiled.build.artifact, NativeKernel):
            artifact._context.measured(1e-9)


def prepared(backend: NativeBackend, **constants: Any) -> Kernel:
    kernel = tv.kernel(SIGNATURE, grid=grid)(some)
    x = np.zeros((33, 4), np.float32)
    kernel(x, x, 3, 0.5, True, **constants)
    return kernel
