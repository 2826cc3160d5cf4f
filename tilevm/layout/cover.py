"""Whether every thread already holds what another layout asks of it."""

from __future__ import annotations

import numpy as np

from tilevm.layout.digits import check_pair, common_digits
from tilevm.layout.form import Form
from tilevm.layout.mode import BLOCK, REPLICATED, THREAD, Modes


def covers(held: Form, wanted: Form) -> bool:
    """Whether each thread holds, under ``held``, every element that it holds under ``wanted``.

    Exact for all extents. Then a conversion moves nothing between threads. Raises LayoutError for different shapes and
    for layouts that are not on threads, blocks and registers.

    A thread's elements are those whose digits on thread and block show its number; the dense axes make digits that are
    kept at different strides independent. So a digit that ``held`` fixes must be fixed alike by ``wanted``.
    """
    check_pair(held, wanted)
    if any(wanted.cosize_of(axis) > held.cosize_of(axis) for axis in REPLICATED):
        return False
    digits = common_digits(held, wanted)
    if digits is None:
        return all(covers_dim(*pair, wanted) for pair in zip(held.key[0], wanted.key[0], strict=True))
    return all(digit.first == digit.second for digit in digits if digit.first.axis in REPLICATED)


def covers_dim(held: Modes, wanted: Modes, reach: Form) -> bool:
    """The same for one dim, by enumeration over the owners under ``wanted``."""
    owners = np.indices((reach.cosize_of(BLOCK), reach.threads)).reshape(2, -1)
    return bool(np.all(fits(held, owners) | ~fits(wanted, owners)))


def fits(modes: Modes, owners: np.ndarray) -> np.ndarray:
    """bool[owner, index]: whether the digits on block and thread show the owner's numbers."""
    extent = int(np.prod([mode.extent for mode in modes], dtype=np.int64))
    index, weight = np.arange(extent), 1
    found = np.ones((owners.shape[1], extent), bool)
    for mode in modes:
        if mode.axis in REPLICATED:
            owner = owners[(BLOCK, THREAD).index(mode.axis)][:, None]
            found &= index // weight % mode.extent == owner // mode.stride % mode.extent
        weight *= mode.extent
    return found
