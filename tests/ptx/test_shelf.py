"""Machine code on a shelf: found again wherever the source lies, and never for another text."""

from pathlib import Path
from typing import Any

import pytest

from tilevm.backends.ptx import assemble
from tilevm.backends.ptx.assemble import Machine
from tilevm.backends.ptx.shelf import FOLDER

TEXT = '.version 7.0\n.target sm_80\n.file 1 "/home/me/kernel.py"\n.visible .entry k() { ret; }\n'


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was assembled, with a folder for it."""
    calls: list[tuple[Any, ...]] = []

    def assembled(*args: Any) -> Machine:
        calls.append(args)
        return Machine(b"\x7fELF\n" + bytes([len(calls)]), {"registers": 7}, ("a remark",))

    monkeypatch.setattr(assemble, "assembled", assembled)
    monkeypatch.setenv(FOLDER, str(tmp_path / "cubins"))
    return calls


def test_what_was_assembled_is_found_again(made: list[tuple[Any, ...]]) -> None:
    first = assemble.assemble(TEXT, "sm_90", ["-O1"])
    assert assemble.assemble(TEXT, "sm_90", ["-O1"]) == first and len(made) == 1
    assert first == Machine(b"\x7fELF\n\x01", {"registers": 7}, ("a remark",))


def test_the_source_may_lie_elsewhere(made: list[tuple[Any, ...]]) -> None:
    assemble.assemble(TEXT, "sm_90")
    assemble.assemble(TEXT.replace("/home/me", "/elsewhere"), "sm_90")
    assert len(made) == 1


@pytest.mark.parametrize(
    ("text", "target", "options"),
    [(TEXT.replace("ret", "exit"), "sm_90", ()), (TEXT, "sm_89", ()), (TEXT, "sm_90", ("-O1",))],
)
def test_all_else_decides(text: str, target: str, options: tuple[str, ...], made: list[tuple[Any, ...]]) -> None:
    assemble.assemble(TEXT, "sm_90")
    assemble.assemble(text, target, options)
    assert len(made) == 2


def test_broken_entries_are_made_anew(made: list[tuple[Any, ...]], tmp_path: Path) -> None:
    assemble.assemble(TEXT, "sm_90")
    [entry] = (tmp_path / "cubins").iterdir()
    entry.write_bytes(entry.read_bytes()[:-1])
    assemble.assemble(TEXT, "sm_90")
    assert len(made) == 2


def test_nothing_is_kept_where_no_folder_is_named(
    made: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(FOLDER)
    assemble.assemble(TEXT, "sm_90")
    assemble.assemble(TEXT, "sm_90")
    assert len(made) == 2 and not (tmp_path / "cubins").exists()
