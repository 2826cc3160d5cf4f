"""Loops and branches: how often they run at the edges of their types, and what they carry."""

import numpy as np
import pytest

from tests.ptx.running import listing, run

STORE = """  %t0 = thread_id : i32
  %at0 = splat %t0 {shape = [1]} : i32[1]
"""


def trips(kind: str, lower: str, upper: str, step: str) -> str:
    """A function that counts a loop's trips and sums its indices; ends are names of arguments or constants."""
    made = "".join(
        f"  %{name} = constant {{value = {text}, of = {kind}}} : {kind}\n"
        for name, text in (("lo", lower), ("up", upper), ("by", step))
        if text[0] != "%"
    )
    ends = [t if t[0] == "%" else f"%{n}" for n, t in (("lo", lower), ("up", upper), ("by", step))]
    return f"""func @k(%a: {kind}, %b: {kind}, %c: {kind}, %out: ptr<i64>) warps(1, sm_80) {{
{STORE}{made}  %zero = constant {{value = 0, of = i64}} : i64
  %one = constant {{value = 1, of = i64}} : i64
  %n, %sum = for {", ".join(ends)}, [%zero, %zero] (%i: {kind}, %count: i64, %total: i64) {{
    %more = add %count, %one : i64
    %wide = cast %i {{to = i64}} : i64
    %next = add %total, %wide : i64
    yield [%more, %next]
  }} : i64, i64
  %both = join [%n, %sum] : i64[2]
  %pair = add %at0, %at0 : i32[1]
  global_store %out, %both, %pair {{width = 2}}
  yield []
}}"""


RANGES = {
    "i32": [(0, 5, 1), (0, 5, 2), (5, 0, -1), (5, 0, -3), (0, 0, 1), (3, 1, 1), (1, 3, -1), (0, 4, 0), (-7, 8, 5)],
    "u32": [(0, 7, 3), (2**32 - 5, 2**32 - 1, 3), (2**32 - 5, 2**32 - 1, 2**31), (9, 2, 1)],
    "i64": [(-(2**40), -(2**40) + 9, 4), (2**63 - 3, 2**63 - 1, 2), (1, 2**63 - 1, 2**62)],
    "i8": [(120, 127, 5), (-128, 127, 100), (-1, -128, -100)],
}
RANGES["i32"] += [
    (2**31 - 4, 2**31 - 1, 2),
    (-(2**31), 2**31 - 1, 2**30 + 7),
    (2**31 - 1, -(2**31), -(2**30)),
    (-(2**31) + 2, -(2**31), -3),
    (-(2**31), 2**31 - 1, 2**31 - 1),
    (5, -(2**31), -(2**31)),
    (0, 2**31 - 1, 2**30 + 7),
    (2**31 - 2, 2**31 - 1, 2**31 - 1),
    (-2, 2**31 - 1, 2**31 - 1),
    (4, -3, 5),
]
SHAPES = [("%a", "%b", "%c"), ("%a", "%b", "known"), ("%a", "known", "known"), ("known", "known", "known")]
SHAPES += [("known", "%b", "known")]


@pytest.mark.parametrize("shape", SHAPES, ids=["open", "step", "end and step", "all", "start and step"])
@pytest.mark.parametrize(("kind", "ends"), [(k, ends) for k, many in RANGES.items() for ends in many])
def test_ranges(kind: str, ends: tuple[int, int, int], shape: tuple[str, str, str]) -> None:
    names = [s if s[0] == "%" else str(e) for s, e in zip(shape, ends, strict=True)]
    out = np.zeros(64, np.int64)
    run(trips(kind, *names), [*ends, out])
    wanted = range(*ends) if ends[2] else range(0)
    assert (out[0], out[1]) == (len(wanted), sum(wanted))


def test_carried_values_change_places() -> None:
    """Fibonacci and a ring of three, whose registers all move at once."""
    text = f"""func @k(%n: i32, %out: ptr<i32>) warps(1, sm_80) {{
{STORE}  %x = constant {{value = 0, of = i32}} : i32
  %y = constant {{value = 1, of = i32}} : i32
  %z = constant {{value = 2, of = i32}} : i32
  %p, %q, %r, %s, %t = for %x, %n, %y, [%x, %y, %x, %y, %z] (%i: i32, %a: i32, %b: i32, %c: i32, %d: i32, %e: i32) {{
    %f = add %a, %b : i32
    yield [%b, %f, %d, %e, %c]
  }} : i32, i32, i32, i32, i32
  %all = join [%p, %q, %r, %s, %t, %p, %p, %p] : i32[8]
  %eight = constant {{value = 8, of = i32}} : i32
  %at = mul %t0, %eight : i32
  %where = splat %at {{shape = [1]}} : i32[1]
  global_store %out, %all, %where {{width = 8}}
  yield []
}}"""
    out = np.zeros(8 * 32, np.int32)
    run(text, [7, out])
    assert out[:5].tolist() == [13, 21, 1, 2, 0]


def test_packed_arrays_are_carried_in_words() -> None:
    """An f16 array of 8 that is turned round in each trip takes four registers; one of 3 takes three."""
    text = """func @k(%n: i32, %x: ptr<f16, align=16>, %out: ptr<f16, align=16>) warps(1, sm_80) {
  %t = thread_id : i32
  %eight = constant {value = 8, of = i32} : i32
  %at = mul %t, %eight : i32
  %o = splat %at {shape = [1]} : i32[1]
  %v = global_load %x, %o {width = 8} : f16[8]
  %odd = take %v {registers = [0, 1, 2]} : f16[3]
  %zero = constant {value = 0, of = i32} : i32
  %one = constant {value = 1, of = i32} : i32
  %r, %s = for %zero, %n, %one, [%v, %odd] (%i: i32, %w: f16[8], %u: f16[3]) {
    %turned = take %w {registers = [1, 2, 3, 4, 5, 6, 7, 0]} : f16[8]
    %last = take %u {registers = [2, 0, 1]} : f16[3]
    yield [%turned, %last]
  } : f16[8], f16[3]
  %tail = take %r {registers = [3, 4, 5, 6, 7]} : f16[5]
  %all = join [%s, %tail] : f16[8]
  global_store %out, %all, %o {width = 8}
  yield []
}"""
    x = np.arange(8 * 32, dtype=np.float16)
    out = np.zeros_like(x)
    run(text, [3, x, out])
    rows = x.reshape(-1, 8)
    assert np.array_equal(out.reshape(-1, 8)[:, :3], rows[:, :3])
    assert np.array_equal(out.reshape(-1, 8)[:, 3:], np.roll(rows, -3, axis=1)[:, 3:])


def test_collatz() -> None:
    """A while loop whose condition and body take the same registers, alike in all threads."""
    text = f"""func @k(%n: i32, %out: ptr<i32>) warps(1, sm_80) {{
{STORE}  %zero = constant {{value = 0, of = i32}} : i32
  %one = constant {{value = 1, of = i32}} : i32
  %two = constant {{value = 2, of = i32}} : i32
  %three = constant {{value = 3, of = i32}} : i32
  %end, %steps = while [%n, %zero] (%a: i32, %c: i32) {{
    %go = ne %a, %one : bool
    yield [%go]
  }} (%a2: i32, %c2: i32) {{
    %odd = mod %a2, %two : i32
    %is = eq %odd, %one : bool
    %next = if %is () {{
      %m = mul %a2, %three : i32
      %p = add %m, %one : i32
      yield [%p]
    }} () {{
      %h = floordiv %a2, %two : i32
      yield [%h]
    }} : i32
    %more = add %c2, %one : i32
    yield [%next, %more]
  }} : i32, i32
  %s = splat %steps {{shape = [1]}} : i32[1]
  global_store %out, %s, %at0
  yield []
}}"""
    out = np.zeros(32, np.int32)
    run(text, [27, out])
    assert set(out.tolist()) == {111}


def test_branches_store_and_yield() -> None:
    """One side stores; arrays of bools and of halves come out of both."""
    text = f"""func @k(%n: i32, %x: ptr<f16, align=4>, %out: ptr<f16, align=4>) warps(1, sm_80) {{
{STORE}  %zero = constant {{value = 0, of = i32}} : i32
  %two = constant {{value = 2, of = i32}} : i32
  %twice = mul %t0, %two : i32
  %o = splat %twice {{shape = [1]}} : i32[1]
  %v = global_load %x, %o {{width = 2}} : f16[2]
  %positive = gt %n, %zero : bool
  %w, %b = if %positive () {{
    %d = add %v, %v : f16[2]
    %e = lt %v, %d : bool[2]
    yield [%d, %e]
  }} () {{
    %f = eq %v, %v : bool[2]
    yield [%v, %f]
  }} : f16[2], bool[2]
  %m = neg %w : f16[2]
  %r = select %b, %w, %m : f16[2]
  global_store %out, %r, %o {{width = 2}}
  yield []
}}"""
    x = np.arange(64, dtype=np.float16) - 32
    for n in (1, -1):
        out = np.zeros_like(x)
        run(text, [n, x, out])
        wanted = np.where(x < x + x, x + x, -(x + x)) if n > 0 else x
        assert np.array_equal(out, wanted)


def test_a_loop_whose_trips_are_known_not_to_be_is_not_written() -> None:
    found = listing(trips("i32", "5", "5", "1"))
    assert "$loop" not in found.text
