"""One lock for all that compiles, so that a process is not forked in the middle of it.

A child has only the thread that forked. What another one was at, LLVM's lock, an import, a half-made value, would stay
so for ever, and the child would wait. So a fork waits until nobody compiles. One lock is no loss: four kernels took
0.95 s one after another and 1.07 s in four threads, as Python runs one of them at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from threading import RLock
from typing import TypeVar

COMPILING = RLock()
T = TypeVar("T")


def once(make: Callable[[], T]) -> Callable[[], T]:
    """``make``, called once a process: threads that ask meanwhile wait.

    Of native code that :func:`functools.cache` had two threads make at once, one copy would be freed with its address
    in use.
    """
    kept = cache(make)

    def found() -> T:
        with COMPILING:
            return kept()

    return found


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=COMPILING.acquire, after_in_parent=COMPILING.release, after_in_child=COMPILING.release)
