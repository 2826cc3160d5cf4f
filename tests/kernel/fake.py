"""A backend that compiles nothing and remembers its launches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tilevm.abi import KernelAbi
from tilevm.backend import Argument
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


backend = FakeBackend()
