"""The machine that native code is made for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm

from tilevm.compiling import COMPILING

VECTOR_BITS = (("avx512f", 512), ("avx2", 256))


@dataclass(frozen=True)
class Host:
    """What is known of a machine.

    ``name`` and ``features`` as LLVM spells them; the width of a vector and how many vector registers; ``has_f16``:
    conversion of f16. ``bf16_pairs``, ``i16_pairs``: whether pairs are multiplied and added in 32 bits faster than
    one by one.
    """

    name: str
    features: str
    vector_bits: int
    vector_registers: int
    has_f16: bool = True
    bf16_pairs: bool = False
    i16_pairs: bool = False

    def has(self, feature: str) -> bool:
        """Whether the host has a feature, by LLVM's name for it."""
        return f"+{feature}" in self.features.split(",")

    def lanes(self, bits: int) -> int:
        """Elements of ``bits`` bits in one vector."""
        return self.vector_bits // bits


@cache
def host() -> Host:
    """This machine; a vector of 128 bits where nothing wider is known."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    features = llvm.get_host_cpu_features()
    bits = next((width for name, width in VECTOR_BITS if features.get(name)), 128)
    f16 = bool(features.get("f16c", not llvm.get_default_triple().startswith(("x86_64", "i"))))
    # vdpbf16ps issues twice a cycle on Zen 4 and 5, and once in two cycles on Intel's cores, where it takes twice as
    # long as the fused multiply-adds that it stands for (measured: 84 against 170 GFLOP/s).
    name = llvm.get_host_cpu_name()
    bf16 = bits == 512 and bool(features.get("avx512bf16")) and name.startswith("znver")
    i16 = bool(features.get("avx512vnni" if bits == 512 else "avxvnni"))
    return Host(name, features.flatten(), bits, 32 if bits == 512 else 16, f16, bf16, i16)


def machine() -> llvm.TargetMachine:
    """A code generator for this host. LLVM's middle end never runs, so the emitter writes final form.

    Level 1 of code generation makes code as fast as level 2 does, in less time; that of level 0 is three times slower.
    """
    here = host()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=here.name, features=here.features, opt=1, reloc="pic", codemodel="small")


LLVM_LOCK = llvm.ffi.lib._lock  # llvmlite has no public way to it: what it calls back is called with the lock held


def hold() -> None:
    """Wait until no thread is inside LLVM, where also those are that give memory back without compiling."""
    COMPILING.acquire()  # in the order in which threads that compile take the two
    LLVM_LOCK.__enter__()


def let_go() -> None:
    LLVM_LOCK.__exit__()
    COMPILING.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=hold, after_in_parent=let_go, after_in_child=let_go)
