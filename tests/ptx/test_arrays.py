"""Register arrays rearranged, cut anew, moved between lanes; random words."""

import numpy as np
import pytest

from tests.ptx.running import RANDOM, Array, run
from tilevm.types import dtype
from tilevm.types.philox import words

LANES = 32


def through(body: str, source: str, count: int, target: str, gives: int, x: Array, warps: int = 1) -> Array:
    """Each thread's ``count`` elements of x as %v, something done, ``gives`` elements of %r stored."""
    wide = max(1, count & -count)
    kept = max(1, gives & -gives)
    text = f"""func @k(%x: ptr<{source}, align=16>, %out: ptr<{target}, align=16>) warps({warps}, sm_80) {{
  %t = thread_id : i32
  %count = constant {{value = {count}, of = i32}} : i32
  %gives = constant {{value = {gives}, of = i32}} : i32
  %in = mul %t, %count : i32
  %to = mul %t, %gives : i32
  %in.1 = splat %in {{shape = [{count // wide}]}} : i32[{count // wide}]
  %in.2 = numbers {{values = {[i * wide for i in range(count // wide)]}, of = i32}} : i32[{count // wide}]
  %from = add %in.1, %in.2 : i32[{count // wide}]
  %to.1 = splat %to {{shape = [{gives // kept}]}} : i32[{gives // kept}]
  %to.2 = numbers {{values = {[i * kept for i in range(gives // kept)]}, of = i32}} : i32[{gives // kept}]
  %where = add %to.1, %to.2 : i32[{gives // kept}]
  %v = global_load %x, %from {{width = {wide}}} : {source}[{count}]
{body}
  global_store %out, %r, %where {{width = {kept}}}
  yield []
}}"""
    size = dtype(target).numpy_bytes
    out = np.zeros(LANES * warps * gives, f"u{size}")
    run(text, [x, out])
    return out


def codes(bits: int, count: int) -> Array:
    """Random codes of so many bits, in their containers."""
    size = dtype(f"u{bits}").numpy_bytes
    return RANDOM.integers(0, 1 << bits, count, dtype=np.uint64).astype(f"u{size}")


def stream(rows: Array, bits: int) -> Array:
    """The bits of each row, the lowest first."""
    wide = rows.astype(np.uint64)[..., None] >> np.arange(bits, dtype=np.uint64) & np.uint64(1)
    return wide.reshape(len(rows), -1)


VIEWS = [("u32", "u8"), ("u8", "u32"), ("u16", "u4"), ("u4", "u16"), ("u8", "u6"), ("u6", "u8"), ("u32", "u12")]
VIEWS += [("u64", "u32"), ("u32", "u64"), ("u8", "u64"), ("u64", "u16"), ("u8", "u1"), ("u1", "u8"), ("u8", "u5")]
VIEWS += [("f32", "u16"), ("u16", "f32"), ("f64", "u8"), ("u8", "f16"), ("u32", "f32"), ("bf16", "i16"), ("i16", "f16")]


@pytest.mark.parametrize(("source", "target"), VIEWS)
def test_views_cut_the_bits_anew(source: str, target: str) -> None:
    kinds = dtype(source), dtype(target)
    count = max(1, 192 // kinds[0].bits // 3 * 3) if 192 // kinds[0].bits >= 3 else 3
    gives = count * kinds[0].bits // kinds[1].bits
    if count * kinds[0].bits % kinds[1].bits:
        count, gives = kinds[1].bits, kinds[0].bits
    x = codes(kinds[0].bits, LANES * count)
    if kinds[0].is_float:
        x &= x.dtype.type(~(1 << (kinds[0].bits - 2)) & (2 ** kinds[0].bits - 1))  # no NaN, whose bits may change
    out = through(f"  %r = view %v {{to = {target}}} : {target}[{gives}]", source, count, target, gives, x)
    mask = np.uint64((1 << kinds[1].bits) - 1 if kinds[1].bits < 64 else 2**64 - 1)
    found = out.reshape(LANES, gives).astype(np.uint64) & mask
    assert np.array_equal(stream(found, kinds[1].bits), stream(x.reshape(LANES, count), kinds[0].bits))


@pytest.mark.parametrize("name", ["i8", "u4", "f16", "i32", "f64", "bool", "u6"])
def test_registers_change_places(name: str) -> None:
    order = [5, 0, 3, 3, 1, 6, 7, 2]
    body = f"""  %a = take %v {{registers = {order[:5]}}} : {name}[5]
  %one = register %v {{at = {order[5]}}} : {name}
  %b = take %v {{registers = {order[6:]}}} : {name}[2]
  %r = join [%a, %one, %b] : {name}[8]"""
    bits = dtype(name).bits
    x = codes(bits, LANES * 8)
    out = through(body, name, 8, name, 8, x)
    wanted = x.reshape(LANES, 8)[:, order]
    assert np.array_equal(out.reshape(LANES, 8), signed(wanted, name, bits))


def signed(found: Array, name: str, bits: int) -> Array:
    """Codes as memory has the numbers: small signed ones with their sign above."""
    spare = 8 * found.dtype.itemsize - bits
    if not spare or name[0] != "i":
        return found
    return (found.astype(f"i{found.dtype.itemsize}") << spare >> spare).view(found.dtype)


@pytest.mark.parametrize("name", ["i8", "f16", "i32", "f64", "bool"])
def test_each_thread_picks_by_its_own_index(name: str) -> None:
    body = f"""  %five = constant {{value = 5, of = i32}} : i32
  %at = mod %t, %five : i32
  %i0 = splat %at {{shape = [4]}} : i32[4]
  %add = numbers {{values = [0, 1, 2, 1], of = i32}} : i32[4]
  %index = add %i0, %add : i32[4]
  %r = pick %v, %index : {name}[4]"""
    x = codes(dtype(name).bits, LANES * 7)
    out = through(body, name, 7, name, 4, x)
    index = np.arange(LANES)[:, None] % 5 + np.array([0, 1, 2, 1])
    assert np.array_equal(out.reshape(LANES, 4), np.take_along_axis(x.reshape(LANES, 7), index, axis=1))


@pytest.mark.parametrize("count", [1, 3, 4])
@pytest.mark.parametrize("name", ["i8", "u4", "f16", "i32", "f64", "bool", "i64"])
def test_shuffles(name: str, count: int) -> None:
    x = codes(dtype(name).bits, 2 * LANES * count)
    lane = """  %thirty = constant {value = 31, of = i32} : i32
  %t7 = add %t, %seven : i32
  %lane = and %t7, %thirty : i32"""
    seven = "  %seven = constant {value = 7, of = i32} : i32\n"
    by_lane = through(f"{seven}{lane}\n  %r = shuffle %v, %lane : {name}[{count}]", name, count, name, count, x, 2)
    rows = signed(x.reshape(2, LANES, count), name, dtype(name).bits)
    assert np.array_equal(by_lane.reshape(2, LANES, count), np.roll(rows, -7, axis=1))
    crossed = through(f"  %r = shuffle_xor %v {{mask = 9}} : {name}[{count}]", name, count, name, count, x, 2)
    assert np.array_equal(crossed.reshape(2, LANES, count), rows[:, np.arange(LANES) ^ 9])


@pytest.mark.parametrize("kind", ["i32", "u32", "i64", "u64"])
def test_philox(kind: str) -> None:
    body = """  %seed = constant {value = -5, of = i64} : i64
  %r = philox %seed, %v : u32[4]"""
    held = {"i32": np.int32, "u32": np.uint32, "i64": np.int64, "u64": np.uint64}[kind]
    index = RANDOM.integers(0, 2**63, LANES * 4, dtype=np.uint64).astype(held)
    out = through(body, kind, 4, "u32", 4, index)
    assert np.array_equal(out, words(-5, index.astype(np.int64).view(np.uint64)))


@pytest.mark.parametrize("op", ["add", "sub", "mul", "minimum", "floordiv", "eq"])
@pytest.mark.parametrize("name", ["f16", "bf16"])
def test_an_odd_number_of_halves(name: str, op: str) -> None:
    """Three registers, a constant for the other operand: the last word is half used."""
    gives = "bool" if op == "eq" else name
    body = f"""  %c = constant {{value = 1.5, of = {name}}} : {name}
  %d = splat %c {{shape = [3]}} : {name}[3]
  %e = take %v {{registers = [2, 1, 0]}} : {name}[3]
  %s = {op} %v, %d : {gives}[3]
  %u = {op} %d, %e : {gives}[3]
  %r = join [%s, %u] : {gives}[6]"""
    x = (RANDOM.integers(-20, 20, LANES * 3) / 4).astype(np.float32)
    held = x.astype(np.float16).view(np.uint16) if name == "f16" else (x.view(np.uint32) >> 16).astype(np.uint16)
    out = through(body, name, 3, gives, 6, held)
    assert len(out) == 6 * LANES  # what is right, the reference machine says
