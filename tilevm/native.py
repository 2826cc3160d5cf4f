"""Machine code in memory, for whoever makes some: kernels on the CPU, and what starts kernels without Python.

LLVM's JITLink loads an object as one piece. MCJIT takes memory for code and for constants one by one: where a process
has little room in one place they may be further apart than code reaches, 2 GiB, and LLVM ends the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from tilevm.compiling import COMPILING

numbers = count()
linkers: list[Any] = []  # the one of this process; a child has it from its parent


class Loaded:
    """An object in memory, for as long as this is held; its functions have their addresses by name."""

    def __init__(self, llvm: Any, binary: bytes, *names: str, known: Mapping[str, int] | None = None) -> None:
        """``llvm``: llvmlite's binding. ``names``: the functions that are asked for. ``known``: addresses of what the
        object calls; else the process has it."""
        library = llvm.JITLibraryBuilder().add_object_img(binary).add_current_process()
        for name in names:
            library.export_symbol(name)
        for name, address in (known or {}).items():
            library.import_symbol(name, address)
        with COMPILING:
            if not linkers:
                linkers.append(llvm.create_lljit_compiler(use_jit_link=True))
            self._library = library.link(linkers[0], f"library {next(numbers)}")
        self._library.linker = linkers[0]  # which goes after all that it loaded

    def __getitem__(self, name: str) -> int:
        found: int = self._library[name]
        return found
