"""The machine that native code is made for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm

VECTOR_BITS = (("avx512f", 512), ("avx2", 256))


@dataclass(frozen=True)
class Host:
    """Name and features as LLVM spells them, the width of a vector, how many vector registers, and f16 conversion."""

    name: str
    features: str
    vector_bits: int
    vector_registers: int
    has_f16: bool = True

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
    return Host(llvm.get_host_cpu_name(), features.flatten(), bits, 32 if bits == 512 else 16, f16)


def machine() -> llvm.TargetMachine:
    """A code generator for this host. LLVM's middle end never runs, so the emitter writes final form."""
    here = host()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=here.name, features=here.features, opt=2, reloc="pic", codemodel="small")
