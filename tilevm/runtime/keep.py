"""Kernels compiled by another process, used again."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import cast

from tilevm.backend import Keepable, Place, keeper
from tilevm.driver import Build
from tilevm.runtime.contract import Contract
from tilevm.runtime.store import compiler, store

Fresh = Callable[[], tuple[Build, Contract]]


def kept(decided_by: str | None, where: Place, fresh: Fresh) -> tuple[Build, Contract]:
    """What ``fresh`` makes, or made in another process of the same source, compiler and machine.

    ``decided_by``: all that decides the code besides those; None where it cannot be told, and nothing is kept.
    """
    shelf, backend = store(), keeper(where)
    if decided_by is None or shelf is None or backend is None:
        return fresh()
    key = "\0".join([decided_by, where.name, compiler(), backend.machine()])
    held = shelf.get(key)
    if held is not None:
        abi, contract, data = pickle.loads(held)
        again = Again(fresh)
        artifact = backend.restore(data, abi, lambda: again().artifact)
        return Build(where, abi, artifact, lambda: (again().tile, again().optimised)), contract
    build, contract = fresh()
    data = cast(Keepable, build.artifact).data  # a keeper makes no other
    if data is not None:
        shelf.put(key, pickle.dumps((build.abi, contract, data)))
    return build, contract


class Again:
    """Compiles what was restored, once, for whoever asks for its texts."""

    def __init__(self, fresh: Fresh) -> None:
        self._fresh = fresh
        self._build: Build | None = None

    def __call__(self) -> Build:
        if self._build is None:
            self._build, _ = self._fresh()
        return self._build
