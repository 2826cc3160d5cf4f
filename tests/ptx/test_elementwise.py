"""Every elementwise instruction on every type that reaches PTX, against the reference machine's meaning of it."""

import re
from dataclasses import replace

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


@pytest.mark.parametrize("source", ["f16", "bf16", "f64", "i32", "u64", "bool", "f32"])
def test_casts_to_tf32(source: str) -> None:
    takes, gives = dtype(source), dtype("tf32")
    agrees("%r = cast %x0 {to = tf32}", [takes], gives, [some(takes, COUNT)])


@pytest.mark.parametrize("target", ["f16", "bf16", "f32", "f64", "i32", "bool"])
def test_casts_from_tf32(target: str) -> None:
    takes = dtype("tf32")
    x = some(dtype("f32"), COUNT).view(np.uint32) & np.uint32(0xFFFFE000)
    agrees(f"%r = cast %x0 {{to = {target}}}", [takes], dtype(target), [x])


@pytest.mark.parametrize("target", ["f16", "bf16", "f32", "f64", "f8e4m3", "f8e5m2"])
@pytest.mark.parametrize("source", ["f8e4m3", "f8e5m2"])
def test_casts_of_small_floats_that_the_machine_has(source: str, target: str) -> None:
    takes, gives = dtype(source), dtype(target)
    x = np.arange(COUNT, dtype=np.uint16).astype(np.uint8)
    agrees(f"%r = cast %x0 {{to = {target}, saturate = true}}", [takes], gives, [x], "sm_89")


@pytest.mark.parametrize("target", ["f8e4m3", "f8e5m2"])
@pytest.mark.parametrize("source", ["f16", "bf16", "f32"])
def test_casts_to_small_floats_that_the_machine_has(source: str, target: str) -> None:
    takes = dtype(source)
    agrees(f"%r = cast %x0 {{to = {target}, saturate = true}}", [takes], dtype(target), [some(takes, COUNT)], "sm_89")


DIRECTED = [("f32", "f16"), ("f32", "bf16"), ("f64", "f32"), ("f64", "bf16"), ("i32", "f32"), ("i32", "bf16")]


@pytest.mark.parametrize(("source", "target"), DIRECTED)
def test_casts_toward_zero(source: str, target: str) -> None:
    takes = dtype(source)
    agrees(f"%r = cast %x0 {{to = {target}, rounding = toward_zero}}", [takes], dtype(target), [some(takes, COUNT)])


@pytest.mark.parametrize("target", ["i8", "u16", "i32", "u32", "i64"])
@pytest.mark.parametrize("source", ["f16", "f32", "f64"])
def test_casts_to_the_nearest_integer(source: str, target: str) -> None:
    takes = dtype(source)
    agrees(f"%r = cast %x0 {{to = {target}, rounding = nearest_even}}", [takes], dtype(target), [some(takes, COUNT)])


def ulps(line: str, name: str, data: Array) -> Array:
    """How far emulated PTX is from the reference machine, in steps of f32; specials must be alike."""
    kind, out = dtype(name), np.zeros(COUNT, in_memory(dtype(name)))
    func = verify(read_func(kernel(line, [kind], kind)))
    launch(emitted(func), [data, out])
    op = next(op for op in walk(func.body) if [v.hint for v in op.results] == ["r"])
    wanted = meant(op, [kind], kind, [data])
    finite = np.isfinite(wanted) & (np.abs(wanted) >= np.finfo(out.dtype).tiny)
    np.testing.assert_array_equal(out[~finite & ~np.isnan(wanted)], wanted[~finite & ~np.isnan(wanted)])
    np.testing.assert_array_equal(np.isnan(out), np.isnan(wanted))
    return np.asarray(np.abs(out[finite] - wanted[finite]) / np.spacing(np.abs(wanted[finite])))


@pytest.mark.parametrize(("op", "name"), [("rsqrt", "f32"), ("rsqrt", "f64"), ("exp2", "f32")])
def test_functions_are_near(op: str, name: str) -> None:
    """Roots of everything; powers where the result is normal or infinite."""
    x = some(dtype(name), COUNT)
    if op == "exp2":
        x = np.where((x < -125) & np.isfinite(x), np.float32(-7.25), x)
    assert ulps(f"%r = {op} %x0", name, x).max() <= 2


def test_a_guess_that_is_off_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The root's step of Newton's takes what hardware's guess may miss: 2**-22.9 of it."""
    func = verify(read_func(kernel("%r = rsqrt %x0", [dtype("f32")], dtype("f32"))))
    found = emitted(func)
    off = "rsqrt.approx.f32 {0}, {1};\n\tmul.rn.f32 {0}, {0}, 0f3F800001"  # one step further away
    text = re.sub(r"rsqrt\.approx\.f32 (%r\d+), (%r\d+)", lambda m: off.format(m[1], m[2]), found.text)
    assert text != found.text
    x = np.exp(np.linspace(-80, 80, COUNT)).astype(np.float32)
    out = np.zeros_like(x)
    launch(replace(found, text=text), [x, out])
    exact = 1 / np.sqrt(x.astype(np.float64))
    assert (np.abs(out - exact) / np.spacing(exact.astype(np.float32))).max() <= 1
