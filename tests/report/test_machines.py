"""Machines in words: the documents and the command tell what the records hold."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tilevm.cli import main
from tilevm.optional import load_file
from tilevm.report import atoms, machines
from tilevm.report.docs import ROOT
from tilevm.target import TARGETS, target
from tilevm.types import f8e4m3, f8e5m2, f16, f32, i8, i32, u8

PAGE = (ROOT / "docs" / "targets.md").read_text(encoding="utf-8")
RUN = {name: "vm, emulator" if name in ("sm_80", "sm_86", "sm_89") else "vm" for name in TARGETS}


def tilevm(*words: str, status: int = 0) -> str:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == status, (done.output, done.exception)
    return done.output


def test_the_list_names_every_machine_and_what_runs_its_code() -> None:
    lines = tilevm("targets").splitlines()
    for name in TARGETS:
        [line] = [line for line in lines if f" {name} " in line and target(name).card in line]
        assert f" {len(target(name).mma_atoms)} " in line and RUN[name] in line
    assert any("cpu" in line and "native code" in line for line in lines)


@pytest.mark.parametrize("name", TARGETS)
def test_one_machine_whole(name: str) -> None:
    out, machine = tilevm("targets", name), target(name)
    assert out.startswith(f"{name}: {machine.card}, {RUN[name]}\n")
    assert machines.size(machine.limits.shared_per_block) in out
    assert all(copy.name in out for copy in (*machine.copies, *machine.matrix_copies))


def test_a_machine_that_is_not_there() -> None:
    assert "no machine is called 'sm_91a'" in tilevm("targets", "sm_91a", status=1)


def test_every_atom_is_told() -> None:
    """Each fragment of each instruction stands in the page, in a row that names the machine and the types."""
    rows = [
        re.split(r" \| ", line.strip("| \n"))
        for line in PAGE.splitlines()
        if line.startswith(("| mma", "| wg", "| v_"))
    ]
    for name in TARGETS:
        mine = [row for row in rows if name in row[3].split(", ")]
        for atom in target(name).mma_atoms:
            places = ["shared memory" if layout is None else f"`{layout}`" for layout in (atom.a, atom.b, atom.c)]
            shape = f"{atom.m} × {atom.n} × {atom.k}" if atom.b else f"{atom.m} × n × {atom.k}, n = "
            known = 3 if atom.b else 2  # where n is open, c is told for the largest
            found = [row for row in mine if shape in row[1] and row[4 : 4 + known] == places[:known]]
            words = (atom.a_dtype.name, atom.b_dtype.name, atom.c_dtype.name)
            assert any(all(word in row[2] for word in words) for row in found), atom.name


def test_types_in_words() -> None:
    both = [(a, b, c) for a in (f8e4m3, f8e5m2) for b in (f8e4m3, f8e5m2) for c in (f32, f16)]
    assert atoms.told(both) == "f8e4m3/f8e5m2 · f8e4m3/f8e5m2 → f32/f16"
    assert atoms.told([(i8, u8, i32), (u8, i8, i32)]) == "i8 · u8, u8 · i8 → i32"
    assert atoms.told([(f16, f16, f32), (i8, i8, i32)]) == "f16 · f16 → f32; i8 · i8 → i32"


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (range(8, 257, 8), "8 to 256 by 8"),
        ([8, 16, 24, 32, 48, 64], "8 to 32 by 8, 48, 64"),
        ([8, 16, 24, *range(32, 257, 16)], "8 to 32 by 8, 48 to 256 by 16"),
        ([8], "8"),
        ([1, 5, 6], "1, 5, 6"),
    ],
)
def test_numbers_in_words(numbers: list[int], words: str) -> None:
    assert atoms.runs(list(numbers)) == words


def test_lanes_in_words() -> None:
    assert machines.spans([0, 1, 2, 3, 12, 20, 21]) == "0-3 12 20-21"


def test_the_snippet_runs(tmp_path: Path) -> None:
    [snippet] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "machines.py"
    path.write_text(snippet, encoding="utf-8")
    load_file(str(path))
    assert "assert" in snippet
