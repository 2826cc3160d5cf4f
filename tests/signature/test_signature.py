"""Signatures: what str prints, parse reads; and what parse says of a text that is none."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tilevm.signature import ParamSpec, PointerSpec, ScalarSpec, Signature, TensorSpec, parse
from tilevm.source import TileError
from tilevm.types import NAMED, Dim, dtype, f16, f32, i32

ROOT = Path(__file__).parents[2]
Golden = Callable[[str | Path, str], None]


def test_the_example_of_the_design() -> None:
    found = parse(
        "a: f16[M, K], bias: T[N], scale: f32, n: i32, w: u4[K, N] packed, p: *f32{align=8},\n"
        " x: T[M%16, 128, _]{strides=(K, _, 1), align=16, small}, any: _[], q: *_, "
    )
    assert found.params == (
        TensorSpec("a", f16, (Dim("M"), Dim("K"))),
        TensorSpec("bias", "T", (Dim("N"),)),
        ScalarSpec("scale", f32),
        ScalarSpec("n", i32),
        TensorSpec("w", dtype("u4"), (Dim("K"), Dim("N")), packed=True),
        PointerSpec("p", f32, align=8),
        TensorSpec("x", "T", (Dim("M", divisor=16), Dim(size=128), Dim()), ("K", None, 1), 16, small=True),
        TensorSpec("any", None, ()),
        PointerSpec("q", None),
    )
    assert found.get("scale") == ScalarSpec("scale", f32) and found.get("none") is None


def test_an_empty_text_says_nothing() -> None:
    assert parse("") == parse("  ") == Signature()


def test_a_parameter_may_be_called_packed() -> None:
    assert str(parse("packed: u4[packed] packed")) == "packed: u4[packed] packed"


NAMES = st.from_regex(r"[a-z]\w{0,5}", fullmatch=True)
ELEMENTS = st.one_of(st.sampled_from(list(NAMED.values())), st.from_regex(r"[A-Z]\w{0,3}", fullmatch=True), st.none())
ALIGNMENTS = st.sampled_from([1, 2, 16, 128])
DIMS = st.one_of(
    st.builds(Dim, name=st.one_of(st.none(), st.sampled_from("KMN")), divisor=st.integers(1, 64)),
    st.builds(Dim, size=st.integers(0, 4096)),
)


@st.composite
def tensors(draw: st.DrawFn, name: str) -> TensorSpec:
    dims = tuple(draw(st.lists(DIMS, max_size=4)))
    known = sorted({d.name for d in dims if d.name})
    stride = st.one_of(st.none(), st.integers(0, 4096), *([st.sampled_from(known)] if known else []))
    strides = draw(st.one_of(st.none(), st.tuples(*[stride] * len(dims))))
    return TensorSpec(name, draw(ELEMENTS), dims, strides, draw(ALIGNMENTS), draw(st.booleans()), draw(st.booleans()))


@st.composite
def signatures(draw: st.DrawFn) -> Signature:
    kinds: list[Callable[[str], st.SearchStrategy[ParamSpec]]] = [
        tensors,
        lambda name: st.builds(ScalarSpec, st.just(name), ELEMENTS),
        lambda name: st.builds(PointerSpec, st.just(name), ELEMENTS, ALIGNMENTS),
    ]
    names = draw(st.lists(NAMES, max_size=4, unique=True))
    return Signature(tuple(draw(draw(st.sampled_from(kinds))(name)) for name in names))


@given(signatures())
def test_round_trip(signature: Signature) -> None:
    assert parse(str(signature)) == signature


@given(st.text("ab: f16[M]*{},%=()\n", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except TileError as error:
        assert error.span is not None and str(error).startswith("error: ")
        return
    assert parse(str(found)) == found


FAULTS = {
    "no colon": "a f16",
    "cut off": "a: f16[M",
    "expression": "a: f16[M-1]",
    "unknown type": "a: f16[M, K],\nb: f61[K, N]",
    "lower-case variable": "x: float[N]",
    "twice": "a: i32, b: f32, a: f32",
    "too few strides": "a: f16[M, K]{strides=(K)}",
    "unknown stride": "a: f16[M, K]{strides=(Q, 1)}",
    "strides of a number": "a: f16[M]{strides=4}",
    "align of a number": "n: f32{align=4}",
    "odd align": "a: f16[M]{align=3}",
    "pointer with extents": "p: *f32[M]",
    "packed number": "n: u4 packed",
    "number divided": "a: f32[5%2]",
    "divided by nothing": "a: f32[M%0]",
    "unknown fact": "a: f32[M]{order=1}",
    "fact twice": "a: f32[M]{align=4, align=8}",
    "small number": "n: f32{small}",
    "small pointer": "p: *f32{small}",
    "small by a number": "a: f32[M]{small=4}",
    "bare strides": "a: f32[M]{strides}",
    "bare align": "a: f32[M]{align}",
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults_are_shown_in_the_text(case: str, golden: Golden) -> None:
    with pytest.raises(TileError) as caught:
        parse(FAULTS[case])
    golden(f"signature/{case.replace(' ', '_')}.txt", str(caught.value))


def test_the_parser_is_built_when_first_needed() -> None:
    code = "from tilevm.signature.parse import parse, parser\nassert parser.cache_info().currsize == 0\nparse('a: f32')"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
