"""Packed codes cast to 16-bit floats two at a time: every code of every type, in any order, and what it takes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tests.passes.threads.expand.expanding import SM_80, cast, expanded, names, run
from tests.types.test_recipes import sources
from tilevm.backends.vm.codes import codes_of, numbers_of
from tilevm.backends.vm.values import container
from tilevm.ir import threads
from tilevm.ir.verify import verify
from tilevm.passes.threads.expand import expand
from tilevm.text import print_func, read_func
from tilevm.types import DType, bf16, dtype, f16, recipes
from tilevm.types.codec import decode, encode

NARROW = [source for source in sources() if source.bits <= 8]
HALVES = (f16, bf16)
halves = pytest.mark.parametrize("to", HALVES, ids=str)


def agree(found: np.ndarray, codes: np.ndarray, source: DType, to: DType) -> None:
    """The bits that the codec gives; of NaN, that it is one."""
    numbers = decode(codes, source)
    nan = np.isnan(numbers.astype(float))
    assert np.isnan(decode(found[nan], to)).all()
    np.testing.assert_array_equal(found[~nan], encode(numbers, to, saturate=False)[~nan], str(source))


@halves
def test_every_code_of_every_narrow_type(to: DType) -> None:
    """An odd number of them, forward and back, so that halves meet in all pairs of places."""
    for source in NARROW:
        codes = np.arange(1 << source.bits).astype(np.uint8)
        codes = np.concatenate([codes, codes[::-1], codes[:1]])
        agree(cast(codes, source, to), codes, source, to)


@settings(max_examples=60)
@given(st.data(), st.sampled_from(NARROW), st.sampled_from(HALVES), st.integers(2, 40))
def test_any_order(data: st.DataObject, source: DType, to: DType, count: int) -> None:
    """A renaming before the cast is read through, whatever it takes and however often."""
    order = data.draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=48))
    codes = np.array(data.draw(st.lists(st.integers(0, (1 << source.bits) - 1), min_size=count, max_size=count)))
    codes = codes.astype(np.uint8)
    text = f"""func @f(%x: {source}[{count}]) warps(4, sm_80) {{
      %t = take %x {{registers = {order}}} : {source}[{len(order)}]
      %y = cast %t {{to = {to}}} : {to}[{len(order)}]
      print [%y] {{text = ["", ""]}}
      yield []
    }}"""
    func = verify(expand(verify(read_func(text)), SM_80))
    found = codes_of(to, run(func, numbers_of(source, codes).astype(container(source))))
    agree(found, codes[order], source, to)


SERVED = [
    *((f"{sign}{bits}", to) for sign in "iu" for bits in range(1, 9) for to in HALVES),
    *((name, to) for name in ("f4e2m1", "f6e2m3", "f6e3m2", "f7e3m3") for to in HALVES),
    ("f8e5m2", f16),
    ("f8e5m2finite", bf16),
]


@pytest.mark.parametrize(("source", "to"), SERVED, ids=str)
def test_no_number_is_cast_alone(source: str, to: DType) -> None:
    func = expanded(f"%y = cast %x {{to = {to}}} : {to}[32]", f"%x: {source}[32]")
    assert names(func).isdisjoint({"cast", "select"})


def test_infinities_that_are_to_end_are_cast_as_before() -> None:
    codes = np.array([0x7C, 0xFC, 0x3C, 0x7B], np.uint8)  # inf, -inf, 1, the largest
    found = decode(cast(codes, dtype("f8e5m2"), f16, saturate=True), f16)
    assert found.tolist() == [65504.0, -65504.0, 1.0, 57344.0]


@halves
@pytest.mark.parametrize("bits", range(1, 8))
def test_an_integer_raised_anywhere_in_the_mantissa(bits: int, to: DType) -> None:
    for source in (dtype(f"u{bits}"), dtype(f"i{bits}")):
        codes = np.arange(1 << bits).astype(np.uint8)
        for at in range(to.mantissa_bits - bits + 1):
            found = recipes.raised(source, to, at)
            words = (codes.astype(np.uint16) << np.uint16(at)) ^ np.uint16(found)
            numbers = decode(words, to) - decode(np.uint16(found), to)
            np.testing.assert_array_equal(numbers, decode(codes, source))


# orders -------------------------------------------------------------------------------------------------------


def orders(body: str) -> list[str]:
    """What takes are left, and of what, of a function of f16[4] called %y."""
    text = f"""func @f(%x: u4[4], %h: f16[4], %w: f32[4], %s: f16) warps(4, sm_80) {{
      %c = cast %x {{to = f16}} : f16[4]
      %d = cast %w {{to = f16}} : f16[4]
      %r = splat %s {{shape = [4]}} : f16[4]
      {body}
      print [%y] {{text = ["", ""]}}
      yield []
    }}"""
    from_ = {"x": "codes", "h": "halves", "w": "floats"}
    func = verify(expand(verify(read_func(text)), SM_80))
    needed = set(func.body.ops[-2].operands)
    kept = []
    for op in reversed(func.body.ops[:-2]):
        if needed.intersection(op.results):
            needed.update(op.operands)
            kept.append(op)
    takes = [op for op in kept if isinstance(op, threads.Take) and op.registers == (3, 1, 2, 0)]
    return [from_.get(op.x.hint, "made") for op in takes]


SWAP = "{registers = [3, 1, 2, 0]} : f16[4]"


def test_numbers_are_made_in_the_order_that_is_wanted() -> None:
    assert orders(f"%y = take %c {SWAP}") == []  # read through
    assert orders(f"%y = take %d {SWAP}") == ["floats"]
    assert orders(f"%p = mul %d, %r : f16[4]\n%y = take %p {SWAP}") == ["floats"]
    assert orders(f"%p = mul %c, %r : f16[4]\n%y = take %p {SWAP}") == []


def test_what_lies_in_words_is_ordered_at_the_end() -> None:
    assert orders(f"%y = take %h {SWAP}") == ["halves"]
    assert orders(f"%p = mul %d, %h : f16[4]\n%y = take %p {SWAP}") == ["made"]


def test_what_is_needed_twice_is_made_once() -> None:
    assert orders(f"%p = take %d {SWAP}\n%y = add %p, %d : f16[4]") == ["made"]


def test_other_functions_stay_themselves() -> None:
    func = read_func("func @f(%x: f16[4]) warps(4, sm_80) {\n  yield []\n}")
    assert expand(func, SM_80) is func and "take" not in print_func(func)
