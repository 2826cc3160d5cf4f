"""Products of fragments and loads of matrices, against numpy; the operands are laid out by the records' layouts."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tests.ptx.running import RANDOM, Array, run
from tilevm.layout import Layout
from tilevm.target import MmaAtom, target
from tilevm.types import DType, dtype

LANES = 32
NUMPY: dict[str, Any] = {"f16": np.float16, "bf16": ml_dtypes.bfloat16, "tf32": np.float32, "f32": np.float32}
NUMPY |= {"f64": np.float64, "i8": np.int8, "u8": np.uint8, "i32": np.int32}
NUMPY |= {"f8e4m3": ml_dtypes.float8_e4m3fn, "f8e5m2": ml_dtypes.float8_e5m2}
SHAPES = [
    ("sm_80", "m16n8k16.row.col.f32.f16"),
    ("sm_80", "m16n8k8.row.col.f32.bf16"),
    ("sm_80", "m16n8k16.row.col.f16"),
    ("sm_80", "m16n8k8.row.col.f32.tf32"),
    ("sm_80", "m16n8k32.row.col.s32.s8.u8"),
    ("sm_80", "m8n8k4.row.col.f64"),
    ("sm_86", "m16n8k16.row.col.f32.bf16"),
    ("sm_89", "m16n8k32.row.col.f32.e4m3.e5m2"),
]


def spread(layout: Layout, matrix: Array, slots: int) -> Array:
    """Each lane's elements of a matrix: (lanes, slots)."""
    found = np.zeros((LANES, slots), matrix.dtype)
    for lane in range(LANES):
        for slot in range(slots):
            at = layout.index_at(lane, slot)
            assert at is not None
            found[lane, slot] = matrix[at]
    return found


def slots(layout: Layout) -> int:
    return layout.size // LANES


def some(dtype_: DType, shape: tuple[int, int]) -> Array:
    return RANDOM.integers(-3 if dtype_.signed else 0, 4, shape).astype(NUMPY[dtype_.name])


def raw(x: Array) -> Array:
    """An array that numpy's own types hold."""
    return np.ascontiguousarray(x).view(f"u{x.dtype.itemsize}")


def atoms(machine: str, name: str) -> MmaAtom:
    return next(a for a in target(machine).mma_atoms if name in a.name and a.name.startswith("mma.sync.aligned"))


@pytest.mark.parametrize("grid", [(1, 1, 1), (2, 3, 2)])
@pytest.mark.parametrize(("machine", "name"), SHAPES, ids=[s for _, s in SHAPES])
def test_products(machine: str, name: str, grid: tuple[int, int, int]) -> None:
    atom = atoms(machine, name)
    assert atom.a is not None and atom.b is not None
    m, n, k = grid
    sizes = ((m * atom.m, k * atom.k), (k * atom.k, n * atom.n), (m * atom.m, n * atom.n))
    kinds = (atom.a_dtype, atom.b_dtype, atom.c_dtype)
    a, b, c = (some(kind, size) for kind, size in zip(kinds, sizes, strict=True))
    parts = [fragments(a, atom.a, (m, k)), fragments(b, atom.b, (k, n)), fragments(c, atom.c, (m, n))]
    counts = [p.shape[1] for p in parts]
    types = [kind.name for kind in kinds]
    loads = "".join(load(v, t, c) for v, t, c in zip("abc", types, counts, strict=True))
    params = ", ".join(f"%{v}: ptr<{t}, align=16>" for v, t in zip("abc", types, strict=True))
    text = f"""func @k({params}) warps(1, {machine}) {{
  %t = thread_id : i32
{loads}  %d = mma %a.v, %b.v, %c.v {{atom = "{atom.name}", grid = [{m}, {n}, {k}]}} : {types[2]}[{counts[2]}]
  global_store %c, %d, %c.o
  yield []
}}"""
    given = [raw(p) for p in parts]
    run(text, given)
    wide = [x.astype(np.float64) for x in (a, b, c)]
    wanted = (wide[0] @ wide[1] + wide[2]).astype(NUMPY[types[2]])
    found = given[2].view(wanted.dtype).reshape(LANES, -1)
    np.testing.assert_array_equal(found, fragments(wanted, atom.c, (m, n)))


def fragments(matrix: Array, layout: Layout, grid: tuple[int, int]) -> Array:
    """The slots of a grid of fragments, its last index fastest."""
    rows, columns = matrix.shape[0] // grid[0], matrix.shape[1] // grid[1]
    blocks = [
        spread(layout, matrix[i * rows : (i + 1) * rows, j * columns : (j + 1) * columns], slots(layout))
        for i in range(grid[0])
        for j in range(grid[1])
    ]
    return np.concatenate(blocks, axis=1)


def load(name: str, kind: str, count: int) -> str:
    """IR that loads each lane's elements one by one."""
    numbers = ", ".join(map(str, range(count)))
    return f"""  %{name}.n = constant {{value = {count}, of = i32}} : i32
  %{name}.t = mul %t, %{name}.n : i32
  %{name}.s = splat %{name}.t {{shape = [{count}]}} : i32[{count}]
  %{name}.i = numbers {{values = [{numbers}], of = i32}} : i32[{count}]
  %{name}.o = add %{name}.s, %{name}.i : i32[{count}]
  %{name}.v = global_load %{name}, %{name}.o : {kind}[{count}]
"""


@pytest.mark.parametrize("copy", [c.name for c in target("sm_80").matrix_copies])
def test_matrices_come_as_fragments(copy: str) -> None:
    """Two loads by one instruction each: rows of a 16 x 64 tile, 16 bytes apart by lane."""
    atom = target("sm_80").matrix_copy(copy)
    count = atom.count * 2
    text = f"""func @k(%x: ptr<f16, align=16>, %out: ptr<f16, align=16>) warps(1, sm_80) {{
  %t = thread_id : i32
  %eight = constant {{value = 8, of = i32}} : i32
  %a = mul %t, %eight : i32
  %o = splat %a {{shape = [2]}} : i32[2]
  %n = numbers {{values = [0, 256], of = i32}} : i32[2]
  %p = add %o, %n : i32[2]
  %b = shared {{of = f16, count = 512, at = 256}} : shared<f16[512]>
  %v = global_load %x, %p {{width = 8}} : f16[16]
  shared_store %b, %v, %p {{width = 8}}
  barrier {{}}
  %f = matrix_load %b, %p {{copy = "{copy}", words = {atom.words}}} : f16[{2 * count}]
  %c = constant {{value = {2 * count}, of = i32}} : i32
  %to = mul %t, %c : i32
  %q = splat %to {{shape = [{count}]}} : i32[{count}]
  %m = numbers {{values = {list(range(0, 2 * count, 2))}, of = i32}} : i32[{count}]
  %r = add %q, %m : i32[{count}]
  global_store %out, %f, %r {{width = 2}}
  yield []
}}"""
    x = RANDOM.integers(0, 1000, 512).astype(np.float16)
    out = np.zeros(LANES * 2 * count, np.float16)
    run(text, [x, out])
    layout = atom.fragment(16)
    for i in range(2):
        matrices = x[256 * i : 256 * i + 64 * atom.count].reshape(atom.count, 8, 8)
        found = out.reshape(LANES, 2, count)[:, i]
        for lane in range(LANES):
            for slot in range(count):
                at = layout.index_at(lane, slot)
                assert at is not None
                assert found[lane, slot] == matrices[at], (lane, slot)


def test_dtype_names_are_those_of_numpy() -> None:
    assert all(dtype(name).numpy_bytes == np.dtype(kind).itemsize for name, kind in NUMPY.items())
