"""What kernels become: the text of the traced IR, and what every trace must hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tilevm as tv
from tests.frontend import kernels
from tests.frontend.types_of import TYPES, check_text, tensor, traced
from tilevm.frontend.trace import trace
from tilevm.ir import Op
from tilevm.ir.ops import Dot, For, Store
from tilevm.ir.rewrite import walk
from tilevm.source import TileError
from tilevm.symbolic import Name
from tilevm.text import print_func
from tilevm.types import Scalar, Type, bf16, f16, f32

WHOLE = (
    *(kernels.vector_add, kernels.softmax, kernels.matmul, kernels.loops, kernels.temporaries, kernels.branches),
    *(kernels.collatz, kernels.unrolled, kernels.promotion, kernels.shapes, kernels.gathering),
)


@pytest.mark.parametrize("kernel", WHOLE, ids=lambda k: k.__name__)
def test_text(kernel: Callable[..., Any], golden: Callable[[Path, str], None]) -> None:
    check_text(kernel, golden)


@pytest.mark.parametrize("kernel", WHOLE, ids=lambda k: k.__name__)
def test_every_instruction_has_a_place(kernel: Callable[..., Any]) -> None:
    code = kernel.__code__
    for op in walk(traced(kernel).body):
        assert op.span is not None
        outermost = [op.span, *op.span.chain()][-1]
        assert outermost.file == code.co_filename
        assert code.co_firstlineno <= outermost.line <= code.co_firstlineno + 20


def first(kernel: Callable[..., Any], kind: type[Op]) -> Op:
    return next(op for op in walk(traced(kernel).body) if isinstance(op, kind))


def test_places_are_those_of_the_file() -> None:
    span = first(kernels.matmul, Dot).span
    assert span is not None
    line = Path(kernels.__file__).read_text().splitlines()[span.line - 1]
    assert line[span.column : span.end_column] == "tv.dot(a.load((m, k), (BM, BK)), b.load((k, n), (BK, BN)), acc)"


def test_inlined_code_tells_who_called_it() -> None:
    [erf] = [op for op in walk(traced(kernels.matmul).body) if op.name == "erf"]
    assert erf.span is not None
    assert [s.function for s in (erf.span, *erf.span.chain())] == ["gelu", "activation", "matmul"]


def test_constants_choose_the_branch() -> None:
    names = {
        kind: {op.name for op in walk(traced(kernels.matmul, KIND=kind).body)} for kind in ("gelu", "relu", "none")
    }
    assert "erf" in names["gelu"] - names["relu"]
    assert "maximum" in names["relu"] - names["none"]


def test_one_kernel_serves_several_dtypes() -> None:
    types: dict[str, Type] = {n: tensor(bf16, *dims) for n, dims in (("a", "MK"), ("b", "KN"), ("c", "MN"))}
    [store] = [op for op in walk(traced(kernels.matmul, types).body) if isinstance(op, Store)]
    assert str(store.value.type) == "bf16[64, 128]"


def test_sized_dims_are_compile_time_ints() -> None:
    func = traced(kernels.matmul, {"a": tensor(f16, 512, 256)})
    assert "extent" not in {op.name for op in walk(func.body)}


def test_stages_reach_the_loop() -> None:
    loop = first(kernels.matmul, For)
    assert isinstance(loop, For)
    assert loop.num_stages == 3


def test_a_grid_is_kept() -> None:
    func = trace(kernels.vector_add, {n: TYPES[n] for n in "xyz"}, {}, (Name("N"),))
    assert func.grid == (Name("N"),)


@pytest.mark.parametrize(("combine", "name"), [(kernels.product, "mul"), (tv.maximum, "maximum")])
def test_closures(combine: object, name: str) -> None:
    func = traced(kernels.closure(32, f32, combine))
    assert name in {op.name for op in walk(func.body)}
    assert "f32[32]" in print_func(func)


def test_parameters_are_checked() -> None:
    with pytest.raises(TileError, match="has no parameter q"):
        traced(kernels.vector_add, q=1)
    with pytest.raises(TileError, match="BLOCK is a list"):
        traced(kernels.vector_add, BLOCK=[1])
    with pytest.raises(TileError, match="neither a type nor a value"):
        trace(kernels.vector_add, {"x": Scalar(f32)}, {})
