"""The page that an error shows: places, carets, notes, chains of calls."""

from pathlib import Path

import pytest

from tilevm.source import Note, Span, TileError, distance, nearest


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "k.py"
    text = "first = one + two\n宽宽 = wide + é\n\tindented = tab\ne\u0301 = after + accent\n\nlast line\n"
    path.write_text(text, encoding="utf-8")
    return path


def page(error: TileError) -> list[str]:
    return str(error).split("\n")


def test_caret_under_a_part(lines: Path) -> None:
    assert page(TileError("no such name", Span(str(lines), 1, 8, 1, 11))) == [
        "error: no such name",
        "  --> k.py:1:9",
        "   |",
        " 1 | first = one + two",
        "   |         ^^^",
    ]


@pytest.mark.parametrize(
    ("line", "column", "end", "shown", "caret"),
    [
        (2, 0, 2, "宽宽 = wide + é", "^^^^"),
        (2, 5, 9, "宽宽 = wide + é", "       ^^^^"),
        (2, 12, 13, "宽宽 = wide + é", "              ^"),
        (3, 12, 15, " indented = tab", "            ^^^"),
        (4, 5, 10, "e\u0301 = after + accent", "    ^^^^^"),
        (6, 5, 5, "last line", "     ^"),
    ],
)
def test_caret_columns(lines: Path, line: int, column: int, end: int, shown: str, caret: str) -> None:
    found = page(TileError("m", Span(str(lines), line, column, line, end)))
    assert found[-2:] == [f" {line} | {shown}", f"   | {caret}"]


def test_several_lines_are_marked_to_the_end_of_the_first(lines: Path) -> None:
    assert page(TileError("m", Span(str(lines), 1, 8, 2, 3)))[-1] == "   |         ^^^^^^^^^"


@pytest.mark.parametrize("line", [5, 99])
def test_line_that_cannot_be_shown(lines: Path, line: int) -> None:
    assert page(TileError("m", Span(str(lines), line, 0, line, 1))) == ["error: m", f"  --> k.py:{line}:1"]


def test_file_that_cannot_be_read() -> None:
    assert str(TileError("m", Span("<text>", 3, 4, 3, 5))) == "error: m\n  --> <text>:3:5"


def test_no_place() -> None:
    assert str(TileError("m", help="do this")) == "error: m\nhelp: do this"


def test_notes_and_help(lines: Path) -> None:
    notes = [Note("it began here", Span(str(lines), 1, 0, 1, 5)), Note("and that is all")]
    assert page(TileError("m", Span(str(lines), 6, 0, 6, 4), notes, "mend it"))[4:] == [
        "   | ^^^^",
        "note: it began here",
        "  --> k.py:1:1",
        "   |",
        " 1 | first = one + two",
        "   | -----",
        "note: and that is all",
        "help: mend it",
    ]


def test_chain_of_calls_from_the_inside_out(lines: Path) -> None:
    outer = Span(str(lines), 6, 0, 6, 4)
    middle = Span(str(lines), 1, 8, 1, 11).called_from(outer)
    inner = Span(str(lines), 1, 14, 1, 17).called_from(middle)
    assert list(inner.chain()) == [middle, outer]
    found = page(TileError("m", inner))
    assert [x for x in found if "k.py" in x] == [
        "  --> k.py:1:15",
        "  called from k.py:1:9",
        "  called from k.py:6:1",
    ]
    assert found[-1] == "   | ----"


def test_path_of_a_file_elsewhere(lines: Path, tmp_path: Path) -> None:
    assert str(Span("/a.py", 1, 0, 1, 1)) == "/a.py:1:1"
    assert str(Span(str(tmp_path / "b" / "c.py"), 2, 1, 2, 2)) == f"{Path('b') / 'c.py'}:2:2"


@pytest.mark.parametrize(("a", "b", "edits"), [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 1)])
def test_distance(a: str, b: str, edits: int) -> None:
    assert (distance(a, b), distance(b, a)) == (edits, edits)


def test_nearest() -> None:
    assert nearest("maximun", ["minimum", "maximum"]) == "maximum"
    assert nearest("zzz", ["minimum", "maximum"]) is None
    assert nearest("x", []) is None
