"""The stand-in for the driver, as tests see it: cards to set up, calls to read, memory that lies on a card."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilevm.backends.ptx.emulator import parse
from tilevm.backends.ptx.emulator.memory import Memory, Region
from tilevm.source import TileError

GIB = 1 << 30
OLD = 11080  # a driver that loads the machine code of no assembler, so that it is given PTX
RUNNER = ctypes.CFUNCTYPE(
    ctypes.c_int,
    *(ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_uint), ctypes.POINTER(ctypes.c_uint), ctypes.c_uint),
    *(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.c_void_p),
)
KINDS = ("contexts", "modules", "events", "streams", "memory")  # what is counted


@dataclass(eq=False)
class OnCard:
    """A tensor in a card's memory, as CuPy and others show theirs."""

    stub: Stub
    address: int
    like: Any
    stream: int | None = None
    writable: bool = True

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.like.shape,
            "typestr": self.like.dtype.str,
            "data": (self.address, not self.writable),
            "strides": None if self.like.flags.c_contiguous else self.like.strides,
            "version": 3,
            "stream": self.stream,
        }

    def get(self) -> Any:
        """Its elements."""
        raw = (ctypes.c_char * self.like.nbytes).from_address(self.stub.host(self.address))
        return np.frombuffer(raw, self.like.dtype).reshape(self.like.shape).copy()


def in_pages(array: Any) -> Any:
    """A copy of an array that begins a page, so that what is taken for it on a card is the same in every run."""
    held = np.frombuffer(mmap.mmap(-1, array.nbytes), array.dtype).reshape(array.shape)
    held[...] = array
    return held


class Stub:
    """The library. There is one card from the start: a Stub 9000 of capability 9.0 with 1 GiB."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL("libcuda.so.1")
        for name in ("stream", "memory"):
            getattr(self.library, f"stub_{name}").restype = ctypes.c_void_p
        self.library.stub_memory.argtypes = self.library.stub_free.argtypes = [ctypes.c_uint64]
        self.library.stub_alloc.argtypes = [ctypes.c_int, ctypes.c_size_t]
        self.library.stub_alloc.restype, self.library.stub_log.restype = ctypes.c_uint64, ctypes.c_char_p
        self.problems: list[Exception] = []
        self.card(0, (9, 0))

    def card(self, number: int, capability: tuple[int, int], name: str = "Stub 9000", memory: int = GIB) -> None:
        """Set up a card; those before it are there too."""
        self.library.stub_card(number, name.encode(), *capability, ctypes.c_uint64(memory))
        self.library.stub_cards(number + 1)

    def cards(self, count: int) -> None:
        self.library.stub_cards(count)

    def limit(self, which: int, value: int, number: int = 0) -> None:
        """One of a card's numbers, by the driver's number for it."""
        self.library.stub_attribute(number, which, value)

    def function(self, which: int, value: int) -> None:
        """What the driver says of functions that are loaded from now on, by its number for it."""
        self.library.stub_function(which, value)

    def version(self, found: int) -> None:
        self.library.stub_version(found)

    def fail(self, name: str, code: int, call: int = 1, log: str = "") -> None:
        """The call-th call of a function from now on gives a result; the compiler of PTX says ``log``."""
        self.library.stub_fail(name.encode(), call, code)
        self.library.stub_jit_log(log.encode())

    def fault(self, launch: int, code: int) -> None:
        """The launch-th launch from now on faults: it succeeds, and all calls after it give the result."""
        self.library.stub_fault(launch, code)

    def calls(self, name: str) -> int:
        return int(self.library.stub_calls(name.encode()))

    def log(self) -> str:
        """The calls since the log was last read."""
        found: bytes = self.library.stub_log()
        text = found.decode().replace(" \n", "\n")
        self.library.stub_forget()
        return text

    def live(self) -> dict[str, int]:
        """How many of each kind there are."""
        found = (ctypes.c_int * len(KINDS))()
        self.library.stub_live(found)
        return dict(zip(KINDS, found, strict=True))

    def depth(self) -> int:
        """Contexts on the thread's stack."""
        return int(self.library.stub_depth())

    def stream(self, number: int, card: int = 0, capturing: bool = False, foreign: bool = False) -> int:
        """The handle of a new stream, which the log calls ``number``."""
        return int(self.library.stub_stream(card, number, int(capturing), int(foreign)))

    def host(self, address: int) -> int:
        """Where the host has a card's memory."""
        return int(self.library.stub_memory(address))

    def put(self, array: Any, card: int = 0, **more: Any) -> OnCard:
        """A copy of an array in a card's memory."""
        address = int(self.library.stub_alloc(card, max(array.nbytes, 1)))
        ctypes.memmove(self.host(address), array.tobytes(), array.nbytes)
        return OnCard(self, address, array, **more)

    def free(self, held: OnCard) -> None:
        self.library.stub_free(held.address)

    def run_kernels(self) -> None:
        """From now on the emulator runs each launch, on what stands for the card's memory."""
        self.version(OLD)
        self._runner = RUNNER(self._run)
        self.library.stub_run(self._runner)

    def _run(self, image: Any, name: bytes, grid: Any, block: Any, shared: int, count: int, sizes: Any, at: int) -> int:
        try:
            values, memory = list(parameters(sizes[:count], at)), self._memory()
            kernel = parse(image.decode(), "<module>").kernel(name.decode())
            kernel.launch(grid[:3], block[:3], values, shared, memory)
        except (TileError, AssertionError, ValueError) as error:
            self.problems.append(error)
            return 719
        return 0

    def _memory(self) -> Memory:
        """All that is allocated, where the emulator finds it under the same addresses."""
        memory = Memory()
        begin, size, held = ctypes.c_uint64(), ctypes.c_uint64(), ctypes.c_void_p()
        number = 0
        while self.library.stub_block(number, ctypes.byref(begin), ctypes.byref(size), ctypes.byref(held)):
            if held.value:
                raw = (ctypes.c_char * size.value).from_address(held.value)
                memory.regions.append(Region(f"block {number}", np.frombuffer(raw, np.uint8), begin.value, True))
            memory.top = begin.value + size.value + 4096
            number += 1
        return memory


def parameters(sizes: Sequence[int], at: int) -> Any:
    """The bytes of each."""
    for size in sizes:
        yield ctypes.string_at(at, size)
        at += size
