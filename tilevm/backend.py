"""What a backend is: it makes an artifact from a function, and the artifact runs."""

from __future__ import annotations

import ctypes
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast, runtime_checkable

from tilevm.abi import Entry, KernelAbi, Slot, word
from tilevm.ir import Func
from tilevm.source import TileError, nearest
from tilevm.target import TARGETS
from tilevm.text import print_func
from tilevm.types import DType

ANYWHERE = "cuda"  # where a tensor without elements lives whose owner tells no card: where the others of a call do


@dataclass(frozen=True)
class Array:
    """A tensor argument as backends see it.

    ``address`` of element 0; ``shape`` and ``strides`` in elements; ``lowest`` and ``highest``: the offsets of
    elements that the owner's memory holds around ``address``, ``highest`` excluded (for pointers, whose bounds
    nobody states).
    ``owner`` keeps the memory alive and is what error messages name. ``packed``: element i owns the bits from
    i * dtype.bits on of the bytes at ``address``, the least significant first. ``device``: whose memory it is, "cpu"
    or a card as in "cuda:0"; :data:`ANYWHERE` of no elements on no card in particular. ``stream``: that of the card on
    which the owner says its work is; 0 where it says none. ``memory``: what holds the memory of an owner that may leave
    it for other memory.
    """

    dtype: DType
    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    lowest: int
    highest: int
    owner: Any = field(compare=False, repr=False)
    writable: bool = True
    packed: bool = False
    device: str = "cpu"
    stream: int = 0
    memory: Any = field(default=None, compare=False, repr=False)

    @property
    def span(self) -> tuple[int, int]:
        """The offsets of the elements that it has itself, the second excluded."""
        if 0 in self.shape:
            return 0, 0
        ends = [(n - 1) * s for n, s in zip(self.shape, self.strides, strict=True)]
        return sum(e for e in ends if e < 0), 1 + sum(e for e in ends if e > 0)


Argument = Array | int | float | bool
WORDS: Mapping[Slot, Callable[[Any, Entry], int]] = {
    Slot.POINTER: lambda array, _: array.address,
    Slot.EXTENT: lambda array, entry: array.shape[entry.axis],
    Slot.STRIDE: lambda array, entry: array.strides[entry.axis],
    Slot.SCALAR: lambda value, entry: word(value, entry.dtype),
}


def packer(abi: KernelAbi) -> Callable[[Sequence[Argument]], list[int]]:
    """What makes the bits of every slot of a call, in order, as signed integers."""
    place = {p.name: n for n, p in enumerate(abi.params)}
    slots = [(place[entry.param], WORDS[entry.slot], entry) for entry in abi.entries]
    return lambda arguments: [word_of(arguments[n], entry) for n, word_of, entry in slots]


def words_at(slots: int, count: int) -> list[int]:
    """The bits of so many slots, of which an array of pointers begins at an address."""
    pointers = (ctypes.c_void_p * count).from_address(slots)
    return [ctypes.c_int64.from_address(p or 0).value for p in pointers]


@dataclass(frozen=True, eq=False)
class Starter:
    """How native code launches a kernel.

    ``address``: of a C function ``int32 start(void *context, int64 **slots, int64 stream, int32 nx, ny, nz)``. A slot
    points at the bits of the convention's entry of that number, of which 8 bytes can be read. It gives 0, or what
    ``fail`` makes an error of, called with that, the stream and the counts; or less than 0, and has done nothing: then
    ``long`` launches, called with the address of the slots, the stream and the counts. ``keep`` must outlive the code.
    ``releases``: whether it may wait, so that Python's other threads should go on. ``handle`` makes the stream's number
    of what a caller gives as one, or raises TileError; None where there are no streams. ``lasting``: whether what is
    given always stands for the same stream.
    """

    address: int
    context: int
    fail: Callable[[int, int, int, int, int], object]
    long: Callable[[int, int, int, int, int], None] | None = None
    releases: bool = False
    keep: object = None
    handle: Callable[[object], int] | None = None
    lasting: Callable[[object], bool] = lambda _: False


class Artifact(Protocol):
    """A compiled kernel. ``stages``: name → text of every form it went through."""

    @property
    def stages(self) -> Mapping[str, str]: ...

    @property
    def binary(self) -> bytes: ...

    @property
    def resources(self) -> Mapping[str, int]: ...

    def launch(self, grid: tuple[int, int, int], arguments: Sequence[Argument]) -> None:
        """Run every program of the grid; returns when all are done."""
        ...


class Streaming(Artifact, Protocol):
    """An artifact of a card: it may return before all is done, and runs in the order of a stream."""

    def launch(self, grid: tuple[int, int, int], arguments: Sequence[Argument], stream: object = None) -> None:
        """Have the card run every program of the grid. ``stream``: a handle, or an object that has one; where it is
        None, the stream that is current where the arguments come from."""
        ...


@runtime_checkable
class Startable(Protocol):
    """An artifact that native code can launch; None where this one is an exception."""

    def starter(self) -> Starter | None: ...


def starter(artifact: Artifact) -> Starter | None:
    """How native code launches an artifact; None where Python alone does."""
    return artifact.starter() if isinstance(artifact, Startable) else None


class Backend(Protocol):
    """Makes artifacts of functions that went through the passes."""

    def compile(self, func: Func, abi: KernelAbi) -> Artifact: ...


class Keepable(Artifact, Protocol):
    """An artifact that another process can use. ``data`` is all that it takes; None where it cannot be kept."""

    @property
    def data(self) -> bytes | None: ...


class Keeping(Protocol):
    """A backend whose artifacts can be kept."""

    def compile(self, func: Func, abi: KernelAbi) -> Keepable: ...

    def machine(self) -> str:
        """All that decides the code, besides the function: the processor, the versions of tools."""
        ...

    def restore(self, data: bytes, abi: KernelAbi, again: Callable[[], Artifact]) -> Keepable:
        """The artifact that ``data`` was taken of; ``again`` compiles it anew, for texts that are not in the data."""
        ...


@dataclass(frozen=True)
class Place:
    """A device by name: the backend that serves it, the target it runs, whether passes run before, whether the
    backend is :class:`Keeping`. ``others``: the targets that it runs too, when asked to. ``card``: its number, where
    the backend is that of a card and ``backend`` names what makes it. ``streams``: whether launches may name one."""

    name: str
    backend: str
    target: str
    optimise: bool
    keeps: bool = False
    others: tuple[str, ...] = ()
    card: int | None = None
    streams: bool = False

    def running(self, target: str | None) -> Place | None:
        """This place with code for ``target``, or for its own; None where it does not run such code."""
        if target is None or target == self.target:
            return self
        return replace(self, target=target, optimise=True) if target in self.others else None


PLACES = {
    "cpu": Place("cpu", "tilevm.backends.cpu:backend", "cpu", optimise=True, keeps=True),
    "vm": Place("vm", "tilevm.backends.vm:backend", "cpu", optimise=False, others=TARGETS),
    "emulator": Place("emulator", "tilevm.backends.ptx:backend", "sm_80", optimise=True, others=("sm_86", "sm_89")),
}


@dataclass(frozen=True)
class Here:
    """A card that is here: its device, what it is, and the targets whose code it runs, the nearest first; none where
    it is older than all."""

    device: str
    about: str
    targets: tuple[str, ...]


class Mark(Protocol):
    """A place in the order of a card's stream."""

    def since(self, before: Any) -> float:
        """The seconds from when the card went past ``before``, a mark of the same card; waits until it is past both."""
        ...


class Cards(Protocol):
    """The cards of one vendor that are here."""

    def driver(self) -> str:
        """Which driver serves them. Raises TileError where there is none that does."""
        ...

    def here(self) -> list[Here]:
        """All of them. Raises TileError where no driver serves them."""
        ...

    def place(self, number: int) -> Place:
        """The place of a card. Raises TileError where there is no such card, or it runs none of the code made here."""
        ...

    def holding(self, address: int) -> int:
        """The number of the card whose memory an address is in. Raises TileError where it is in none's."""
        ...

    def put(self, number: int, content: Any) -> Any:
        """A copy of an array of bytes in a card's memory: an object with ``__cuda_array_interface__``, with which the
        memory goes. It is there when this returns."""
        ...

    def get(self, number: int, address: int, count: int, stream: int) -> Any:
        """The array of so many bytes at an address of a card, once a stream has done all."""
        ...

    def mark(self, number: int, stream: object = None) -> Mark:
        """A mark behind all that is on a stream of a card so far, to time what is launched between two of them.

        ``stream`` as of launches; None for the default one. Nothing waits. Raises TileError for what is no stream, and
        where the card or its driver refuses.
        """
        ...


FAMILIES = {"cuda": "tilevm.backends.ptx:cards"}  # of devices that are many: cuda:0, cuda:1, …


def place(device: str) -> Place:
    """The place called ``device``. Raises TileError with the nearest name when there is none."""
    if device in PLACES:
        return PLACES[device]
    family, _, number = device.partition(":")
    if family in FAMILIES and (number.isdecimal() or device == family):
        return cards(family).place(int(number or 0))
    known = [*PLACES, *(f"{name}:0" for name in FAMILIES)]
    near = nearest(device, known)
    raise TileError(
        f"no device is called {device!r}", help=f"did you mean {near!r}?" if near else f"one of {', '.join(known)}"
    )


def cards(family: str) -> Cards:
    """The cards of a family of :data:`FAMILIES`, whose backend is imported by name."""
    return cast(Cards, pkgutil.resolve_name(FAMILIES[family]))


WRITERS = dict.fromkeys(("sm_80", "sm_86", "sm_89"), "tilevm.backends.ptx:writer")  # of machines that code is made for


def unrun(target: str) -> Place:
    """The place of code for a machine that nothing here runs yet: it can be examined."""
    return Place("nowhere", WRITERS.get(target, "tilevm.backend:EXAMINED"), target, optimise=True)


def not_here(abi: KernelAbi, target: str) -> TileError:
    """What to say to somebody who runs such a kernel."""
    return TileError(
        f"{abi.name} was compiled for {target}, and no such machine is here to run it",
        help="device='vm' runs what its threads do; leave target out to run on the CPU",
    )


@dataclass(frozen=True)
class Unrun:
    """A kernel that was compiled for a machine which is not here."""

    abi: KernelAbi
    target: str
    stages: Mapping[str, str] = field(default_factory=dict)
    binary: bytes = b""
    resources: Mapping[str, int] = field(default_factory=dict)

    def launch(self, grid: tuple[int, int, int], arguments: Sequence[Argument]) -> None:
        raise not_here(self.abi, self.target)


class Examined:
    """The backend of machines whose code is not made yet."""

    def compile(self, func: Func, abi: KernelAbi) -> Artifact:
        return Unrun(abi, func.target or "", {"thread": print_func(func)})


EXAMINED: Backend = Examined()


def load(where: Place) -> Backend:
    """The backend that serves a place, imported by name: the core knows no backend otherwise."""
    return cast(Backend, named(where))


def keeper(where: Place) -> Keeping | None:
    """The same, where its artifacts can be kept."""
    return cast(Keeping, named(where)) if where.keeps else None


def named(where: Place) -> Any:
    """What the name of a place's backend stands for; that of a card is made for it."""
    found = pkgutil.resolve_name(where.backend)
    return found if where.card is None else found(where.card)
