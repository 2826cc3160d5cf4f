"""Where source comes from: nested, decorated and indented functions, and what cannot be read."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.frontend import kernels
from tests.frontend.types_of import traced
from tilevm.frontend.captures import captured
from tilevm.frontend.reading import read
from tilevm.source import TileError

BLOCK = 16


def same(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def indented() -> Any:
    """A decorated kernel, deep inside, with letters that take several bytes before the fault."""
    if BLOCK:

        @same
        @same
        def kernel(x: tv.Tensor, é: tv.constexpr = "宽") -> None:
            x.store(0, x.load(0, BLOCK) * é)

    return kernel


def test_places_count_characters_of_the_file() -> None:
    kernel = indented()
    with pytest.raises(TileError) as caught:
        traced(kernel)
    span = caught.value.span
    assert span is not None
    line = Path(__file__).read_text(encoding="utf-8").splitlines()[span.line - 1]
    assert span.file == __file__
    assert line[span.column : span.end_column] == "x.load(0, BLOCK) * é"


def test_code_without_a_file() -> None:
    names: dict[str, Any] = {}
    exec("def kernel(x):\n    pass", names)
    with pytest.raises(TileError, match=r"source of kernel cannot be read: <string> is not a file") as caught:
        read(names["kernel"])
    assert "put the kernel in a file" in str(caught.value)


def test_what_is_no_function() -> None:
    async def waits() -> None: ...

    with pytest.raises(TileError, match="a lambda cannot be compiled"):
        read(lambda x: x)
    with pytest.raises(TileError, match="waits is an async function"):
        read(waits)
    with pytest.raises(TileError, match="not a builtin_function_or_method"):
        read(len)


def test_what_wraps_a_function_has_parameters_of_its_own() -> None:
    def kernel(x: tv.Tensor, y: tv.Tensor) -> None: ...

    @wraps(kernel)
    def wrapper(*given: tv.Tensor) -> None:
        kernel(*given)

    with pytest.raises(TileError, match="no \\* parameters such as given"):
        tv.kernel(wrapper)


def imported(path: Path, text: str) -> Any:
    """The function ``kernel`` of a file."""
    path.write_text(text)
    names: dict[str, Any] = {"__name__": "made", "tv": tv}
    exec(compile(text, str(path), "exec"), names)
    return names["kernel"]


def test_a_file_that_changed(tmp_path: Path) -> None:
    path = tmp_path / "made.py"
    kernel = imported(path, "def kernel(x):\n    x.store(0, 1.0)\n")
    assert read(kernel).tree.name == "kernel"
    path.write_text("# more\n\ndef kernel(x):\n    x.store(0, 1.0)\n")
    with pytest.raises(TileError, match="has changed"):
        read(kernel)
    path.write_text("def kernel(:\n")
    with pytest.raises(TileError, match="no longer valid Python"):
        read(kernel)


def test_code_that_is_nested_too_deeply(tmp_path: Path) -> None:
    branches = "".join(f"    elif n == {k}: x.store(0, {k})\n" for k in range(400))
    kernel = imported(tmp_path / "deep.py", f"def kernel(x, n):\n    if n < 0: x.store(0, 1)\n{branches}")
    with pytest.raises(TileError, match="elifs and terms of a long sum nest what stands beside them"):
        tv.kernel(kernel)[1](np.zeros(1, np.int32), 1, device="vm")


EDITED = """import tilevm as tv


@tv.function
def scaled(x):
    return x * {0}


@tv.kernel
def kernel(x: tv.Tensor):
    x.store(0, scaled(x.load(0, 4)) * {0})
"""


def test_a_file_that_changed_behind_marked_functions(tmp_path: Path) -> None:
    """They mean what they meant when they were marked, whatever they are compiled for, and until they are made anew."""
    path = tmp_path / "edited.py"
    kernel = imported(path, EDITED.format(2))
    for text in (EDITED.format(30), "# more\n" + EDITED.format(2), "def kernel(:\n"):
        path.write_text(text)
        for dtype in (np.float32, np.float64):
            x = np.ones(4, dtype)
            kernel.compile(x, device="vm")[1](x)
            assert x.tolist() == [4] * 4
    again = imported(path, EDITED.format(5))
    again[1](x := np.ones(4, np.float32))
    assert x.tolist() == [25] * 4


def test_captures_are_told() -> None:
    kernel = kernels.closure(32, tv.f32, kernels.product)
    found = {name.rpartition(":")[2]: value for name, value in captured(kernel).items()}
    assert found == {"block": 32, "dtype": tv.f32, "combine": kernels.product}


def test_captures_of_helpers_are_told() -> None:
    found = captured(kernels.loops)
    assert found["tests.frontend.kernels.loops:moments"] is kernels.moments
    assert found["tests.frontend.kernels.moments:axis"] == 0
    names = {name.rpartition(":")[2] for name in captured(kernels.matmul)}
    assert {"activation", "gelu", "tv.f32", "KIND"} <= names
    assert "BLOCKS" in {n.rpartition(":")[2] for n in captured(kernels.unrolled)}
