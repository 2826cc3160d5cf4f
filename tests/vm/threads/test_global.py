"""Global memory by threads: vectors, masks, views, packed units, bounds and alignment, atomic changes."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv
from tests.vm.threads.running import function, hazard, line_of, run
from tilevm.backends.vm.threads import Hazard

TWO = "%x: tensor<{0}[N], strides=[1]>, %y: tensor<{0}[N], strides=[1]>"
SCALED = """  %w = constant {{value = {0}, of = i32}} : i32
  %o = mul %t, %w : i32
  %oo = splat %o {{shape = [1]}} : i32[1]
"""
KINDS: dict[str, Any] = {
    "f64": np.float64,
    "f32": np.float32,
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "f8e4m3": ml_dtypes.float8_e4m3fn,
    "i64": np.int64,
    "u32": np.uint32,
    "i16": np.int16,
    "u8": np.uint8,
}


WIDTHS = [
    (dtype, width) for dtype, kind in KINDS.items() for width in (1, 2, 4, 8) if width * np.dtype(kind).itemsize <= 16
]


@pytest.mark.parametrize(("dtype", "width"), WIDTHS)
def test_a_copy_of_every_type_and_width(dtype: str, width: int) -> None:
    x = np.arange(64 * width).astype(KINDS[dtype])
    y = np.zeros_like(x)
    body = (
        SCALED.format(width)
        + f"""  %v = global_load %x, %oo {{width = {width}}} : {dtype}[{width}]
  global_store %y, %v, %oo {{width = {width}}}"""
    )
    run(function(body, TWO.format(dtype)), x, y)
    assert x.tobytes() == y.tobytes()


MASKED = """  %n = numbers {values = [0, 64], of = i32} : i32[2]
  %s = splat %t {shape = [2]} : i32[2]
  %o = add %n, %s : i32[2]
  %e = extent %x {axis = 0} : i32
  %ee = splat %e {shape = [2]} : i32[2]
  %m = lt %o, %ee : bool[2]
  %7 = constant {value = 7, of = i32} : i32
"""


def test_a_tensor_without_elements_is_stored_to_under_a_mask() -> None:
    body = MASKED + "  global_store %x, %n, %o, %m"
    x = np.zeros(0, np.int32)
    run(function(body, TWO.format("i32")), x, x.copy())  # nothing is reported


@pytest.mark.parametrize(("other", "expected"), [("", 0), (", %7", 7)])
def test_a_mask_hides_what_lies_outside(other: str, expected: int) -> None:
    body = MASKED + f"  %v = global_load %x, %o, %m{other} : i32[2]\n  global_store %y, %v, %o"
    x, y = np.arange(1, 71, dtype=np.int32), np.zeros(128, np.int32)
    run(function(body, "%x: tensor<i32[N], strides=[1]>, %y: tensor<i32[M], strides=[1]>"), x, y)
    assert y.tolist() == [*range(1, 71), *[expected] * 58]


def test_a_masked_store_touches_nothing() -> None:
    x = np.zeros(70, np.int32)
    run(function(MASKED + "  global_store %x, %o, %o, %m"), x)
    assert x.tolist() == list(range(70))


def test_a_mask_per_vector() -> None:
    body = (
        SCALED.format(4)
        + """  %5 = constant {value = 5, of = i32} : i32
  %c = lt %t, %5 : bool
  %m = splat %c {shape = [1]} : bool[1]
  %v = global_load %x, %oo, %m, %5 {width = 4} : i32[4]
  global_store %y, %v, %oo {width = 4}"""
    )
    x, y = np.arange(100, 356, dtype=np.int32), np.zeros(256, np.int32)
    run(function(body, TWO.format("i32")), x, y)
    assert y.tolist() == [*range(100, 120), *[5] * 236]


def test_a_turned_view_with_gaps() -> None:
    """Offsets are made of strides: rows backwards, columns apart."""
    x = np.zeros((8, 32), np.int32)
    view = x[::-1, ::2].T  # (16, 8), strides (2, -32)
    body = """  %8 = constant {value = 8, of = i32} : i32
  %i = floordiv %t, %8 : i32
  %j = mod %t, %8 : i32
  %s = stride %x {axis = 0} : i64
  %u = stride %x {axis = 1} : i64
  %il = cast %i {to = i64} : i64
  %jl = cast %j {to = i64} : i64
  %a = mul %il, %s : i64
  %b = mul %jl, %u : i64
  %o = add %a, %b : i64
  %oo = splat %o {shape = [1]} : i64[1]
  global_store %x, %tt, %oo"""
    run(function(body, "%x: tensor<i32[M, N], strides=[_, _]>", warps=4), view)
    assert np.array_equal(view, np.arange(128).reshape(16, 8))


@pytest.mark.parametrize("at", [(-1, 0), (8, 0), (7, 4)])
def test_outside_of_a_view_though_inside_of_its_owner(at: tuple[int, int]) -> None:
    x = np.zeros((10, 8), np.int32)
    view = x[1:9, :4]
    body = f"""  %n = numbers {{values = [{at[0] * 8 + at[1]}], of = i32}} : i32[1]
  %v = global_load %x, %n : i32[1]"""
    found = hazard(function(body, "%x: tensor<i32[M, N], strides=[_, 1]>"), view)
    assert found.kind is Hazard.OUT_OF_BOUNDS
    assert f"reaches 1 of i32 from {at[0] * 8 + at[1]} of %x, which has 0 to 59" in found.message


@pytest.mark.parametrize(
    "step", ["%v = global_load %x, %oo {width = 4} : i32[4]", "global_store %x, %z, %oo {width = 4}"]
)
def test_past_the_end(step: str) -> None:
    body = (
        SCALED.format(4)
        + f"  %0 = constant {{value = 0, of = i32}} : i32\n  %z = splat %0 {{shape = [4]}} : i32[4]\n  {step}"
    )
    text = function(body)
    found = hazard(text, np.zeros(64, np.int32))
    assert found.span and found.span.line == line_of(text, "width = 4")
    name = step.split("%x")[0].split()[-1]
    assert found.message == (
        f"out of bounds: {name}: thread 16 (warp 0, lane 16) reaches 4 of i32 from 64 of %x, which has 0 to 63"
    )
    assert found.help == "keep offsets inside, or give a mask that is false beyond"


def test_a_crooked_vector() -> None:
    body = "  %v = global_load %x, %tt {width = 2} : i32[2]"
    found = hazard(function(body), np.zeros(100, np.int32))
    assert found.message == (
        "misaligned: global_load: thread 1 (warp 0, lane 1) reaches 2 of i32 from 1 of %x, "
        "at an address that is no multiple of 8 bytes"
    )


def test_alignment_is_of_the_address_not_the_offset() -> None:
    x = np.arange(101, dtype=np.int32)
    odd = x[1:] if x.ctypes.data % 8 == 0 else x
    body = "  %n = numbers {values = [1], of = i32} : i32[1]\n  %v = global_load %x, %n {width = 2} : i32[2]"
    run(function(body), odd)
    assert hazard(function(body.replace("[1]", "[2]", 1)), odd).kind is Hazard.MISALIGNED


def test_units_of_another_width() -> None:
    """A tensor of f32 copied by words, and its halves by u16."""
    x, y = np.arange(64, dtype=np.float32), np.zeros(64, np.float32)
    body = (
        SCALED.format(2)
        + """  %v = global_load %x, %oo {width = 2, of = u16} : u16[2]
  global_store %y, %v, %oo {width = 2, of = u16}"""
    )
    run(function(body, TWO.format("f32")), x, y)
    assert x.tobytes() == y.tobytes()


PACKED = "%q: tensor<u4[N], strides=[1], packed>, %y: tensor<u32[M], strides=[1]>"


def packed(elements: int, owner: int) -> Any:
    return tv.packed(np.arange(1, owner + 1, dtype=np.uint8), "u4", (elements,))


def test_words_of_a_packed_tensor() -> None:
    body = "  %v = global_load %q, %tt {of = u32} : u32[1]\n  global_store %y, %v, %tt"
    y = np.zeros(32, np.uint32)
    run(function(body, PACKED, warps=1), packed(256, 128), y)
    assert y.tobytes() == np.arange(1, 129, dtype=np.uint8).tobytes()


READ_2 = """  %n = numbers {values = [2], of = i32} : i32[1]
  %v = global_load %q, %n {of = u32} : u32[1]
  global_store %y, %v, %n"""


@pytest.mark.parametrize(("elements", "owner", "fine"), [(17, 12, True), (17, 11, False), (16, 12, False)])
def test_a_unit_over_the_last_byte_of_a_packed_tensor(elements: int, owner: int, fine: bool) -> None:
    """Word 2 is bytes 8 to 11: it may reach over the tensor's last byte, not begin behind it, nor pass the owner's."""
    y = np.zeros(4, np.uint32)
    if fine:
        run(function(READ_2, PACKED), packed(elements, owner), y)
        assert y[2] == 0x0C0B0A09
    else:
        assert hazard(function(READ_2, PACKED), packed(elements, owner), y).kind is Hazard.OUT_OF_BOUNDS


def test_a_store_stays_within_the_bytes_of_a_packed_tensor() -> None:
    body = READ_2.replace("%v = global_load %q, %n {of = u32} : u32[1]", "%v = splat %u {shape = [1]} : u32[1]")
    body = body.replace("global_store %y, %v, %n", "global_store %q, %v, %n {of = u32}")
    body = "  %u = constant {value = 1, of = u32} : u32\n" + body
    assert hazard(function(body, PACKED), packed(17, 12), np.zeros(4, np.uint32)).kind is Hazard.OUT_OF_BOUNDS
    run(function(body, PACKED), held := packed(24, 12), np.zeros(4, np.uint32))
    assert held.buffer.tolist() == [*range(1, 9), 1, 0, 0, 0]


def test_a_pointer_reaches_what_its_owner_holds() -> None:
    x = np.arange(40, dtype=np.int32)
    body = """  %m = numbers {values = [0, 1], of = i32} : i32[2]
  %n = numbers {values = [-4, 31], of = i32} : i32[2]
  %v = global_load %p, %n : i32[2]
  global_store %p, %v, %m"""
    run(function(body, "%p: ptr<i32>", warps=1), x[4:])
    assert x[4:6].tolist() == [0, 35]
    far = body.replace("-4", "-5")
    assert hazard(function(far, "%p: ptr<i32>", warps=1), x[4:]).kind is Hazard.OUT_OF_BOUNDS


# atomic changes ------------------------------------------------------------------------------------------------


def changing(change: str, mask: str = "") -> str:
    return f"""  %2 = constant {{value = 2, of = i32}} : i32
  %h = floordiv %tt, %hh : i32[1]
  %c = lt %h, %ff : bool[1]
  %old = global_atomic %x, %tt, %h{mask} {{change = {change}}} : i32[1]
  global_store %y, %old, %tt"""


ATOMIC = """  %16 = constant {value = 16, of = i32} : i32
  %hh = splat %16 {shape = [1]} : i32[1]
  %1 = constant {value = 1, of = i32} : i32
  %ff = splat %1 {shape = [1]} : i32[1]
"""
FOLD: dict[str, Any] = {"add": np.sum, "max": np.max, "xor": np.bitwise_xor.reduce, "exchange": lambda v: v[-1]}


@pytest.mark.parametrize("change", FOLD)
def test_atomic_changes_in_the_order_of_threads(change: str) -> None:
    x, y = np.zeros(4, np.int32), np.zeros(64, np.int32)
    params = "%x: tensor<i32[N], strides=[1]>, %y: tensor<i32[M], strides=[1]>"
    run(function(ATOMIC + changing(change), params), x, y)
    groups = np.arange(64).reshape(4, 16)
    assert x.tolist() == [FOLD[change](np.array([0, *g])) for g in groups]
    before = [FOLD[change](np.array([0, *g[:n]])) for g in groups for n in range(16)]
    assert y.tolist() == before


def test_masked_atomic_changes() -> None:
    x, y = np.zeros(4, np.int32), np.full(64, -1, np.int32)
    params = "%x: tensor<i32[N], strides=[1]>, %y: tensor<i32[M], strides=[1]>"
    run(function(ATOMIC + changing("add", ", %c"), params), x, y)
    assert x.tolist() == [120, 0, 0, 0]
    assert not y[16:].any()


def test_compare_and_swap() -> None:
    """Each thread of a group of 16 counts one up, if it finds the count at its own lane."""
    body = (
        ATOMIC
        + """  %h = floordiv %tt, %hh : i32[1]
  %w = mod %tt, %hh : i32[1]
  %n = add %w, %ff : i32[1]
  %old = global_atomic_cas %x, %w, %n, %h : i32[1]
  global_store %y, %old, %tt"""
    )
    x, y = np.array([0, 0, 5, 99], np.int32), np.zeros(64, np.int32)
    run(function(body, "%x: tensor<i32[N], strides=[1]>, %y: tensor<i32[M], strides=[1]>"), x, y)
    assert x.tolist() == [16, 16, 16, 99]
    assert y.tolist() == [*range(16), *range(16), *[5] * 6, *range(6, 16), *[99] * 16]
