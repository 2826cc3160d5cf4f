"""One card: what it can do, the context that all of a process share, and what is launched on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NoReturn

from tilevm.backend import WRITERS, Here
from tilevm.compiling import COMPILING
from tilevm.source import Note, TileError
from tilevm.target import target

from .codes import STICKY
from .driver import CudaError, attempt, bindings, call, failure
from .faults import Ring


class Card:
    """A card, by its number; the driver is asked when something is to be known of it."""

    def __init__(self, number: int) -> None:
        self.number, self.ring = number, Ring()
        self.device = f"cuda:{number}"
        self._context: Any = None

    def call(self, name: str, *arguments: Any, doing: str) -> Any:
        """What a function of the driver gives; ``doing`` begins the error, "… fails on cuda:0".

        Raises CudaError where it fails, which names the kernels that may be at fault where one has faulted.
        """
        code, given = attempt(name, *arguments)
        if code:
            self.fail(name, code, doing)
        return given

    def fail(self, name: str, code: int, doing: str, notes: tuple[Note, ...] = (), help: str | None = None) -> NoReturn:
        if code in STICKY:
            raise self.fault(name, code, doing)
        raise failure(name, code, f"{doing} fails on {self.device}", notes, help)

    def fault(self, name: str, code: int, doing: str) -> CudaError:
        """The error of a kernel's fault, told at a later call."""
        return fault([self], name, code, doing)

    @cached_property
    def handle(self) -> Any:
        """The driver's word for it. Raises TileError where there is no such card."""
        here = call("cuDeviceGetCount", doing="counting the cards")
        if self.number >= here:
            names = ", ".join(f"cuda:{n}" for n in range(here)) or "none"
            raise TileError(
                f"there is no {self.device}: the driver shows {here} card{'s' * (here != 1)} ({names})",
                help="CUDA_VISIBLE_DEVICES hides cards, and renumbers them",
            )
        return call("cuDeviceGet", self.number, doing=f"opening {self.device}")

    @cached_property
    def name(self) -> str:
        """What its maker calls it."""
        said: bytes = call("cuDeviceGetName", 256, self.handle, doing=f"asking {self.device} for its name")
        return said.partition(b"\0")[0].decode(errors="replace")

    @cached_property
    def capability(self) -> tuple[int, int]:
        """The numbers of its architecture, as in (9, 0)."""
        return self.limit("COMPUTE_CAPABILITY_MAJOR"), self.limit("COMPUTE_CAPABILITY_MINOR")

    @property
    def architecture(self) -> str:
        """What an assembler calls it, as in sm_90."""
        return "sm_{}{}".format(*self.capability)

    def limit(self, name: str) -> int:
        """One of the driver's numbers of it, such as MAX_THREADS_PER_BLOCK."""
        which = getattr(bindings().CUdevice_attribute, f"CU_DEVICE_ATTRIBUTE_{name}")
        return int(call("cuDeviceGetAttribute", which, self.handle, doing=f"asking {self.device} for its {name}"))

    @cached_property
    def memory(self) -> int:
        """Its bytes of memory."""
        return int(call("cuDeviceTotalMem", self.handle, doing=f"asking {self.device} for its memory"))

    @property
    def here(self) -> Here:
        """What is to be told of it."""
        memory = f"{self.memory / (1 << 30):.1f} GiB"
        return Here(self.device, f"{self.name} ({self.architecture}), {memory}", self.targets)

    @cached_property
    def grid(self) -> tuple[int, int, int]:
        """The most blocks along x, y and z."""
        x, y, z = (self.limit(f"MAX_GRID_DIM_{axis}") for axis in "XYZ")
        return x, y, z

    @cached_property
    def shared(self) -> int:
        """The most bytes of shared memory that a block may ask for."""
        return self.limit("MAX_SHARED_MEMORY_PER_BLOCK_OPTIN")

    @property
    def context(self) -> Any:
        """The context that all users of the card in this process share (its primary one), held from here on."""
        if self._context is None:
            with COMPILING:
                if self._context is None:
                    doing = f"opening the context of {self.device}"
                    self._context = call("cuDevicePrimaryCtxRetain", self.handle, doing=doing)
        return self._context

    @contextmanager
    def current(self) -> Iterator[None]:
        """The card's context as the thread's current one; what was current is so again afterwards."""
        here = self.context
        if int(call("cuCtxGetCurrent", doing="asking for the thread's context")) == int(here):
            yield
            return
        self.call("cuCtxPushCurrent", here, doing="making the context current")
        try:
            yield
        finally:
            attempt("cuCtxPopCurrent")

    def give_back(self, name: str, handle: Any) -> None:
        """Call the function that frees what an object had, when that is gone. Nobody is there to be told of a failure;
        one that matters shows at the next call."""
        code, _ = attempt("cuCtxPushCurrent", self.context)
        if not code:
            attempt(name, handle)
            attempt("cuCtxPopCurrent")

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets whose code it runs, the one that suits it best first: its own; else that whose blocks may have
        most of the shared memory that the card has; of those alike the one nearest to it."""
        mine = int("{}{}".format(*self.capability))
        numbers = {name: int(found[1]) for name in WRITERS if (found := re.fullmatch(r"sm_(\d+)", name))}

        def suits(name: str) -> tuple[bool, int, int]:
            return numbers[name] == mine, min(self.shared, target(name).limits.shared_per_block), numbers[name]

        return tuple(sorted((name for name, least in numbers.items() if least <= mine), key=suits, reverse=True))


def fault(cards: Sequence[Card], name: str, code: int, doing: str) -> CudaError:
    """The error of a kernel's fault on one of these cards, told at a later call."""
    found = {card.device: list(card.ring.suspects()) for card in cards}
    suspected = {device: kernels for device, kernels in found.items() if kernels}
    where = " or ".join(suspected or found)
    if not suspected:
        message = f"a kernel faulted on {where}, none of tilevm's unless a CUDA graph launched it"
        return failure(name, code, message, help="look at what else launches kernels in this process")
    names = [kernel for kernels in suspected.values() for kernel in kernels]
    if len(suspected) > 1:
        each = "; ".join(f"{', '.join(kernels)} on {device}" for device, kernels in suspected.items())
        who = f"one of {each} (the last launch of each card first) faulted"
    elif len(names) > 1:
        who = f"one of {', '.join(names)} (the last launch first) faulted on {where}"
    else:
        who = f"{names[0]} faulted on {where}"
    notes = (Note(f"it shows at a later call: {doing}"),)
    others = " TILEVM_DEBUG=1 waits for every launch, and tells which." if len(names) > 1 else ""
    mend = f"the process's context on {where} is lost: start it again.{others}"
    mend += " compute-sanitizer tells the thread and the address"
    return failure(name, code, who, notes, mend)
