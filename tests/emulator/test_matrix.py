"""Matrix instructions: every shape against a product, its operands laid out by tables that are not the emulator's."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tests.emulator.running import Array, written

RANDOM = np.random.default_rng(5)
TABLES = json.loads((Path(__file__).parents[1] / "target" / "nvidia.json").read_text(encoding="utf-8"))["fragments"]
BRAIN: Any = ml_dtypes.bfloat16
E4M3: Any = ml_dtypes.float8_e4m3fn
E5M2: Any = ml_dtypes.float8_e5m2
TYPES: dict[str, Any] = {
    "f16": np.float16,
    "bf16": BRAIN,
    "tf32": np.float32,
    "s8": np.int8,
    "u8": np.uint8,
    "e4m3": E4M3,
    "e5m2": E5M2,
    "f64": np.float64,
    "f32": np.float32,
    "s32": np.int32,
}
FORMS = [  # shape, types of D, A, B, and how the tables call the operands
    ("m16n8k16", "f32", "f16", "f16", "16bit"),
    ("m16n8k16", "f32", "bf16", "bf16", "16bit"),
    ("m16n8k16", "f16", "f16", "f16", "16bit"),
    ("m16n8k8", "f32", "f16", "f16", "16bit"),
    ("m16n8k8", "f16", "f16", "f16", "16bit"),
    ("m16n8k8", "f32", "bf16", "bf16", "16bit"),
    ("m16n8k8", "f32", "tf32", "tf32", "tf32"),
    ("m16n8k4", "f32", "tf32", "tf32", "tf32"),
    ("m16n8k16", "s32", "s8", "s8", "8bit"),
    ("m16n8k32", "s32", "s8", "u8", "8bit"),
    ("m16n8k32", "s32", "u8", "u8", "8bit"),
    ("m16n8k32", "f32", "e4m3", "e5m2", "8bit"),
    ("m8n8k16", "s32", "s8", "u8", "8bit"),
    ("m8n8k4", "f64", "f64", "f64", "f64"),
]


@dataclass(frozen=True)
class Held:
    """Where the table has the elements of an operand: rows and columns as (lanes, registers, elements)."""

    rows: Array
    columns: Array

    @property
    def registers(self) -> int:
        return int(self.rows.shape[1])

    def spread(self, matrix: Array) -> Array:
        """Each lane's registers: (lanes, registers)."""
        held = np.ascontiguousarray(matrix[self.rows, self.columns])
        return held.view(np.uint64 if matrix.dtype.itemsize == 8 else np.uint32).reshape(32, -1)

    def gather(self, words: Array, kind: Any, shape: tuple[int, int]) -> Array:
        """The matrix that registers hold."""
        matrix = np.zeros(shape, kind)
        matrix[self.rows, self.columns] = words.view(kind).reshape(self.rows.shape)
        return matrix


def held(name: str) -> Held:
    table = TABLES[name]
    lane, reg, sub = np.ogrid[:32, : table["registers"], : table["elements"]]
    names = {"g": lane // 4, "t": lane % 4, "reg": reg, "sub": sub}
    shape = np.broadcast_shapes(lane.shape, reg.shape, sub.shape)
    rows, columns = (np.broadcast_to(eval(table[key], {}, names), shape) for key in ("row", "col"))
    return Held(rows, columns)


def numbers(kind: Any, *shape: int) -> Array:
    if np.dtype(kind).kind in "iu":
        return RANDOM.integers(np.iinfo(kind).min, np.iinfo(kind).max + 1, shape).astype(kind)
    return RANDOM.integers(-8, 9, shape).astype(kind)  # small whole numbers: every sum is exact


def accumulator(form: str, kind: str) -> str:
    if kind == "f64":
        return f"mma.{form[:4]}.C_f64"
    return "mma.m16n8.C_f16x2" if kind == "f16" else f"mma.{form[: form.index('k')]}.C_f32_s32"


def product(text: str, operands: list[Array], results: int, wide: bool) -> Array:
    """The registers of D that one warp computes: operands are (lanes, registers)."""
    size, letter = (8, "d") if wide else (4, "r")
    lines, listed, at = ["mov.u32 %r0, %tid.x;", "mov.u32 %r60, %laneid;"], [], 3
    for i, operand in enumerate(operands):
        count, own = operand.shape[1], []
        lines += [f"ld.param.u64 %d1, [k_{i}];", f"mad.wide.u32 %d2, %r0, {size * count}, %d1;"]
        for j in range(count):
            lines.append(f"ld.global.b{8 * size} %{letter}{at}, [%d2 + {size * j}];")
            own.append(f"%{letter}{at}")
            at += 1
        listed.append(own)
    out = [f"%{letter}{at + i}" for i in range(results)]
    joined = ", ".join(f"{{{', '.join(names)}}}" for names in (out, *listed))
    lines += [f"{text} {joined};", f"ld.param.u64 %d1, [k_{len(operands)}];"]
    lines.append(f"mad.wide.u32 %d2, %r0, {size * results}, %d1;")
    lines += [f"st.global.b{8 * size} [%d2 + {size * i}], {name};" for i, name in enumerate(out)]
    found = np.zeros((32, results), f"u{size}")
    written("\n".join(lines), len(operands) + 1).launch(1, 32, [*operands, found])
    return found


@pytest.mark.parametrize("form", FORMS, ids="-".join)
def test_products(form: tuple[str, ...]) -> None:
    shape, result, left, right, called = form
    m, n, k = (int(s) for s in shape.replace("m", "").replace("n", " ").replace("k", " ").split())
    a, b, c = numbers(TYPES[left], m, k), numbers(TYPES[right], k, n), numbers(TYPES[result], m, n)
    if result == "s32":
        c //= 2
    spots = [held(f"mma.{shape}.{side}_{called}") for side in "AB"] + [held(accumulator(shape, result))]
    words = [spot.spread(x) for spot, x in zip(spots, (a, b, c), strict=True)]
    text = f"mma.sync.aligned.{shape}.row.col.{result}.{left}.{right}.{result}"
    found = product(text, words, words[2].shape[1], result == "f64")
    exact = np.matmul(a.astype(float), b.astype(float)) + c.astype(float)
    np.testing.assert_array_equal(spots[2].gather(found, TYPES[result], (m, n)), exact.astype(TYPES[result]))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_ldmatrix(count: int, turned: bool) -> None:
    """Lane l of matrix j holds elements 2 (l % 4) and the next of row l // 4, or of that column."""
    matrices = RANDOM.integers(0, 1 << 16, (count, 8, 8)).astype(np.uint16)
    out = np.zeros((32, count), np.uint32)
    order = np.array(RANDOM.permutation(32), np.uint32)  # rows of 16 bytes lie anywhere
    rows = np.zeros((32, 8), np.uint16)
    rows[order[: 8 * count]] = matrices.reshape(-1, 8)
    names = ", ".join(f"%r{10 + i}" for i in range(count))
    lines = [
        "mov.u32 %r0, %tid.x; ld.param.u64 %d1, [k_0]; mad.wide.u32 %d2, %r0, 16, %d1;",
        "ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%d2]; mov.u32 %r5, box; mad.lo.u32 %r6, %r0, 16, %r5;",
        "st.shared.v4.u32 [%r6], {%r1, %r2, %r3, %r4}; bar.sync 0;",
        "ld.param.u64 %d1, [k_1]; mad.wide.u32 %d2, %r0, 4, %d1; ld.global.u32 %r7, [%d2];",
        "mad.lo.u32 %r8, %r7, 16, %r5;",
        f"ldmatrix.sync.aligned.m8n8.x{count}{'.trans' if turned else ''}.shared.b16 {{{names}}}, [%r8];",
        f"ld.param.u64 %d1, [k_2]; mad.wide.u32 %d2, %r0, {4 * count}, %d1;",
        *(f"st.global.u32 [%d2 + {4 * i}], %r{10 + i};" for i in range(count)),
    ]
    kernel = written("\n".join(lines), 3, ".shared .align 16 .b8 box[512];")
    kernel.launch(1, 32, [rows, order, out])
    for lane in range(32):
        for j in range(count):
            matrix = matrices[j].T if turned else matrices[j]
            low, high = matrix[lane // 4, 2 * (lane % 4) : 2 * (lane % 4) + 2]
            assert out[lane, j] == int(low) | int(high) << 16


def test_sums_of_integers_wrap_or_stop() -> None:
    words = [np.full((32, 4), 0x7F7F7F7F, np.uint32), np.full((32, 2), 0x7F7F7F7F, np.uint32)]
    top = np.full((32, 4), 2**31 - 1, np.uint32)
    form = "mma.sync.aligned.m16n8k32.row.col{}.s32.s8.s8.s32"
    wrapped = product(form.format(""), [*words, top], 4, False)
    stopped = product(form.format(".satfinite"), [*words, top], 4, False)
    assert (wrapped == np.uint32(2**31 - 1 + 32 * 127 * 127)).all()
    assert (stopped == 2**31 - 1).all()
