"""One lock for all that compiles, so that a process is not forked in the middle of it.

A child has only the thread that forked. What another one was at, LLVM's lock, an import, a half-made value, would stay
so for ever, and the child would wait. So a fork waits until nobody compiles. One lock is no loss: four kernels took
0.95 s one after another and 1.07 s in four threads, as Python runs one of them at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import TypeVar

T = TypeVar("T")

COMPILING = RLock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=COMPILING.acquire, after_in_parent=COMPILING.release, after_in_child=COMPILING.release)


def once(make: Callable[[], T]) -> Callable[[], T]:
    """What ``make`` gives, made once for all threads.

    A cache lets two threads make one each, and drops one of them: code in memory is then gone while somebody runs it.
    """
    made: list[T] = []

    @wraps(make)
    def get() -> T:
        if not made:
            with COMPILING:
                if not made:
                    made.append(make())
        return made[0]

    return get
