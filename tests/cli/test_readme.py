"""The commands that the README shows do what it says: each ends well."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from tilevm.cli import main

ROOT = Path(__file__).parents[2]
LONG = ("bench",)  # have tests of their own
COMMANDS = [
    line.split("#")[0].strip().removeprefix("tilevm ")
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("tilevm ") and line.split()[1] not in LONG
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(main, shlex.split(command))
    assert done.exit_code == 0, done.output


def test_there_are_some() -> None:
    assert len(COMMANDS) >= 8
