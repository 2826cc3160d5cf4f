"""A call of every language function, from which the documents tell what it gives and which instructions it becomes.

The calls stand in a kernel whose parameters are :data:`VALUES`.
"""

from __future__ import annotations

import ast
import io
import linecache
from contextlib import redirect_stdout
from dataclasses import dataclass
from types import FunctionType

import tilevm as tv
from tilevm.frontend.trace import trace
from tilevm.ir import Op
from tilevm.ir.rewrite import walk
from tilevm.types import Dim, Pointer, Scalar, Tensor, Tile, Type, bf16, bool_, f4e2m1, f8e4m3, f8e8m0, f16, f32, i32

VALUES: dict[str, Type] = {
    "x": Tile(f32, (4, 8)),
    "y": Tile(f32, (4, 8)),
    "v": Tile(f32, (8,)),
    "h": Tile(f16, (4, 8)),
    "w": Tile(f16, (8, 4)),
    "i": Tile(i32, (8,)),
    "j": Tile(i32, (8,)),
    "m": Tile(bool_, (4, 8)),
    "f": Tile(f4e2m1, (4, 32)),
    "e": Tile(f8e8m0, (4, 2)),
    "g": Tile(f8e4m3, (32, 4)),
    "s": Scalar(f32),
    "n": Scalar(i32),
    "b": Scalar(bool_),
    "t": Tensor(f32, (Dim("M"), Dim("N")), (None, 1)),
    "c": Tensor(bf16, (Dim("N"),), (1,)),
    "k": Tensor(i32, (Dim("N"),), (1,)),
    "p": Pointer(f32),
    "r": Pointer(i32),
}
SAMPLES: dict[str, tuple[str, ...]] = {
    "Pointer.atomic_add": ("r.atomic_add(i, j)",),
    "Pointer.atomic_and_": ("r.atomic_and_(i, j)",),
    "Pointer.atomic_cas": ("r.atomic_cas(i, 0, j)",),
    "Pointer.atomic_exchange": ("r.atomic_exchange(i, j)",),
    "Pointer.atomic_max": ("r.atomic_max(i, j)",),
    "Pointer.atomic_min": ("r.atomic_min(i, j)",),
    "Pointer.atomic_or_": ("r.atomic_or_(i, j)",),
    "Pointer.atomic_xor": ("r.atomic_xor(i, j)",),
    "Pointer.dtype": ("p.dtype",),
    "Pointer.load": ("p.load(i)", "p.load(i, mask=i < n)"),
    "Pointer.store": ("p.store(i, v)",),
    "Tensor.atomic_add": ("k.atomic_add(i, j)", "t.atomic_add((i, 0), v, mask=i < n)"),
    "Tensor.atomic_and_": ("k.atomic_and_(i, j)",),
    "Tensor.atomic_cas": ("k.atomic_cas(i, 0, 1)",),
    "Tensor.atomic_exchange": ("k.atomic_exchange(i, j)",),
    "Tensor.atomic_max": ("k.atomic_max(i, j)",),
    "Tensor.atomic_min": ("k.atomic_min(i, j)",),
    "Tensor.atomic_or_": ("k.atomic_or_(i, j)",),
    "Tensor.atomic_xor": ("k.atomic_xor(i, j)",),
    "Tensor.dtype": ("c.dtype",),
    "Tensor.gather": ("t.gather((i, j), mask=i < n)", "c.gather(i)"),
    "Tensor.load": ("t.load((n, 0), (4, 8))", "c.load(n, 8)"),
    "Tensor.ndim": ("t.ndim",),
    "Tensor.scatter": ("t.scatter((i, j), v)",),
    "Tensor.shape": ("t.shape[0]",),
    "Tensor.store": ("t.store((n, 0), x)",),
    "Tile.T": ("x.T",),
    "Tile.all": ("m.all(axis=1)",),
    "Tile.any": ("m.any(axis=1)",),
    "Tile.argmax": ("x.argmax(axis=1)",),
    "Tile.argmin": ("x.argmin()",),
    "Tile.broadcast": ("v.broadcast(4, 8)",),
    "Tile.dtype": ("x.dtype",),
    "Tile.expand": ("v.expand(0)",),
    "Tile.max": ("x.max(axis=1)",),
    "Tile.min": ("x.min()",),
    "Tile.ndim": ("x.ndim",),
    "Tile.permute": ("x.permute(1, 0)",),
    "Tile.reshape": ("x.reshape(2, 16)",),
    "Tile.shape": ("x.shape",),
    "Tile.sum": ("x.sum(axis=1, keepdims=True)",),
    "Tile.to": ("x.to(tv.bf16)", "x.to(tv.i8, saturate=True)", 'x.to(tv.i8, rounding="nearest_even")'),
    "Tile.view": ("x.view(tv.i32)", "i.view(tv.u4)", "s.view(tv.u32)"),
    "abs": ("tv.abs(x)",),
    "all": ("tv.all(m)",),
    "any": ("tv.any(m, axis=0)",),
    "arange": ("tv.arange(8)", "tv.arange(-4, 4)"),
    "argmax": ("tv.argmax(x, axis=1)",),
    "argmin": ("tv.argmin(v)",),
    "argsort": ("tv.argsort(x)",),
    "broadcast": ("tv.broadcast(v, (4, 8))", "tv.broadcast(s, (4, 8))"),
    "cat": ("tv.cat((x, y), axis=1)",),
    "cdiv": ("tv.cdiv(n, 8)", "tv.cdiv(20, 8)"),
    "ceil": ("tv.ceil(x)",),
    "cumprod": ("tv.cumprod(x, axis=1)",),
    "cumsum": ("tv.cumsum(x, axis=1)", "tv.cumsum(i, axis=0, reverse=True)"),
    "device_assert": ('tv.device_assert(n > 0, "n is positive")',),
    "dot": ("tv.dot(h, w)", "tv.dot(x, y.T, tv.zeros((4, 4), tv.f32))"),
    "dot_scaled": ("tv.dot_scaled(f, e, g, None)",),
    "empty": ("tv.empty((4, 8), tv.f32)",),
    "erf": ("tv.erf(x)",),
    "exp": ("tv.exp(x)",),
    "exp2": ("tv.exp2(x)",),
    "expand": ("tv.expand(v, 1)",),
    "floor": ("tv.floor(x)",),
    "full": ("tv.full((4, 8), 0.5, tv.f32)",),
    "join": ("tv.join(x, y)",),
    "log": ("tv.log(x)",),
    "log2": ("tv.log2(x)",),
    "max": ("tv.max(x, axis=0)",),
    "maximum": ("tv.maximum(x, 0)",),
    "min": ("tv.min(x, axis=(0, 1))",),
    "minimum": ("tv.minimum(x, y)",),
    "num_programs": ("tv.num_programs(0)",),
    "permute": ("tv.permute(x, (1, 0))",),
    "print": ('tv.print("n is", n)',),
    "program_id": ("tv.program_id(0)",),
    "rand": ("tv.rand(42, i)",),
    "randint": ("tv.randint(n, i)",),
    "range": ("for k in tv.range(0, n, 4): v += 1",),
    "reduce": ("tv.reduce(x, 1, tv.maximum)",),
    "reshape": ("tv.reshape(x, (2, -1))",),
    "rsqrt": ("tv.rsqrt(x)",),
    "scan": ("tv.scan(x, 1, tv.maximum)",),
    "sigmoid": ("tv.sigmoid(x)",),
    "set_layout": ('tv.set_layout(x, "(4):(8@thread) (8):(1@thread)")',),
    "sort": ("tv.sort(x)", "tv.sort(i, descending=True)"),
    "split": ("tv.split(tv.join(x, y))",),
    "sqrt": ("tv.sqrt(x)",),
    "static_assert": ("tv.static_assert(x.shape[1] % 4 == 0)",),
    "static_print": ("tv.static_print(x.shape)",),
    "static_range": ("for k in tv.static_range(3): v += k",),
    "sum": ("tv.sum(x)", "tv.sum(i)"),
    "tanh": ("tv.tanh(x)",),
    "topk": ("tv.topk(x, 3)",),
    "where": ("tv.where(m, x, 0)",),
    "zeros": ("tv.zeros((4, 8), tv.f32)",),
}
OPERATORS = (
    *("x + y", "x - 1", "x * v", "x / y", "x // y", "x % y", "x ** 2", "h @ w", "-x", "abs(x)"),
    *("i + 1", "i // 4", "i % n", "i << 1", "i >> 1", "i & 7", "i | j", "i ^ j", "~i"),
    *("x < y", "x <= y", "x > 0", "x >= 0", "x == y", "x != y"),
    *("m & m", "m | m", "m ^ m", "~m", "b and n > 0", "b or n > 0", "not b", "s if b else 0.0"),
    *("v[:, None]", "x[0]", "x[1:3, 4:]", "v[3]", "len(v)", "min(n, 8)", "max(n, 0)", "float(n)", "int(s)"),
)

RESULT = "result"  # what a sample's value is called, so that it is found again


@dataclass(frozen=True)
class Lowered:
    """A call, the type that it gives ("" for something known at compile time), and its instructions, in order."""

    code: str
    type: str
    instructions: tuple[str, ...]


def lowered(code: str) -> Lowered:
    """What one line of a kernel becomes. Raises TileError where it is wrong."""
    file = f"<sample {code}>"
    line = f"{RESULT} = {code}" if is_expression(code) else code
    text = f"def sample({', '.join(VALUES)}):\n    {line}\n"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names: dict[str, object] = {"tv": tv}
    exec(compile(text, file, "exec"), names)
    function = names["sample"]
    assert isinstance(function, FunctionType)
    with redirect_stdout(io.StringIO()):  # what tv.static_print says
        block = trace(function, VALUES, {}).body
    ops = list(walk(block))
    named = [r for op in ops for r in op.results if r.hint == RESULT]
    made = named or (block.ops[-2].results if len(block.ops) > 1 else ())  # a value may have a name of its own
    result = ", ".join(str(r.type) for r in made)
    return Lowered(code, result, tuple(dict.fromkeys(op.name for op in ops if spoken(op))))


def is_expression(code: str) -> bool:
    try:
        ast.parse(code, mode="eval")
    except SyntaxError:
        return False
    return True


def spoken(op: Op) -> bool:
    """Whether an instruction is worth a word: constants and ends of blocks are not."""
    return op.name not in ("constant", "yield")
