"""A kernel of some PTX, and its launch over a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from tilevm.source import TileError

from .arena import Arena
from .decode import decode
from .hazards import Emulation, EmulationError
from .kinds import HOLD, constant, width
from .machine import Launch, Machine, Step
from .memory import Memory
from .parse import read
from .program import Program, link, size_of
from .records import Declaration, Text

LIMIT = 10_000_000
MOST_THREADS = 1024


@dataclass(frozen=True)
class Module:
    """PTX that was read."""

    text: Text

    @property
    def kernels(self) -> tuple[str, ...]:
        """Names of its kernels."""
        return tuple(f.name for f in self.text.functions.values() if f.entry and f.body is not None)

    def kernel(self, name: str) -> Kernel:
        """A kernel made ready to run.

        :raises TileError: there is none of this name
        :raises EmulationError: it has an instruction that the emulator does not know
        """
        program = link(self.text, name)
        return Kernel(program, decode(program))


@dataclass(frozen=True)
class Kernel:
    """A kernel made ready to run."""

    program: Program
    steps: tuple[Step, ...]

    @cached_property
    def name(self) -> str:
        return self.program.function.name

    def launch(
        self,
        grid: Sequence[int] | int,
        block: Sequence[int] | int,
        args: Sequence[Any],
        shared_bytes: int = 0,
        memory: Memory | None = None,
        collect: bool = False,
        limit: int = LIMIT,
    ) -> Emulation:
        """Runs the kernel's blocks one after another; arrays among ``args`` are changed in place.

        ``args`` are arrays, numbers or bytes, one a parameter; an array passes its address and joins ``memory``.
        ``shared_bytes`` is the shared memory given at launch, ``limit`` how many instructions a block may issue.

        :raises TileError: grid, block or arguments do not fit the kernel
        :raises EmulationError: the first hazard; with ``collect`` all are in the report instead
        """
        memory = Memory() if memory is None else memory
        size, shape = triple(grid, "grid"), triple(block, "block")
        self.check_block(shape)
        params = self.pack(args, memory)
        outer = {name: self.place(variable, memory) for name, variable in self.program.outer.items()}
        total = self.program.shared_bytes + shared_bytes
        launch = Launch(self.program, self.steps, size, shape, params, outer, memory, memory.open(), total, limit)
        issued = blocks = 0
        with np.errstate(all="ignore"):
            for z, y, x in product(*map(range, reversed(size))):
                machine = Machine(launch, (x, y, z))
                try:
                    machine.run()
                except EmulationError:
                    break
                finally:
                    issued += machine.issued
                    blocks += 1
        memory.close(launch.arena)
        emulation = Emulation(tuple(launch.hazards.values()), issued, blocks)
        return emulation if collect else emulation.check()

    def check_block(self, block: tuple[int, int, int]) -> None:
        """The block is one that the kernel was compiled for."""
        limits = self.program.function.limits
        required = limits.get("reqntid")
        if required and tuple((*required, 1, 1)[:3]) != block:
            raise TileError(
                f"{self.name} is for blocks of {list(required)} threads, not {list(block)}",
                self.program.function.span,
                help=f"launch it with block={list(required)}",
            )
        most = int(np.prod(limits.get("maxntid", (MOST_THREADS,))))
        if int(np.prod(block)) > most:
            raise TileError(f"{self.name} is for at most {most} threads, not {list(block)}", help="launch fewer")

    def pack(self, args: Sequence[Any], memory: Memory) -> Arena:
        """The bytes of the parameters."""
        declared = self.program.function.params
        if len(args) != len(declared):
            raise TileError(
                f"{self.name} has {len(declared)} parameters, {len(args)} arguments were given",
                help=f"its parameters are {', '.join(p.name for p in declared)}",
            )
        places = [self.program.places[p.name][1] for p in declared]
        arena = Arena(max((at + size_of(p) for at, p in zip(places, declared, strict=True)), default=0))
        for at, parameter, value in zip(places, declared, args, strict=True):
            content = as_parameter(parameter, value, memory)
            arena.data[at : at + len(content)] = np.frombuffer(content, np.uint8)
        arena.written[:] = True
        return arena

    def place(self, variable: Declaration, memory: Memory) -> int:
        """The address of a variable of the module, filled anew with its initial values at each launch."""
        hold = np.uint8 if variable.type == "pred" else HOLD[variable.type]
        array = np.zeros(variable.count or 0, hold)
        for i, text in enumerate(variable.initial):
            try:
                array[i] = constant(text, variable.type)[0]
            except ValueError:
                message = f"{variable.name} begins with {text}, an address"
                raise TileError(message, variable.span, help="set it in the kernel") from None
        return memory.add(array, variable.name)


def as_parameter(parameter: Declaration, value: Any, memory: Memory) -> bytes:
    """The bytes of one argument, as its parameter's type has them."""
    wanted = size_of(parameter)
    if isinstance(value, np.ndarray):
        return np.uint64(memory.add(value, parameter.name)).tobytes()[:wanted]
    if isinstance(value, bytes | np.generic):
        content = value if isinstance(value, bytes) else value.tobytes()
    elif isinstance(value, float):
        content = np.dtype(f"f{wanted}").type(value).tobytes()
    elif isinstance(value, int):
        content = (value & ((1 << width(parameter.type)) - 1)).to_bytes(width(parameter.type) // 8, "little")
    else:
        raise TileError(f"{parameter.name} cannot be a {type(value).__name__}", help="pass an array or a number")
    if len(content) != wanted:
        message = f"{parameter.name} has {wanted} bytes, the argument {len(content)}"
        raise TileError(message, parameter.span, help=f"pass a number of {wanted} bytes")
    return content


def triple(given: Sequence[int] | int, what: str) -> tuple[int, int, int]:
    """Three extents, those left out being 1."""
    extents = (given,) if isinstance(given, int) else tuple(given)
    if not 1 <= len(extents) <= 3 or any(e < 0 or (what == "block" and e < 1) for e in extents):
        raise TileError(f"{what} {list(extents)} is no shape", help="give one to three positive extents")
    x, y, z = (*extents, 1, 1)[:3]
    return x, y, z


def parse(text: str, name: str = "<ptx>") -> Module:
    """PTX text made into a module; ``name`` is what errors call the text.

    :raises TileError: the text cannot be read
    """
    return Module(read(text, name))
