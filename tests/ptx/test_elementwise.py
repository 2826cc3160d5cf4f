"""Every elementwise instruction on every type that reaches PTX, against the reference machine's meaning of it."""

import numpy as np
import pytest

from tests.ptx.running import Array, emitted, launch, same, some
from tilevm.backends.vm.elementwise import compute
from tilevm.backends.vm.memory import decoded, encoded
from tilevm.backends.vm.values import Held, in_memory
from tilevm.ir import Op
from tilevm.ir.rewrite import walk
from tilevm.ir.verify import verify
from tilevm.text import read_func
from tilevm.types import DType, dtype

THREADS, EACH = 128, 4
COUNT = THREADS * EACH
ARITHMETIC = ("add", "sub", "mul", "floordiv", "mod", "minimum", "maximum")
COMPARE = ("eq", "ne", "lt", "le", "gt", "ge")
CASES = {
    **{name: ARITHMETIC + COMPARE + ("and", "or", "xor", "shl", "shr") for name in ("i32", "u32", "i64", "u64")},
    **{name: ARITHMETIC + COMPARE + ("and", "shl", "shr") for name in ("i8", "u8", "i16", "u16", "i4", "u12", "i40")},
    **{name: (*ARITHMETIC, *COMPARE, "div") for name in ("f32", "f64")},
    **{name: (*ARITHMETIC, *COMPARE, "div") for name in ("f16", "bf16")},
    "bool": ("and", "or", "xor", *COMPARE),
}
UNARY = {
    **{name: ("neg", "abs", "not") for name in ("i8", "i32", "u32", "i64", "u16", "i40")},
    **{name: ("neg", "abs", "sqrt", "floor", "ceil") for name in ("f16", "bf16", "f32", "f64")},
    "bool": ("not",),
}


def kernel(line: str, takes: list[DType], gives: DType, target: str = "sm_80") -> str:
    """A function that loads an array for each operand, does one thing, and stores what comes out."""
    params = ", ".join(f"%p{i}: ptr<{t}, align=16>" for i, t in enumerate(takes))
    loads = "\n".join(f"%x{i} = global_load %p{i}, %o {{width = {EACH}}} : {t}[{EACH}]" for i, t in enumerate(takes))
    return f"""func @k({params}, %out: ptr<{gives}, align=16>) warps(4, {target}) {{
  %t = thread_id : i32
  %four = constant {{value = {EACH}, of = i32}} : i32
  %at = mul %t, %four : i32
  %o = splat %at {{shape = [1]}} : i32[1]
  {loads}
  {line} : {gives}[{EACH}]
  global_store %out, %r, %o {{width = {EACH}}}
  yield []
}}"""


def agrees(line: str, takes: list[DType], gives: DType, data: list[Array], target: str = "sm_80") -> None:
    """Emulated PTX gives what the reference machine gives."""
    func = verify(read_func(kernel(line, takes, gives, target)))
    out = np.zeros(COUNT, in_memory(gives))
    raw = [d.view(np.uint16) if d.dtype.name == "bfloat16" else d for d in data]
    written = out.view(np.uint16) if out.dtype.name == "bfloat16" else out
    launch(emitted(func), [*raw, written])
    op = next(op for op in walk(func.body) if [v.hint for v in op.results] == ["r"])
    same(gives, out, meant(op, takes, gives, data), zeros=op.name not in ("minimum", "maximum"))


def meant(op: Op, takes: list[DType], gives: DType, data: list[Array]) -> Array:
    with np.errstate(invalid="ignore"):
        held = [Held(decoded(t, d)) for t, d in zip(takes, data, strict=True)]
    return encoded(gives, compute(op, held).data)


@pytest.mark.parametrize(("name", "op"), [(t, op) for t, names in CASES.items() for op in names])
def test_two_operands(name: str, op: str) -> None:
    kind = dtype(name)
    gives = dtype("bool") if op in COMPARE else kind
    agrees(f"%r = {op} %x0, %x1", [kind, kind], gives, [some(kind, COUNT), some(kind, COUNT)])


@pytest.mark.parametrize(("name", "op"), [(t, op) for t, names in UNARY.items() for op in names])
def test_one_operand(name: str, op: str) -> None:
    kind = dtype(name)
    agrees(f"%r = {op} %x0", [kind], kind, [some(kind, COUNT)])


@pytest.mark.parametrize("name", ["f32", "f64"])
def test_fma(name: str) -> None:
    kind = dtype(name)
    agrees("%r = fma %x0, %x1, %x2", [kind] * 3, kind, [some(kind, COUNT) for _ in range(3)])


@pytest.mark.parametrize("name", ["bool", "i4", "i8", "u16", "i32", "i64", "f8e4m3", "f16", "bf16", "f32", "f64"])
def test_select(name: str) -> None:
    kind, which = dtype(name), dtype("bool")
    data = [some(which, COUNT), some(kind, COUNT), some(kind, COUNT)]
    agrees("%r = select %x0, %x1, %x2", [which, kind, kind], kind, data)


INTEGERS = ("i4", "i8", "u8", "i16", "u16", "i32", "u32", "i40", "i64", "u64")
NUMBERS = (*INTEGERS, "bool", "f16", "bf16", "f32", "f64")


@pytest.mark.parametrize("target", NUMBERS)
@pytest.mark.parametrize("source", NUMBERS)
def test_casts(source: str, target: str) -> None:
    if source == target:
        return
    takes, gives = dtype(source), dtype(target)
    agrees(f"%r = cast %x0 {{to = {target}}}", [takes], gives, [some(takes, COUNT)])


@pytest.mark.parametrize("target", [n for n in NUMBERS if n != "bool"])
@pytest.mark.parametrize("source", ["i32", "u32", "i64", "u64", "f32", "f64", "bf16"])
def test_saturating_casts(source: str, target: str) -> None:
    if source == target:
        return
    takes, gives = dtype(source), dtype(target)
    agrees(f"%r = cast %x0 {{to = {target}, saturate = true}}", [takes], gives, [some(takes, COUNT)])
