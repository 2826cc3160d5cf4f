"""Products and loads of matrices against numpy, and a whole product with copies ahead, sound and broken."""

import re
from collections.abc import Iterator

import numpy as np
import pytest

from tests.vm.threads.matmul import matmul
from tests.vm.threads.running import collect, function, hazard, line_of, run, table
from tilevm.backends.vm.threads import Hazard
from tilevm.layout import Layout
from tilevm.source import TileError
from tilevm.target import MmaAtom, target
from tilevm.types import DType, f32, tf32

AMD = (
    "v_mfma_f32_32x32x8_f16",
    "v_mfma_f32_16x16x4_4b_f16",
    "v_mfma_f32_32x32x4_2b_bf16",
    "v_mfma_i32_4x4x4_16b_i8",
    "v_mfma_f64_16x16x4_f64",
    "v_mfma_f32_16x16x32_fp8_bf8",
    "v_mfma_f32_16x16x8_xf32",
    "v_mfma_f32_4x4x1_16b_f32",
)
ATOMS = [("sm_80", a) for a in target("sm_80").mma_atoms if a.a is not None and a.b is not None]
ATOMS += [("gfx942", target("gfx942").atom(name)) for name in AMD]


def drawn(dtype: DType, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Small numbers, of which sums of products are exact in the accumulator."""
    low, high = (-3, 3) if dtype.is_float else (int(dtype.min), min(int(dtype.max), 100))
    return rng.integers(low, high + 1, shape)


def slots(layout: Layout, fragment: np.ndarray) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Each thread, register, and the index of what it holds."""
    for index in np.ndindex(fragment.shape):
        for thread, register in layout.owners(index):
            yield thread, register, index


def in_registers(layout: Layout, fragments: np.ndarray, lanes: int) -> np.ndarray:
    """Fragments (warps, rows, columns, …) as registers (threads, rows * columns * registers)."""
    warps, rows, columns = fragments.shape[:3]
    out = np.zeros((warps, lanes, rows, columns, layout.registers), fragments.dtype)
    for thread, register, index in slots(layout, fragments[0, 0, 0]):
        out[:, thread, :, :, register] = fragments[(slice(None),) * 3 + index]
    return out.reshape(warps * lanes, -1)


def loaded(name: str, dtype: DType, registers: int) -> str:
    """Lines that bring a thread's registers from %x.NAME, a tensor of i32, to %NAME."""
    at = list(range(registers))
    kind = f32 if dtype == tf32 else dtype
    return f"""  %{name}.n = constant {{value = {registers}, of = i32}} : i32
  %{name}.t = mul %t, %{name}.n : i32
  %{name}.tt = splat %{name}.t {{shape = [{registers}]}} : i32[{registers}]
  %{name}.k = numbers {{values = {at}, of = i32}} : i32[{registers}]
  %{name}.o = add %{name}.tt, %{name}.k : i32[{registers}]
  %{name}.i = global_load %x.{name}, %{name}.o : i32[{registers}]
  %{name} = cast %{name}.i {{to = {kind}}} : {kind}[{registers}]
"""


def product_text(where: str, atom: MmaAtom, grid: tuple[int, int, int], warps: int) -> str:
    m, n, k = grid
    counts = {"a": m * k, "b": k * n, "c": m * n}
    sizes = {"a": atom.a, "b": atom.b, "c": atom.c}
    registers = {name: counts[name] * layout.registers for name, layout in sizes.items() if layout is not None}
    dtypes = {"a": atom.a_dtype, "b": atom.b_dtype, "c": atom.c_dtype}
    body = "".join(loaded(name, dtypes[name], registers[name]) for name in "abc")
    c = registers["c"]
    body += f"""  %d = mma %a, %b, %c {{atom = "{atom.name}", grid = {list(grid)}}} : {atom.c_dtype}[{c}]
  %e = cast %d {{to = f64}} : f64[{c}]
  global_store %y, %e, %c.o"""
    params = ", ".join(f"%x.{name}: tensor<i32[{name.upper()}], strides=[1]>" for name in "abc")
    return function(body, f"{params}, %y: tensor<f64[C], strides=[1]>", warps, where)


@pytest.mark.parametrize(("where", "atom"), ATOMS, ids=[a.name for _, a in ATOMS])
def test_every_product(where: str, atom: MmaAtom) -> None:
    """Two warps, each 2 by 3 fragments with 2 along k."""
    (m, n, k), warps, rng = (2, 3, 2), 2, np.random.default_rng(1)
    front = (atom.blocks,) if atom.blocks > 1 else ()
    assert atom.a is not None and atom.b is not None
    a = drawn(atom.a_dtype, (warps, m, k, *front, atom.m, atom.k), rng)
    b = drawn(atom.b_dtype, (warps, k, n, *front, atom.k, atom.n), rng)
    c = rng.integers(-50, 50, (warps, m, n, *front, atom.m, atom.n))
    operands = [(atom.a, a), (atom.b, b), (atom.c, c)]
    given = [in_registers(layout, x, atom.threads).astype(np.int32).reshape(-1) for layout, x in operands]
    found = np.zeros(given[2].shape)
    run(product_text(where, atom, (m, n, k), warps), *given, found)
    expected = c + np.einsum("wik...pq,wkj...qr->wij...pr", a.astype(np.int64), b.astype(np.int64))
    assert np.array_equal(found.reshape(warps * atom.threads, -1), in_registers(atom.c, expected, atom.threads))


F16 = "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32"
SPLAT = """  %za = constant {{value = {a}, of = {x}}} : {x}
  %zb = constant {{value = {b}, of = {x}}} : {x}
  %zc = constant {{value = {c}, of = {y}}} : {y}
  %a = splat %za {{shape = [{na}]}} : {x}[{na}]
  %b = splat %zb {{shape = [{nb}]}} : {x}[{nb}]
  %c = splat %zc {{shape = [4]}} : {y}[4]
  %r = mma %a, %b, %c {{atom = "{atom}", grid = [1, 1, {k}]}} : {y}[4]
"""


def splatted(a: float, b: float, c: float, atom: str, k: int = 1) -> float:
    """What every element is when all of each operand are alike."""
    found = target("sm_80").atom(atom)
    assert found.a is not None and found.b is not None
    x, y = ("f32" if found.a_dtype == tf32 else found.a_dtype.name), found.c_dtype.name
    na, nb = k * found.a.registers, k * found.b.registers
    out = table(32, 4, SPLAT.format(a=a, b=b, c=c, atom=atom, x=x, y=y, na=na, nb=nb, k=k), y)
    assert (out == out[0, 0]).all() or np.isnan(out).all()
    return float(out[0, 0])


def test_a_product_rounds_once_an_instruction() -> None:
    """2**24 + 16 * (1/16) is 2**24 + 1, which is no f32: two instructions lose it twice, one of 32 would not."""
    assert splatted(0.25, 0.25, 2.0**24, F16) == 2.0**24
    assert splatted(0.25, 0.25, 2.0**24, F16, k=2) == 2.0**24
    assert splatted(0.5, 0.25, 2.0**24, F16) == 2.0**24 + 2
    f16 = "mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16"
    assert splatted(0.25, 0.25, 2048.0, f16) == 2048.0
    assert splatted(0.375, 0.25, 2048.0, f16) == 2050.0  # 2049.5


def test_tf32_drops_what_it_cannot_hold() -> None:
    tf = "mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32"
    assert splatted(1 + 2**-10, 1.0, 0.0, tf) == 4 * (1 + 2**-10)
    assert splatted(1 + 2**-11 + 2**-12, 1.0, 0.0, tf) == 4.0
    assert splatted(-(1 + 2**-11), 1.0, 0.0, tf) == -4.0


def test_what_is_not_finite() -> None:
    assert splatted(60000.0, 60000.0, 0.0, "mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16") == np.inf


WRONG = {
    "mma %a, %a, %c": "mma: operand b is f16[8] where",
    "mma %a, %b, %b": "mma: accumulator is f16[4] where",
    "mma %c, %b, %c": "mma: operand a is f32[4] where",
}


@pytest.mark.parametrize("call", WRONG)
def test_operands_that_are_no_fragments(call: str) -> None:
    text = SPLAT.format(a=0.0, b=0.0, c=0.0, atom=F16, x="f16", y="f32", na=8, nb=4, k=1)
    kind = "f16[4]" if call.endswith("%b") else "f32[4]"
    text = re.sub(r"mma .*?( \{.*\}) : .*", rf"{call}\1 : {kind}", text)
    with pytest.raises(TileError, match=re.escape(WRONG[call])):
        run(function(text, ""))


def test_an_instruction_of_another_machine() -> None:
    text = SPLAT.format(a=0.0, b=0.0, c=0.0, atom=F16, x="f16", y="f32", na=8, nb=4, k=1)
    with pytest.raises(TileError, match="gfx942 has no matrix instruction mma") as error:
        run(function(text, "", target="gfx942"))
    assert error.value.span


POISONED = f"""  %buffer = shared {{of = f16, count = 512}} : shared<f16[512]>
  %h = cast %t {{to = f16}} : f16
  %8 = constant {{value = 8, of = i32}} : i32
  %o = mul %t, %8 : i32
  %oo = splat %o {{shape = [1]}} : i32[1]
  %one = constant {{value = 1.0, of = f16}} : f16
  %v = splat %one {{shape = [8]}} : f16[8]
  %n = numbers {{values = [9], of = i32}} : i32[1]
  %m = ne %tt, %n : bool[1]
  shared_store %buffer, %v, %oo, %m {{width = 8}}
  %a = shared_load %buffer, %oo {{width = 8}} : f16[8]
  %b = take %v {{registers = [0, 1, 2, 3]}} : f16[4]
  %p = take %a {{registers = [0, 1, 2, 3]}} : f16[4]
  %z = constant {{value = 0.0, of = f32}} : f32
  %c = splat %z {{shape = [4]}} : f32[4]
  %d = mma %a, %b, %c {{atom = "{F16}", grid = [1, 1, 1]}} : f32[4]
  %r = take %d {{registers = [0]}} : f32[1]"""


@pytest.mark.parametrize(("call", "row", "late"), [("%a, %b", True, 8), ("%v, %p", False, 1)])
def test_sums_with_what_was_never_written_are_unknown(call: str, row: bool, late: int) -> None:
    """Thread 9 holds parts of rows 2 and 10 of a, and of column 2 of b; each thread keeps c[t / 4, 2 * (t % 4)]."""
    body = POISONED.replace("%a, %b", call)
    four = (
        "  %4 = constant {value = 4, of = i32} : i32\n  %place = " + ("floordiv" if row else "mod") + " %t, %4 : i32\n"
    )
    hide = f"  %two = constant {{value = {2 if row else 1}, of = i32}} : i32\n  %known = ne %place, %two : bool\n"
    mask = "  %mm = splat %known {shape = [1]} : bool[1]\n"
    y = np.zeros(32, np.float32)
    text = body + "\n" + four + hide + mask + "  global_store %y, %r, %tt, %mm"
    run(function(text, "%y: tensor<f32[N], strides=[1]>", 1), y)
    hidden = [t // 4 == 2 if row else t % 4 == 1 for t in range(32)]
    assert y.tolist() == [0.0 if h else 16.0 for h in hidden]
    error = hazard(function(body + "\n  global_store %y, %r, %tt", "%y: tensor<f32[N], strides=[1]>", 1), y)
    assert (error.kind, f"in thread {late} " in error.message) == (Hazard.UNINITIALISED, True)


# loads of matrices -----------------------------------------------------------------------------------------------


def load_text(dtype: str, copy: str, count: int, rows: list[int], at: int = 0) -> str:
    """A buffer of 64 rows of 16 bytes that hold 0, 1, 2, …; each lane gives the address of one row."""
    bits = int(dtype[1:])
    width, total = 128 // bits, 64 * 128 // bits
    registers = count * 32 // bits
    return f"""  %buffer = shared {{of = {dtype}, count = {total}}} : shared<{dtype}[{total}]>
  %w = constant {{value = {total // 32}, of = i32}} : i32
  %o = mul %t, %w : i32
  %oo = splat %o {{shape = [{total // 32}]}} : i32[{total // 32}]
  %n = numbers {{values = {list(range(total // 32))}, of = i32}} : i32[{total // 32}]
  %e = add %oo, %n : i32[{total // 32}]
  %f = cast %e {{to = {dtype}}} : {dtype}[{total // 32}]
  shared_store %buffer, %f, %e
  %rows = numbers {{values = {rows}, of = i32}} : i32[32]
  %row = pick %rows, %tt : i32[1]
  %wide = numbers {{values = [{width}], of = i32}} : i32[1]
  %at = mul %row, %wide : i32[1]
  %shift = numbers {{values = [{at}], of = i32}} : i32[1]
  %from = add %at, %shift : i32[1]
  %l = matrix_load %buffer, %from {{copy = "{copy}", words = {count}}} : {dtype}[{registers}]
"""


def ldmatrix(count: int, trans: str = "") -> str:
    return f"ldmatrix.sync.aligned.m8n8.x{count}{trans}.shared.b16"


@pytest.mark.parametrize("trans", ["", ".trans"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_matrices_of_16_bits(count: int, trans: str) -> None:
    rows = np.random.default_rng(count).permutation(64)[:32]
    text = load_text("i16", ldmatrix(count, trans), count, rows.tolist())
    found = table(32, count * 2, text + cast(count * 2), "i32")
    memory = np.arange(512).reshape(64, 8)[rows].reshape(4, 8, 8)[:count]
    turned = memory.transpose(0, 2, 1) if trans else memory
    expected = [[turned[m, t // 4, 2 * (t % 4) + i] for m in range(count) for i in range(2)] for t in range(32)]
    assert found.tolist() == expected


def cast(registers: int) -> str:
    return f"  %r = cast %l {{to = i32}} : i32[{registers}]\n"


@pytest.mark.parametrize(("dtype", "each"), [("u8", 4), ("i32", 1)])
def test_matrices_of_other_elements(dtype: str, each: int) -> None:
    """A word of a row goes to a lane, whatever it is cut into."""
    rows = list(range(63, 31, -1))
    found = table(32, 4 * each, load_text(dtype, ldmatrix(4), 4, rows) + cast(4 * each), "i32")
    memory = (np.arange(64 * 4 * each) % (256 if dtype == "u8" else 2**31)).reshape(64, 4, each)[rows]
    expected = memory.reshape(4, 8, 4, each)
    assert found.tolist() == [[expected[m, t // 4, t % 4, i] for m in range(4) for i in range(each)] for t in range(32)]


def test_bytes_are_not_transposed() -> None:
    with pytest.raises(TileError, match="moves elements of 16 bits, not of 8"):
        run(function(load_text("u8", ldmatrix(4, ".trans"), 4, [0] * 32), "", 1))


def test_lanes_beyond_the_addresses_give_none() -> None:
    rows = [*range(8), *[1000] * 24]
    found = table(32, 2, load_text("i16", ldmatrix(1), 1, rows) + cast(2), "i32")
    assert found.reshape(-1).tolist() == list(range(64))
    error = hazard(function(load_text("i16", ldmatrix(2), 2, rows), "", 1))
    assert (error.kind, "thread 8 (warp 0, lane 8)" in error.message) == (Hazard.OUT_OF_BOUNDS, True)


def test_a_row_that_is_not_aligned() -> None:
    error = hazard(function(load_text("i16", ldmatrix(1), 1, [0] * 32, at=4), "", 1))
    assert error.kind is Hazard.MISALIGNED


# a whole product --------------------------------------------------------------------------------------------------


def inputs(depth: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(depth)
    a, b = rng.standard_normal((128, depth)), rng.standard_normal((depth, 128))
    return a.astype(np.float16), b.astype(np.float16), np.zeros((128, 128), np.float32)


@pytest.mark.parametrize("depth", [32, 64, 96, 256])
def test_a_product_with_copies_ahead(depth: int) -> None:
    a, b, c = inputs(depth)
    run(matmul(depth), a, b, c)
    exact = a.astype(float) @ b.astype(float)
    assert np.all(np.abs(c - exact) <= 2**-23 * np.abs(exact) + depth * 2**-24 * (np.abs(a) @ np.abs(b)).astype(float))


BROKEN = {
    "no wait": ("async_wait {pending = 1} ; wait", "", Hazard.MISSING_WAIT),
    "one group too few": ("pending = 1", "pending = 2", Hazard.MISSING_WAIT),
    "no barrier": ("barrier {} ; barrier", "", Hazard.RACE),
    "no commit": ("%r.g = async_commit : token", "", Hazard.MISSING_WAIT),
    "no first commit": ("%p.g = async_commit : token", "", Hazard.MISSING_WAIT),
    "the slot that is read": ("%ahead = ring %slot {by = 2", "%ahead = ring %slot {by = 0", Hazard.MISSING_WAIT),
    "the slot that is next": ("%ahead = ring %slot {by = 2", "%ahead = ring %slot {by = 1", Hazard.MISSING_WAIT),
    "two slots": ("slots = 3} : shared<f16[12288]>", "slots = 2} : shared<f16[8192]>", Hazard.OUT_OF_BOUNDS),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_product_that_is_broken(name: str) -> None:
    before, after, kind = BROKEN[name]
    text = matmul(128)
    assert before in text
    error = hazard(text.replace(before, after), *inputs(128))
    assert error.kind is kind


def test_every_hazard_of_a_broken_product_is_collected() -> None:
    text = matmul(128).replace("barrier {} ; barrier", "")
    found = collect(text, *inputs(128))
    lines = {(f.kind, f.span.line if f.span else 0) for f in found}
    assert {line for kind, line in lines} >= {line_of(text, "%fa0 ="), line_of(text, "%fb0 =")}
    assert all(kind is Hazard.RACE for kind, _ in lines)
