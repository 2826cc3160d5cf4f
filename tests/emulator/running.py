"""What the emulator's tests share: third-party PTX by name, and small kernels around a few instructions."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tilevm.backends.ptx.emulator import Emulation, Kernel, Module, parse

PTX = Path(__file__).parent / "ptx"
Array = np.ndarray[Any, Any]
BITS = {1: "b8", 2: "b16", 4: "b32", 8: "b64"}
REGISTERS = """
    .reg .pred %p<8>;
    .reg .b16 %h<32>;
    .reg .b32 %r<64>;
    .reg .f32 %f<32>;
    .reg .b64 %d<32>;
"""


def source(name: str) -> str:
    return (PTX / f"{name}.ptx").read_text(encoding="utf-8")


@cache
def module(name: str) -> Module:
    """PTX of another compiler; errors call it by its file's name."""
    return parse(source(name), f"<{name}.ptx>")


@cache
def kernel(file: str, name: str) -> Kernel:
    return module(file).kernel(name)


def written(body: str, params: int = 1, shared: str = "", name: str = "<test.ptx>") -> Kernel:
    """A kernel ``k`` of some instructions, its parameters ``k_0``, ``k_1`` ... addresses of 64 bits."""
    listed = ", ".join(f".param .u64 k_{i}" for i in range(params))
    text = f".version 8.0\n.target sm_80\n.address_size 64\n{shared}\n.visible .entry k({listed})\n{{{REGISTERS}\n"
    return parse(f"{text}{body}\n    ret;\n}}\n", name).kernel("k")


def each(instruction: str, result: type[np.generic], *operands: Array) -> Array:
    """``instruction`` on each thread's element of the operands; ``{d}`` and ``{a}``, ``{b}``, ``{c}`` are registers."""
    count = len(operands[0])
    lines, names = ["mov.u32 %r0, %tid.x;"], {}
    for i, operand in enumerate(operands):
        size = operand.dtype.itemsize
        register = {1: f"%h{i + 1}", 2: f"%h{i + 1}", 4: f"%r{i + 1}", 8: f"%d{i + 11}"}[size]
        lines += [f"ld.param.u64 %d1, [k_{i}];", f"mad.wide.u32 %d2, %r0, {size}, %d1;"]
        lines += [f"ld.global.{BITS[size]} {register}, [%d2];"]
        names["abc"[i]] = register
    size = np.dtype(result).itemsize
    names["d"] = {2: "%h9", 4: "%r9", 8: "%d9"}[size]
    lines += [instruction.format(**names), f"ld.param.u64 %d1, [k_{len(operands)}];"]
    lines += [f"mad.wide.u32 %d2, %r0, {size}, %d1;", f"st.global.{BITS[size]} [%d2], {names['d']};"]
    out = np.zeros(count, result)
    written("\n".join(lines), len(operands) + 1).launch(1, count, [*operands, out])
    return out


def hazards(emulation: Emulation) -> set[str]:
    """The kinds that were seen."""
    return {h.kind.value for h in emulation.hazards}
