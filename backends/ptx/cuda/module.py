"""Code on a card: machine code where an assembler made it, else PTX that the driver's compiler reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tilevm.source import Note, TileError

from ..assemble import assembler, major, takes
from ..jitlink import linker
from .card import Card
from .driver import attempt, bindings, driver, release, version

LOG_BYTES = 8192
PLAIN_SHARED = 48 * 1024  # bytes of shared memory that a block has without asking
JIT = (218, 221, 222)  # results that the driver's compiler gives


@dataclass(frozen=True)
class Function:
    """A kernel on a card. It stays there for the life of the process: a CUDA graph may hold it.

    ``registers`` of a thread, ``local`` bytes of a thread that lie in memory, ``threads``: the most of a block.
    """

    handle: int
    registers: int
    local: int
    threads: int


def assembles(architecture: str) -> bool:
    """Whether the assembler here makes code for a card, and the driver is new enough to load it."""
    if assembler() is None and linker() is None:
        return False
    made_by = major()
    return made_by is not None and made_by * 1000 <= version(driver()) and takes(architecture)


@contextmanager
def uncaptured(card: Card) -> Iterator[None]:
    """Calls that a capture elsewhere in the thread does not mind: loading code and taking memory are no work of a
    stream."""
    relaxed = bindings().CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED
    before = card.call("cuThreadExchangeStreamCaptureMode", relaxed, doing="working while streams are captured")
    try:
        yield
    finally:
        attempt("cuThreadExchangeStreamCaptureMode", before)


def load(card: Card, image: bytes, name: str, threads: int, shared: int) -> Function:
    """A kernel of cubin or PTX, ready to launch with ``threads`` a block and ``shared`` bytes.

    Raises TileError where the driver refuses it, or a block of it does not fit the card.
    """
    with card.current(), uncaptured(card):
        module = image_on(card, image, name)
        found = card.call("cuModuleGetFunction", module, name.encode("ascii"), doing=f"finding {name} in its code")
        kinds = bindings().CUfunction_attribute

        def attribute(which: str) -> int:
            number = getattr(kinds, f"CU_FUNC_ATTRIBUTE_{which}")
            return int(card.call("cuFuncGetAttribute", number, found, doing=f"asking for the needs of {name}"))

        own = attribute("SHARED_SIZE_BYTES")
        made = Function(
            int(found), attribute("NUM_REGS"), attribute("LOCAL_SIZE_BYTES"), attribute("MAX_THREADS_PER_BLOCK")
        )
        fits(card, name, made, threads, shared + own)
        if shared + own > PLAIN_SHARED:
            which = kinds.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
            card.call("cuFuncSetAttribute", found, which, shared, doing=f"asking for {shared} bytes of shared memory")
    return made


def fits(card: Card, name: str, made: Function, threads: int, shared: int) -> None:
    """Raises TileError where a block does not fit the card."""
    if threads > made.threads:
        raise TileError(
            f"{name} has {threads} threads a block, and {card.device} runs at most {made.threads} of "
            f"{made.registers} registers",
            help="take fewer warps (num_warps=)",
        )
    if shared > card.shared:
        raise TileError(
            f"{name} takes {shared} bytes of shared memory a block, and {card.device} has {card.shared}",
            help="take smaller tiles, or fewer stages",
        )


def image_on(card: Card, image: bytes, name: str) -> Any:
    """A module of the driver."""
    options = bindings().CUjit_option
    log = bytearray(LOG_BYTES)
    kinds = [options.CU_JIT_ERROR_LOG_BUFFER, options.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES]
    code, module = attempt("cuModuleLoadDataEx", image, len(kinds), kinds, [log, LOG_BYTES])
    if code:
        said = log.partition(b"\0")[0].decode(errors="replace").strip()
        notes = tuple(Note(f"the driver says: {line.strip()}") for line in said.splitlines())
        if code in JIT:
            notes += (Note(f"the driver is of CUDA {release(version(driver()))}, the PTX of {first_line(image)}"),)
        card.fail("cuModuleLoadDataEx", code, f"loading {name} ({card.architecture})", notes)
    return module


def first_line(image: bytes) -> str:
    """The version that PTX begins with."""
    return image[:32].decode(errors="replace").splitlines()[0].strip()
