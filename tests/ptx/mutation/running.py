"""Cases on the two machines: the emulator of PTX, and the machine that runs threads by their meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.ptx.mutation.cases import Case
from tilevm.abi import KernelAbi
from tilevm.backend import Argument
from tilevm.backends.ptx.arguments import Passing
from tilevm.backends.ptx.artifact import Emulated
from tilevm.backends.ptx.emulator import Emulation, Kernel
from tilevm.backends.vm import backend as reference
from tilevm.ir import Func
from tilevm.runtime.arguments import read
from tilevm.source import TileError

SLACK = 4  # how many times the instructions of the right kernel a mutant may issue


def arguments(case: Case, args: Sequence[Any]) -> list[Argument]:
    return [read(value, param.name)[0] for param, value in zip(case.compiled.abi.params, args, strict=True)]


@dataclass(frozen=True)
class Emulating:
    """The emulator, for one case; ``limits``: the instructions that each of its calls may issue."""

    case: Case
    emulated: Emulated
    limits: tuple[int, ...] = ()

    def launch(self, kernel: Kernel, args: Sequence[Any], limit: int) -> Emulation:
        given = arguments(self.case, args)
        passing = Passing(self.emulated.abi, given)
        sizes, listing = self.case.compiled.counted(None, given), self.emulated.listing
        return kernel.launch(
            sizes, listing.threads, list(passing.values()), listing.shared, passing.memory, limit=limit
        )

    def caught(self, kernel: Kernel) -> bool:
        """Whether a call of a weakened kernel is refused, or its results are not right."""
        for call, limit in zip(self.case.calls, self.limits, strict=True):
            try:
                if not call.right(lambda args, limit=limit: self.launch(kernel, args, limit)):
                    return True
            except TileError:
                return True
        return False


def emulating(case: Case) -> Emulating:
    """The emulator, the right kernel of a case found to be right on it."""
    emulated = case.compiled.build.artifact
    assert isinstance(emulated, Emulated)
    fresh, limits = Emulating(case, emulated), []
    for call in case.calls:

        def run(args: Sequence[Any]) -> None:
            limits.append(SLACK * fresh.launch(emulated.kernel, args, 1 << 20).instructions)

        assert call.right(run), case.compiled
    return Emulating(case, emulated, tuple(limits))


def threads_caught(case: Case, func: Func) -> bool:
    """Whether the machine of threads refuses a weakened function, or its results are not right."""
    run = reference.compile(func, KernelAbi.of(func))

    def launch(args: Sequence[Any]) -> None:
        given = arguments(case, args)
        run.launch(case.compiled.counted(None, given), given)

    try:
        return not all(call.right(launch) for call in case.calls)
    except TileError:
        return True
