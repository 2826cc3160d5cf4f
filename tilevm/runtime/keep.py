"""Kernels compiled by another process, used again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import cast

from tilevm.abi import KernelAbi, Param
from tilevm.backend import Keepable, Place, keeper
from tilevm.driver import Build
from tilevm.runtime.contract import Contract
from tilevm.runtime.record import Malformed, plain, read
from tilevm.runtime.store import compiler, store
from tilevm.symbolic import Expr

FORMAT = 1  # of entries; another one is not read
CALLED = tuple[int, str, tuple[Param, ...], tuple[Expr, ...] | None, Contract]
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
    if held is not None and (parts := opened(held)) is not None:
        abi, contract, data = parts
        again = Again(fresh)
        artifact = backend.restore(data, abi, lambda: again().artifact)
        return Build(where, abi, artifact, lambda: (again().tile, again().optimised)), contract
    build, contract = fresh()
    made = cast(Keepable, build.artifact).data  # a keeper makes no other
    if made is not None:
        shelf.put(key, entry(build.abi, contract, made))
    return build, contract


def entry(abi: KernelAbi, contract: Contract, data: bytes) -> bytes:
    """What is kept: a line of JSON that says how the kernel is called, and the backend's bytes."""
    called = (abi.name, abi.params, abi.grid, contract)
    return json.dumps([FORMAT, *map(plain, called)], separators=(",", ":")).encode() + b"\n" + data


def opened(held: bytes) -> tuple[KernelAbi, Contract, bytes] | None:
    """The parts of an entry; None where something else lies in its place, which is then made anew."""
    line, _, data = held.partition(b"\n")
    try:
        format, *called = read(CALLED, json.loads(line))
    except (ValueError, RecursionError, Malformed):  # no text, no JSON, too deep, no such records
        return None
    return (KernelAbi.taking(*called[:3]), called[3], data) if format == FORMAT else None


class Again:
    """Compiles what was restored, once, for whoever asks for its texts."""

    def __init__(self, fresh: Fresh) -> None:
        self._fresh = fresh
        self._build: Build | None = None

    def __call__(self) -> Build:
        if self._build is None:
            self._build, _ = self._fresh()
        return self._build
