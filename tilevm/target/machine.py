"""A machine as one frozen record of facts; the compiler asks it, and never for its name."""

from __future__ import annotations

from dataclasses import dataclass, field

from tilevm.source import TileError
from tilevm.target.banks import Access, Banks
from tilevm.target.copies import BulkCopy, CopyAtom
from tilevm.target.matrix import MatrixCopy
from tilevm.target.mma import MmaAtom
from tilevm.target.traffic import GlobalMemory
from tilevm.types import DType


@dataclass(frozen=True)
class Limits:
    """What fits. A processor is an SM or a CU; registers have 32 bits; memory is in bytes.

    ``blocks_per_processor`` is of blocks of several warps. ``shared_static`` is what a kernel gets without asking,
    ``shared_per_block`` what it may ask for, ``shared_reserved`` what the system takes of ``shared_per_processor``
    for each block. ``registers_per_thread`` are handed out in steps of ``register_step``; where warps can trade them
    at run time, ``register_trade`` holds the least, the most and the step. ``barriers`` a block may use by number (0:
    one, without a number). ``cluster_blocks``: blocks in a cluster that every card takes; 1 where there are none.
    ``tensor_memory``: bytes of a processor's accumulators outside its registers.
    """

    threads_per_block: int
    threads_per_processor: int
    blocks_per_processor: int
    registers_per_thread: int
    registers_per_processor: int
    shared_static: int
    shared_per_block: int
    shared_per_processor: int
    shared_reserved: int = 0
    register_step: int = 8
    register_trade: tuple[int, int, int] | None = None
    barriers: int = 0
    cluster_blocks: int = 1
    tensor_memory: int = 0


@dataclass(frozen=True, repr=False)
class Target:
    """A machine that code can be made for.

    ``since``: the lowest PTX version that names it; None where PTX is not spoken. ``card`` names one product,
    ``processors`` counts its SMs or CUs, ``dies`` the parts with an L2 of their own among which blocks are dealt out in
    turn. ``small_floats``: those that it rounds f32 to, to nearest and saturating, and turns into f32, by itself.
    """

    name: str
    vendor: str
    generation: str
    since: tuple[int, int] | None
    card: str
    processors: int
    lanes: int
    limits: Limits
    memory: GlobalMemory
    banks: tuple[Banks, ...]
    mma_atoms: tuple[MmaAtom, ...] = field(hash=False)  # a thousand on some; the rest tells machines apart
    copies: tuple[CopyAtom, ...]
    matrix_copies: tuple[MatrixCopy, ...] = ()
    bulk_copies: tuple[BulkCopy, ...] = ()
    dies: int = 1
    small_floats: tuple[DType, ...] = ()

    def __post_init__(self) -> None:
        assert all(atom.threads % self.lanes == 0 for atom in self.mma_atoms), "an atom is of whole warps"
        for banks in self.banks:
            served = sum(map(len, banks.phases or ()))
            assert served in (0, self.lanes), f"{self.name}: {banks} serves {served} of {self.lanes} lanes"

    def __repr__(self) -> str:
        return f"target({self.name!r})"

    @property
    def warps_per_block(self) -> int:
        return self.limits.threads_per_block // self.lanes

    @property
    def warps_per_processor(self) -> int:
        return self.limits.threads_per_processor // self.lanes

    def atoms_for(self, a: DType, b: DType, c: DType) -> tuple[MmaAtom, ...]:
        """The matrix instructions on these types of a, b and the accumulator; none where the machine has none."""
        return tuple(atom for atom in self.mma_atoms if (atom.a_dtype, atom.b_dtype, atom.c_dtype) == (a, b, c))

    def banks_for(self, access: Access, width: int) -> Banks:
        """How shared memory serves ``width`` bytes a lane. Raises TileError where the machine has no such access."""
        for banks in self.banks:
            if (banks.access, banks.width) == (access, width):
                return banks
        known = ", ".join(str(b.width) for b in self.banks if b.access == access) or "none"
        raise TileError(
            f"{self.name} has no {access} of {width} bytes a lane in shared memory", help=f"it has: {known}"
        )

    def atom(self, name: str) -> MmaAtom:
        """The matrix instruction called ``name`` that takes its operands from registers. Raises TileError."""
        for atom in self.mma_atoms:
            if atom.name == name and atom.a is not None and atom.b is not None:
                return atom
        raise TileError(f"{self.name} has no matrix instruction {name}")

    def matrix_copy(self, name: str) -> MatrixCopy:
        """The copy of 8 x 8 matrices called ``name``. Raises TileError."""
        for copy in self.matrix_copies:
            if copy.name == name:
                return copy
        raise TileError(f"{self.name} has no copy {name}")

    def copy(self, name: str) -> CopyAtom | None:
        """The copy called ``name``, where the machine has it."""
        return next((copy for copy in self.copies if copy.name == name), None)
