"""``tilevm layout`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from tests.cli.test_command import tilevm
from tests.conftest import Golden
from tilevm.cli.drawing import lines
from tilevm.layout import Swizzle, local, row_major, spatial
from tilevm.layout.picture import Picture, draw
from tilevm.layout.picture.draw import Memory
from tilevm.report.pictures import access
from tilevm.target import target

HERE = Path(__file__).parent / "pictures"
SHOWN = {
    "registers": ("spatial(8, 4) * local(1, 2)",),
    "fragment": ("sm_80:m16n8k16.f16:b",),
    "swizzle": ("row_major(8, 64).swizzle(Swizzle(3, 3, 3))", "--vector", "8"),
    "slices": ("8:1@reg 2:8@reg 2:16@reg",),
    "cut": ("spatial(64, 4)", "--limit", "16"),
    "conflict": ("row_major(16, 16)", "--access", "sm_80:m16n8k16.f16:a", "--kind", "write"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_in_the_terminal(name: str, golden: Golden) -> None:
    golden(HERE / f"{name}.txt", "\n".join(line.rstrip() for line in tilevm("layout", *SHOWN[name]).splitlines()))


def on_terminal(picture: Picture, width: int) -> str:
    console = Console(force_terminal=True, color_system="truecolor", width=width, soft_wrap=True, highlight=False)
    with console.capture() as capture:
        for line in lines(picture, width):
            console.print(line)
    return capture.get()


def test_colours_and_marks() -> None:
    out = on_terminal(draw(spatial(2, 1) * local(1, 2)), 80)
    assert "\x1b[38;2;17;17;17;48;2;153;221;255m T0:R0 " in out and ";48;2;187;204;51m T1:R0 " in out
    conflict = on_terminal(access(spatial(32, 1) * local(1, 64), row_major(32, 64), target("sm_80")), 80)
    assert "T1! " in conflict and "T0! " not in conflict


@pytest.mark.parametrize("width", [20, 60, 100])
def test_no_line_of_a_grid_is_wider_than_the_terminal(width: int) -> None:
    picture = draw(row_major(8, 64).swizzle(Swizzle(3, 3, 3)), Memory(vector=4), title="swizzled")
    rows = [line.plain for line in lines(picture, width) if line.plain[:2] in {f"{row} " for row in range(8)}]
    assert len(rows) == 16 and all(len(row) <= width for row in rows)
    assert sum("more columns do not fit" in line.plain for line in lines(picture, width)) == 2


def test_columns_without_a_cell_go_first() -> None:
    picture = access(spatial(32, 1) * local(1, 64), row_major(32, 64), target("sm_80"))
    told = [line.plain for line in lines(picture, 80)]
    assert not any("do not fit" in line for line in told)
    assert sum(line.startswith("   7 ") for line in told) == 4


def test_files(tmp_path: Path) -> None:
    svg, html = tmp_path / "a.svg", tmp_path / "a.html"
    assert tilevm("layout", "spatial(8, 4)", "--svg", str(svg), "--html", str(html)) == ""
    assert ElementTree.parse(svg).getroot().get("aria-label") == "spatial(8, 4)"
    assert html.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "cannot be written: No such file" in tilevm(
        "layout", "local(2)", "--svg", str(tmp_path / "b" / "c"), status=1
    )


def test_what_is_too_large_is_not_counted() -> None:
    data = json.loads(tilevm("layout", "row_major(99991, 99991, 99991)", "--limit", "2", "--json"))
    assert [element["mem"] for element in data["elements"]] == [0, 1]
    assert f"2 of {99991**3} cells are drawn" in tilevm("layout", "row_major(99991, 99991, 99991)", "--limit", "2")
    words = ("layout", "spatial(1048576, 1) * local(1, 1024)", "--access", "row_major(1048576, 1024)")
    assert "error: an access of 1073741824 elements is not enumerated" in tilevm(*words, status=1)


def test_json() -> None:
    data = json.loads(tilevm("layout", "(spatial(8, 4) * local(1, 2)).reduce(0)", "--json"))
    assert data["elements"][3] == {"index": [3], "reg": 1, "thread": 1}
    del data["elements"]
    text = "(2,4):(1@reg,1@thread) rep 8:4@thread"
    counts = {"threads": 32, "registers": 2, "blocks": 1, "replicas": 8}
    assert data == {"text": text, "shape": [8], "axes": ["reg", "thread"], **counts}
    memory = json.loads(tilevm("layout", "row_major(4, 64)", "--bits", "32", "--limit", "3", "--json"))
    assert memory["elements"][-1] == {"index": [0, 2], "mem": 2, "bank": 2}
    words = ("layout", "spatial(32, 1) * local(1, 64)", "--access", "row_major(32, 64)", "--json")
    assert json.loads(tilevm(*words))["ways"] == 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("spatal(8)",), "help: did you mean 'spatial'?"),
        (("8:1@re",), "error: layout text, character"),
        (("spatial(8)", "--limit", "0"), "error: a picture of at most 0 cells shows nothing"),
        (("row_major(8)", "--bits", "0"), "error: bits is 0"),
        (("row_major(8)", "--limit", "-1", "--json"), "error: the data of -1 elements"),
        (("row_major(8)", "--access", "spatial(9)"), "error: registers hold a tile of shape (9,), memory one of (8,)"),
        (("row_major(32)", "--access", "spatial(32)", "--target", "sm_81"), "error: no machine is called 'sm_81'"),
    ],
)
def test_mistakes(words: tuple[str, ...], message: str) -> None:
    assert message in tilevm("layout", *words, status=1)
