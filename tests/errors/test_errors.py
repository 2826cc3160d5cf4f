"""Every message a user may see: ``<topic>/<case>.py`` holds a kernel, ``<case>.err`` the page it gives."""

import ast
import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from tilevm import TileError, frontend
from tilevm.backends import vm
from tilevm.frontend.trace import trace
from tilevm.types import Dim, DType, Pointer, Scalar, Tensor, Type, bool_, f16, f32, i32, integer, u8, u32

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*/*.py"))


def tensor(dtype: DType, *dims: str) -> Tensor:
    return Tensor(dtype, tuple(Dim(name=d) for d in dims), (None,) * (len(dims) - 1) + (1,))


TYPES: dict[str, Type] = {  # what a case's parameters are, by their names
    "x": tensor(f32, "N"),
    "y": tensor(f32, "N"),
    "a": tensor(f16, "M", "K"),
    "b": tensor(f16, "K", "N"),
    "c": tensor(f16, "M", "N"),
    "w": tensor(integer(3, True), "M", "N"),
    "q": replace(tensor(u8, "M", "N"), packed=True),
    "p": Pointer(f32),
    "n": Scalar(i32),
    "u": Scalar(u32),
    "s": Scalar(f32),
    "flag": Scalar(bool_),
}


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.parent.name}/{c.stem}")
def test_message(case: Path, golden: Callable[[Path, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case.parent)  # places are shown relative to here
    kernel = runpy.run_path(str(case))["kernel"]
    names = [n for n in kernel.__code__.co_varnames[: kernel.__code__.co_argcount] if n in TYPES]
    with pytest.raises(TileError) as caught:
        trace(kernel, {n: TYPES[n] for n in names}, {})
    golden(case.with_suffix(".err"), str(caught.value))


def test_every_message_has_its_case() -> None:
    assert {p.with_suffix("") for p in HERE.glob("*/*.err")} == {p.with_suffix("") for p in CASES}
    assert len(CASES) > 40


def test_every_message_tells_the_mend() -> None:
    assert [p for p in sorted(HERE.glob("*/*.err")) if "\nhelp: " not in p.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("package", [frontend, vm], ids=["frontend", "vm"])
def test_every_refusal_says_something_of_the_mend(package: ModuleType) -> None:
    """Those too that no case here brings about."""
    silent = [
        f"{path.name}:{node.lineno}"
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in ("TileError", "error")
        and not any(keyword.arg == "help" for keyword in node.keywords)
        and len(node.args) < len(("message", "span", "notes", "help"))
    ]
    assert silent == []
