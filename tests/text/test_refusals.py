"""Every way to be refused that text of the IR has: ``errors/<case>.tvm`` holds the text, ``<case>.err`` the page."""

import ast
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

import tilevm
from tests.conftest import Golden
from tilevm.ir.verify import verify
from tilevm.source import TileError
from tilevm.text import read_func

HERE = Path(__file__).parent
ERRORS = sorted((HERE / "errors").glob("*.tvm"))
ROOT = Path(tilevm.__file__).parent
READING, LAYOUTS = (ROOT / "text", ROOT / "ir"), ROOT / "passes" / "layouts"
BY_HAND = {  # what the reader sees to, so that only functions built by hand fail in it: tests/ir/test_verify.py
    "{op.name} stands in two places",
    "{op.name} takes %{value.hint or value.type}, which is not defined here",
    "{op.name} yields {', '.join(map(str, found))}",
}


def refusal(path: Path) -> TileError:
    with pytest.raises(TileError) as caught:
        verify(read_func(path.read_text(encoding="utf-8"), path.name))
    return caught.value


@pytest.mark.parametrize("path", ERRORS, ids=lambda p: p.stem)
def test_message(path: Path, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    error = refusal(path)
    assert error.span is not None and error.help
    golden(path.with_suffix(".err"), str(error))


def test_every_message_has_its_case() -> None:
    assert {p.stem for p in (HERE / "errors").glob("*.err")} == {p.stem for p in ERRORS}


def nodes(*roots: Path) -> Iterator[tuple[Path, ast.AST]]:
    for path in sorted(path for root in roots for path in root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, node


def test_every_refusal_tells_the_mend() -> None:
    """Those of layouts that do not fit too; and none has a mend for some faults alone."""
    silent = []
    for path, node in nodes(*READING, LAYOUTS):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "TileError":
            told = [keyword.value for keyword in node.keywords if keyword.arg == "help"]
            parts = [part for value in told for part in ast.walk(value)]
            if not told or any(isinstance(part, ast.Constant) and part.value is None for part in parts):
                silent.append(f"{path.name}:{node.lineno}")
    assert silent == []


def test_every_refusal_has_its_case() -> None:
    """Each ``raise`` of the reader, of the verifier and of the rules of types is where some text here is refused."""
    places = {
        (str(path), node.lineno, node.end_lineno)
        for path, node in nodes(*READING)
        if isinstance(node, ast.Raise) and node.exc and "AssertionError" not in ast.unparse(node)
        if not any(ast.unparse(part)[2:-1] in BY_HAND for part in ast.walk(node) if isinstance(part, ast.JoinedStr))
    }
    last = [traceback.extract_tb(refusal(path).__traceback__)[-1] for path in ERRORS]
    met = {(frame.filename, frame.lineno) for frame in last}
    missed = [
        f"{Path(file).name}:{first}"
        for file, first, end in sorted(places, key=str)
        if not any((file, line) in met for line in range(first, (end or first) + 1))
    ]
    assert missed == []
    assert len(places) > 100
