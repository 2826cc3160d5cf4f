"""The machine as a backend: functions of either level as they stand."""

from __future__ import annotations

from tilevm.abi import KernelAbi
from tilevm.ir import Func

from .machine import Run
from .threads import ThreadRun


class ReferenceMachine:
    """Runs tile IR, and the IR of threads; nothing is compiled."""

    def compile(self, func: Func, abi: KernelAbi) -> Run | ThreadRun:
        return Run(func, abi) if func.warps is None else ThreadRun(func, abi)
