"""A backend that compiles nothing and remembers its launches."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tilevm.abi import KernelAbi
from tilevm.backend import Argument, Starter, packer
from tilevm.ir import Func


@dataclass
class FakeArtifact:
    """Its launches, in order."""

    func: Func
    launches: list[tuple[tuple[int, int, int], list[Argument]]] = field(default_factory=list)
    stages: Mapping[str, str] = field(default_factory=lambda: {"fake": "nothing"})
    binary: bytes = b"fake"
    resources: Mapping[str, int] = field(default_factory=lambda: {"registers": 0})

    def launch(self, grid: tuple[int, int, int], arguments: Sequence[Argument]) -> None:
        self.launches.append((grid, list(arguments)))


@dataclass
class FakeBackend:
    """The artifacts that it made, in order."""

    made: list[FakeArtifact] = field(default_factory=list)

    def compile(self, func: Func, abi: KernelAbi) -> FakeArtifact:
        self.made.append(FakeArtifact(func))
        return self.made[-1]

    @property
    def grids(self) -> list[tuple[int, int, int]]:
        return [grid for artifact in self.made for grid, _ in artifact.launches]


START = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int64,
    ctypes.c_int32,
    ctypes.c_int32,
    ctypes.c_int32,
)
Started = tuple[FakeArtifact, list[int], tuple[int, int, int]]


@dataclass
class NativeBackend(FakeBackend):
    """Its artifacts are launched by native code too; ``started`` has the artifact, slots and counts of each launch,
    ``answer`` is what starting gives."""

    started: list[Started] = field(default_factory=list)
    answer: int = 0
    long: Callable[[int, int, int, int, int], None] | None = None
    fail: Callable[[int, int, int, int, int], object] = lambda *_: None
    releases: bool = False

    def compile(self, func: Func, abi: KernelAbi) -> FakeArtifact:
        self.made.append(NativeArtifact(func, abi=abi, backend=self))
        return self.made[-1]


@dataclass
class NativeArtifact(FakeArtifact):
    abi: KernelAbi | None = None
    backend: NativeBackend | None = None

    def launch(self, grid: tuple[int, int, int], arguments: Sequence[Argument]) -> None:
        super().launch(grid, arguments)
        assert self.abi is not None and self.backend is not None
        self.backend.started.append((self, packer(self.abi)(arguments), grid))

    def starter(self) -> Starter:
        assert self.abi is not None and self.backend is not None
        backend, count = self.backend, len(self.abi.entries)

        def start(context: int, slots: int, stream: int, nx: int, ny: int, nz: int) -> int:
            pointers = (ctypes.c_void_p * count).from_address(slots) if count else ()
            words = [ctypes.c_int64.from_address(p).value for p in pointers]
            backend.started.append((self, words, (nx, ny, nz)))
            return backend.answer

        held = START(start)
        address = ctypes.cast(held, ctypes.c_void_p).value
        assert address is not None
        return Starter(address, 0, backend.fail, backend.long, backend.releases, keep=held)


backend = FakeBackend()
