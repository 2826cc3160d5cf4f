"""A kernel specialised and compiled: its texts, its binary, and how to run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, cast

from tilevm.abi import KernelAbi
from tilevm.backend import Argument, Array, Streaming
from tilevm.driver import Build
from tilevm.layout import Layout
from tilevm.passes.layouts.fragments import fragments
from tilevm.runtime.arguments import Seen, Trait, Weak, read
from tilevm.runtime.contract import Contract
from tilevm.runtime.grid import Extents, Grid, counts, limited
from tilevm.runtime.home import belong
from tilevm.runtime.launch.repeats import Repeats
from tilevm.runtime.launch.sketch import Call
from tilevm.runtime.specialise import fits
from tilevm.runtime.weights import PackedWeights, accept
from tilevm.source import TileError
from tilevm.types import Pointer, Scalar, Tensor, Type


@dataclass(frozen=True, eq=False)
class Compiled:
    """``compiled(*args)`` runs it on its own grid, ``compiled[grid](*args)`` on another.

    The arguments are the kernel's run-time parameters, in order. ``constants``: the compile-time ones.
    """

    __slots__ = ("__call__", "__dict__")  # calls go to what the first slot holds, native code by and by

    build: Build
    contract: Contract
    constants: Mapping[str, object]
    num_warps: int = 4
    __call__: ClassVar[Callable[..., None]]

    @property
    def layouts(self) -> Mapping[str, Layout]:
        """For a machine with threads: tensor → the layout in which what is loaded of it is used, where it is one."""
        return fragments(self.build.optimised)

    @property
    def stages(self) -> Mapping[str, str]:
        """Name → text of every form that the kernel went through, in order."""
        return self.build.stages

    @property
    def binary(self) -> bytes:
        """The machine code, where the device has any."""
        return self.build.artifact.binary

    @property
    def resources(self) -> Mapping[str, int]:
        """What a launch takes, by name."""
        return self.build.artifact.resources

    @property
    def abi(self) -> KernelAbi:
        """The calling convention: parameters in order, and the grid."""
        return self.build.abi

    @property
    def target(self) -> str:
        """What the code is made for."""
        return self.build.where.target

    @property
    def device(self) -> str:
        """What it runs on."""
        return self.build.where.name

    def __repr__(self) -> str:
        params = ", ".join(f"{p.name}: {p.type}" for p in self.abi.params)
        return f"<{self.abi.name} for {self.target}: {params}>"

    def __post_init__(self) -> None:
        object.__setattr__(self, "__call__", self._otherwise(None))

    def __getitem__(self, grid: Grid) -> Callable[..., None]:
        """A launcher on ``grid``: counts along x, y, z, or a function of what is bound."""
        return self._repeats.find(grid) or self._repeats.launcher(grid)

    def _otherwise(self, grid: Grid | None) -> Callable[..., None]:
        """A launcher that goes through Python."""

        return lambda *args, stream=None, **others: self._by_position(grid, args, stream, others)

    def _by_position(self, grid: Grid | None, args: Sequence[Any], stream: object, others: Mapping[str, Any]) -> None:
        if others:
            names = ", ".join(p.name for p in self.abi.params)
            raise TileError(
                f"{self.abi.name} was compiled, and takes arguments by position: {next(iter(others))} is given by name",
                help=f"give {names} in this order; of names there is stream alone, since all else is fixed already",
            )
        self.launch(grid, args, stream)

    @cached_property
    def _repeats(self) -> Repeats:
        return Repeats(self.abi.name, self._otherwise)

    def launch(self, grid: Grid | None, args: Sequence[Any], stream: object = None) -> None:
        """Run on arguments as callers hold them. Raises TileError unless they are what was compiled for."""
        params = self.abi.params
        if len(args) != len(params):
            names = ", ".join(p.name for p in params)
            raise TileError(
                f"{self.abi.name} was compiled for {len(params)} arguments ({names}), not {len(args)}",
                help="give all of these by position; compile-time parameters are fixed already",
            )
        arguments, all_seen = [], []
        for param, value in zip(params, args, strict=True):
            if isinstance(value, PackedWeights):
                accept(param.name, value, self.layouts.get(param.name))
            argument, seen = read(value, param.name)
            if not ADMITS[type(param.type)](param.type, argument, seen):
                raise TileError(
                    f"{param.name} is {told(argument, seen)}, and {self.abi.name} was compiled for {param.type}",
                    help="call the kernel itself: it compiles for what it is given",
                )
            arguments.append(argument)
            all_seen.append(seen)
        belong(self.device, self.contract.params, all_seen)
        self.run(grid, arguments, stream)
        if not callable(grid) and self._repeats.often(None, grid, args, {} if stream is None else {"stream": stream}):
            self._prepare(grid, args, stream, all_seen)

    def _prepare(self, grid: Grid | None, args: Sequence[Any], stream: object, seen: Sequence[Seen]) -> None:
        if not all(exactly(p.type, s) for p, s in zip(self.abi.params, seen, strict=True)):
            return
        places: list[int | None] = [*range(len(args))]
        given = () if stream is None else (stream,)
        call = Call((*args, *given), ("stream",)[: len(given)], places + [None] * len(given), (), stream)
        if self._repeats.prepare(self.build.artifact, self, grid, call, seen) and grid is None:
            object.__setattr__(self, "__call__", self._repeats.own())

    def run(self, grid: Grid | None, arguments: Sequence[Argument], stream: object = None) -> None:
        """Run on arguments whose types and devices are known to be right; what else the contract asks is checked."""
        self.run_counted(self.counted(grid, arguments), arguments, stream)

    def run_counted(self, programs: tuple[int, int, int], arguments: Sequence[Argument], stream: object = None) -> None:
        """Run so many programs. Raises TileError for a stream where the device has none."""
        self.refuse_stream(stream)
        if 0 in programs:
            return
        if stream is None:
            self.build.artifact.launch(programs, arguments)
        else:
            cast(Streaming, self.build.artifact).launch(programs, arguments, stream)

    def refuse_stream(self, stream: object) -> None:
        """Raises TileError for a stream where the device has none."""
        if stream is not None and not self.build.where.streams:
            raise TileError(
                f"device {self.device!r} has no streams", help="leave out stream=: the call returns when all is done"
            )

    def counted(self, grid: Grid | None, arguments: Sequence[Argument]) -> tuple[int, int, int]:
        """How many programs such a call runs along x, y and z. Raises TileError for what the contract forbids."""
        names = self.contract.check(arguments)
        return self.programs(names) if grid is None else self.asked(grid, names, arguments)

    def asked(self, grid: Grid, names: Mapping[str, int], arguments: Sequence[Argument]) -> tuple[int, int, int]:
        """A grid written at the call: within the kernel's own one, if it has one, since bounds were proved on that."""
        programs = counts(grid, self.bound(names, arguments))
        if self.abi.grid is not None:
            own = self.programs(names)
            if any(n > most for n, most in zip(programs, own, strict=True)):
                raise TileError(
                    f"{self.abi.name} was compiled for its own grid {own}, and {programs} goes beyond it",
                    help="call kernel[grid](…) itself: it compiles for any grid",
                )
        return programs

    def programs(self, names: Mapping[str, int]) -> tuple[int, int, int]:
        """The kernel's own grid."""
        if self.abi.grid is None:
            raise TileError(
                f"nothing says how many programs of {self.abi.name} to run",
                help=f"call {self.abi.name}[grid](…), or write @tv.kernel(grid=lambda …: …)",
            )
        return limited(self.abi.programs(names))

    def bound(self, names: Mapping[str, int], arguments: Sequence[Argument]) -> dict[str, Any]:
        """Everything that a grid function may ask for."""
        pairs = zip(self.contract.params, arguments, strict=True)
        tensors = {n: Extents(a.shape, a.dtype) for n, a in pairs if isinstance(a, Array)}
        return {**self.constants, **names, **tensors}


def exactly(wanted: Type, seen: Seen) -> bool:
    """Whether all that look like this are admitted: not where an axis has to have neighbours that touch, and one of a
    single element stood for it."""
    if not isinstance(wanted, Tensor) or not isinstance(seen, Trait) or wanted.packed:
        return True
    return all(unit or stride != 1 for unit, stride in zip(seen.units, wanted.strides, strict=True))


def admits_tensor(wanted: Tensor, argument: Any, seen: Seen) -> bool:
    if not isinstance(seen, Trait) or seen.dtype != wanted.dtype or len(seen.units) != wanted.rank:
        return False
    if wanted.packed is not seen.packed:
        return False
    if wanted.packed:  # strides follow from the extents, which the contract looks at
        return seen.align % min(wanted.align, 16) == 0
    units = zip(wanted.strides, argument.shape, seen.units, strict=True)
    return seen.align % min(wanted.align, 16) == 0 and all(u or s != 1 or n <= 1 for s, n, u in units)


def admits_pointer(wanted: Pointer, argument: Any, seen: Seen) -> bool:
    return isinstance(seen, Trait) and seen.dtype == wanted.dtype and argument.address % wanted.align == 0


def admits_scalar(wanted: Scalar, argument: Any, seen: Seen) -> bool:
    return not isinstance(seen, Trait) and fits(wanted.dtype, seen.dtype if isinstance(seen, Weak) else seen)


ADMITS: dict[type, Callable[[Any, Any, Seen], bool]] = {
    Tensor: admits_tensor,
    Pointer: admits_pointer,
    Scalar: admits_scalar,
}


def told(argument: Argument, seen: Seen) -> str:
    """An argument in a few words."""
    if isinstance(argument, Array) and argument.packed:
        return f"{argument.dtype}[{', '.join(map(str, argument.shape))}] packed"
    if isinstance(argument, Array):
        return f"{argument.dtype}[{', '.join(map(str, argument.shape))}] with strides {argument.strides}"
    return f"{argument!r}"
