"""The thread-level instruction set: what one thread of a block does.

Instructions that work element by element, constants, ``splat``, ``philox``, ``view`` and control flow are those of the
tile level; a tile of one dimension is here a **register array**, so many registers of each thread. The rest stands
in this package. Numbers may differ from thread to thread; those that loops and branches ask are alike in all.
"""

from tilevm.ir.threads.memory import (
    AsyncAwait,
    AsyncCommit,
    AsyncCopy,
    AsyncWait,
    Barrier,
    GlobalAccess,
    GlobalAtomic,
    GlobalAtomicCas,
    GlobalLoad,
    GlobalStore,
    MatrixLoad,
    Ring,
    SharedAccess,
    SharedBuffer,
    SharedLoad,
    SharedStore,
    Stride,
)
from tilevm.ir.threads.op import ThreadOp
from tilevm.ir.threads.registers import Join, Mma, Numbers, Pick, Register, Shuffle, ShuffleXor, Take, ThreadId
from tilevm.ir.threads.report import Check, Tell

__all__ = [
    "AsyncAwait",
    "AsyncCommit",
    "AsyncCopy",
    "AsyncWait",
    "Barrier",
    "Check",
    "GlobalAccess",
    "GlobalAtomic",
    "GlobalAtomicCas",
    "GlobalLoad",
    "GlobalStore",
    "Join",
    "MatrixLoad",
    "Mma",
    "Numbers",
    "Pick",
    "Register",
    "Ring",
    "SharedAccess",
    "SharedBuffer",
    "SharedLoad",
    "SharedStore",
    "Shuffle",
    "ShuffleXor",
    "Stride",
    "Take",
    "Tell",
    "ThreadId",
    "ThreadOp",
]
