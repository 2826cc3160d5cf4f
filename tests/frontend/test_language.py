"""The language's face and its meaning agree; helpers stay Python functions; types check."""

import inspect
from collections.abc import Iterator
from types import FunctionType
from typing import Annotated, get_args, get_origin

import pytest
from mypy import api

import tilevm as tv
from tests.frontend import exits, kernels
from tilevm.frontend import language
from tilevm.frontend.calls.table import find
from tilevm.frontend.parameters import constexprs
from tilevm.source import TileError
from tilevm.symbolic import Name


def functions() -> Iterator[tuple[str, object]]:
    """Every function, method and property of the language."""
    for name in language.__all__:
        held = getattr(language, name)
        if isinstance(held, FunctionType):
            yield name, held
    for owner in (language.Tile, language.Tensor, language.Pointer):
        for name, held in vars(owner).items():
            if not name.startswith("_"):
                yield f"{owner.__name__}.{name}", held.fget if isinstance(held, property) else held


NAMES = dict(functions())


@pytest.mark.parametrize("name", NAMES)
def test_signatures_agree(name: str) -> None:
    row = find(NAMES[name])
    assert row is not None, "no implementation"
    face = inspect.signature(NAMES[name]).parameters.values()  # type: ignore[arg-type]
    assert [(p.name, p.kind, p.default) for p in row.signature.parameters.values()] == [
        (p.name, p.kind, p.default) for p in face
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_documented(name: str) -> None:
    assert inspect.getdoc(NAMES[name])


def test_every_name_is_public() -> None:
    assert {n for n in language.__all__ if n != "CompileTime"} <= set(dir(tv))


@pytest.mark.parametrize(
    "name", [n for n in language.__all__ if n not in ("CompileTime", "Number", "constexpr", "cdiv")]
)
def test_outside_a_kernel(name: str) -> None:
    held = getattr(language, name)
    arguments = [0 for p in inspect.signature(held).parameters.values() if p.default is p.empty]
    with pytest.raises(TileError, match="inside a kernel"):
        held(*arguments)


def test_cdiv_works_everywhere() -> None:
    assert [tv.cdiv(7, 2), tv.cdiv(-7, 2), tv.cdiv(8, 2), tv.cdiv(1, 0)] == [4, -3, 4, 0]
    assert tv.cdiv(Name("M"), 4).evaluate({"M": 9}) == 3
    assert tv.cdiv(9, Name("M")).evaluate({"M": 4}) == 3


def test_helpers_are_python_functions() -> None:
    @tv.function
    def double(x: int) -> int:
        return 2 * x

    assert double(4) == 8
    with pytest.raises(TileError, match="written with def, not a type"):
        tv.function(int)


def test_compile_time_parameters_are_known() -> None:
    assert constexprs(kernels.vector_add) == {"BLOCK"}
    kernels_as_text = {"BM": "tv.constexpr", "x": "tv.Tensor", "y": "not Python"}
    written = FunctionType((lambda: None).__code__, {"tv": tv})
    written.__annotations__ = kernels_as_text
    assert constexprs(written) == {"BM"}
    assert get_origin(tv.constexpr) is Annotated
    assert len(get_args(tv.constexpr)) == 2


@pytest.mark.slow
def test_users_kernels_pass_the_type_checker() -> None:
    out, _, status = api.run(["--strict", kernels.__file__, exits.__file__])
    assert status == 0, out
