"""Functions and conversions that a pass spells out, as PTX: the emulator gives what the reference machine means."""

import numpy as np
import pytest

from tests.ptx.running import Array, emitted, launch, same, some
from tests.ptx.test_elementwise import COUNT, kernel, meant
from tilevm.backends.vm.memory import decoded
from tilevm.backends.vm.values import in_memory
from tilevm.ir.rewrite import walk
from tilevm.ir.verify import verify
from tilevm.passes.threads.expand import expand
from tilevm.target import target
from tilevm.text import read_func
from tilevm.types import DType, dtype, u32

FUNCTIONS = ("exp", "log", "log2", "tanh", "sigmoid", "erf")
SMALL = ("f8e4m3", "f8e5m2", "f8e4m3fnuz", "f8e8m0", "f6e2m3", "f4e2m1", "f8ue4m3", "f7e3m3", "f9e8m0", "f12e5m6")
ROUNDINGS = ("natural", "toward_zero", "stochastic")


def both(line: str, takes: list[DType], gives: DType, data: list[Array], machine: str) -> tuple[Array, Array]:
    """What the emulator finds, and what the instruction means."""
    func = verify(read_func(kernel(line, takes, gives, machine)))
    op = next(op for op in walk(func.body) if [v.hint for v in op.results] == ["r"])
    out = np.zeros(COUNT, in_memory(gives))
    raw = [d.view(np.uint16) if d.dtype.name == "bfloat16" else d for d in (*data, out)]
    launch(emitted(verify(expand(func, target(machine)))), raw)
    return out, meant(op, takes, gives, data)


@pytest.mark.parametrize("kind", ["f16", "bf16", "f32", "f64"])
@pytest.mark.parametrize("name", [*FUNCTIONS, "exp2"])
def test_functions(name: str, kind: str) -> None:
    """The machine's 2**x may be an ulp off, and so may what is made of it."""
    of = dtype(kind)
    with np.errstate(all="ignore"):
        found, wanted = (
            np.asarray(decoded(of, x), np.float64)
            for x in both(f"%r = {name} %x0", [of], of, [some(of, COUNT)], "sm_80")
        )
    assert np.array_equal(np.isnan(found), np.isnan(wanted))
    known = np.isfinite(wanted) & (np.abs(wanted) >= of.smallest_normal)
    assert np.array_equal(found[np.isinf(wanted)], wanted[np.isinf(wanted)])
    steps = 2.0 ** (np.floor(np.log2(np.abs(wanted[known]))) - of.mantissa_bits)
    assert (np.abs(found[known] - wanted[known]) <= 4.5 * steps).all()


@pytest.mark.parametrize("machine", ["sm_80", "sm_89"])
@pytest.mark.parametrize("kind", SMALL)
def test_small_floats_to_wide_ones(kind: str, machine: str) -> None:
    source = dtype(kind)
    codes = some(source, COUNT) & in_memory(source)((1 << source.bits) - 1)
    for to in map(dtype, ("f32", "f16", "bf16", "f64", "i8", "f8e5m2")):
        if to != source:
            same(to, *both(f"%r = cast %x0 {{to = {to}, saturate = true}}", [source], to, [codes], machine))


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("kind", [*SMALL, "f16", "bf16", "tf32"])
def test_f32_and_f64_to_small_floats(kind: str, rounding: str) -> None:
    to, random = dtype(kind), ", %x1" if rounding == "stochastic" else ""
    for source in map(dtype, ("f32", "f64") if kind in ("f8e4m3", "f9e8m0", "f16") else ("f32",)):
        for saturate in ("true", "false"):
            takes, data = [source], [some(source, COUNT)]
            if random:
                takes, data = [*takes, u32], [*data, some(u32, COUNT)]
            line = f'%r = cast %x0{random} {{to = {to}, saturate = {saturate}, rounding = "{rounding}"}}'
            same(to, *both(line, takes, to, data, "sm_80"))


@pytest.mark.parametrize("machine", ["sm_80", "sm_89"])
@pytest.mark.parametrize("kind", ["f8e4m3", "f8e5m2"])
def test_8_bit_floats_by_the_machine_and_without(kind: str, machine: str) -> None:
    to = dtype(kind)
    for source in map(dtype, ("f32", "f16", "bf16", "i32", "i64", "u64", "bool")):
        same(to, *both(f"%r = cast %x0 {{to = {to}, saturate = true}}", [source], to, [some(source, COUNT)], machine))


@pytest.mark.parametrize("kind", ["i8", "u32", "i64", "i5"])
def test_floats_drawn_to_integers(kind: str) -> None:
    to = dtype(kind)
    for source in map(dtype, ("f32", "f64", "f16", "f8e5m2")):
        line = f"%r = cast %x0, %x1 {{to = {to}, saturate = true, rounding = stochastic}}"
        same(to, *both(line, [source, u32], to, [some(source, COUNT), some(u32, COUNT)], "sm_80"))
