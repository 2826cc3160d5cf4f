"""``python selects.py MACHINE``: each matrix instruction of an AMD machine through LLVM; prints names, a line each.

A program of its own, because LLVM ends the process at an instruction that the machine does not have.
"""

import sys

import llvmlite.binding as llvm

from tilevm.target import MmaAtom, target
from tilevm.types import DType, bf16, f16, f32, f64, i32, tf32

SINGLE = {f16: "half", bf16: "bfloat", f32: "float", tf32: "float", f64: "double", i32: "i32"}
KERNEL = """
declare {c} @{name}({types})
define amdgpu_kernel void @k(ptr addrspace(1) %p, {a} %a, {b} %b, i32 %s) {{
  %c = load {c}, ptr addrspace(1) %p
  %d = call {c} @{name}({values})
  store {c} %d, ptr addrspace(1) %p
  ret void
}}
"""


def vector(count: int, element: str) -> str:
    return element if count == 1 else f"<{count} x {element}>"


def operand(atom: MmaAtom, dtype: DType, words: int, slots: int) -> str:
    """LLVM's type of an operand: small numbers come as words, those of the older bf16 forms as integers."""
    if atom.scales is not None:
        return vector(words, "i32")
    if dtype is bf16 and atom.builtin.endswith("_1k"):
        return vector(slots, "i16")
    if dtype in SINGLE:
        return vector(slots, SINGLE[dtype])
    return "i64" if words == 2 else vector(words, "i32")


def module(atom: MmaAtom) -> str:
    assert atom.a is not None and atom.b is not None
    words = atom.words
    a = operand(atom, atom.a_dtype, words[0], atom.a.registers)
    b = operand(atom, atom.b_dtype, words[1], atom.b.registers)
    c = vector(atom.c.registers, SINGLE[atom.c_dtype])
    name = atom.builtin.removeprefix("__builtin_").replace("_", ".")
    flags = ["i32 0"] * 3
    if atom.scales is not None and atom.codes is not None:
        mangled = [x.replace("<", "v").replace(" x ", "").replace(">", "") for x in (a, b)]
        name = ".".join([name, *mangled])
        flags = [*(f"i32 {code}" for code in atom.codes), "i32 0", "i32 %s", "i32 0", "i32 %s"]
    values = [f"{a} %a", f"{b} %b", f"{c} %c", *flags]
    types = ", ".join(value.rsplit(" ", 1)[0] for value in values)
    return KERNEL.format(a=a, b=b, c=c, name=f"llvm.{name}", types=types, values=", ".join(values))


def main(machine: str) -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    found = llvm.Target.from_triple("amdgcn-amd-amdhsa").create_target_machine(cpu=machine)
    for atom in target(machine).mma_atoms:
        parsed = llvm.parse_assembly(module(atom))
        parsed.triple = "amdgcn-amd-amdhsa"
        lines = (line.split() for line in found.emit_assembly(parsed).splitlines())
        [name] = [words[0] for words in lines if words and words[0].startswith("v_mfma")]
        sys.stdout.write(f"{atom.name} {name}\n")


if __name__ == "__main__":
    main(sys.argv[1])
