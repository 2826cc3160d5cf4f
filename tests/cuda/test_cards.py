"""What is told of the cards that are here."""

from __future__ import annotations

import json
import sys

import pytest
from click.testing import CliRunner

from tests.conftest import device_count
from tests.cuda.standin import Stub
from tilevm.backend import place
from tilevm.backends.ptx.cuda.driver import MODULE, bindings, driver
from tilevm.cli import main
from tilevm.optional import optional
from tilevm.source import TileError


def said(*words: str) -> str:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def findings() -> dict[str, tuple[str, str]]:
    return {f["name"]: (f["found"], f["without"]) for f in json.loads(said("doctor", "--json"))}


def test_doctor_tells_of_driver_and_cards(stub: Stub) -> None:
    stub.card(1, (7, 5), "Stub T4", 16 << 30)
    found = findings()
    assert found["cuda driver"] == ("CUDA 13.0", "")
    assert found["cuda:0"] == ("Stub 9000 (sm_90), 1.0 GiB; runs code for sm_80, sm_89, sm_86", "")
    assert found["cuda:1"] == ("Stub T4 (sm_75), 16.0 GiB; too old for the code made here", "")


def test_doctor_tells_why_there_are_none(stub: Stub) -> None:
    stub.fail("cuInit", 100)
    assert findings()["cuda driver"] == (
        "",
        "no devices of cuda: the driver of CUDA does not start: no card is visible",
    )


def test_targets_are_listed(stub: Stub) -> None:
    stub.card(1, (8, 0), "Stub A100")
    rows = [line.split("│")[1:4] for line in said("targets").splitlines() if "cuda:" in line and "GiB" in line]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["cuda:0", "sm_80", "Stub 9000 (sm_90), 1.0 GiB"],
        ["cuda:1", "sm_80", "Stub A100 (sm_80), 1.0 GiB"],
    ]
    assert said("targets", "sm_86").splitlines()[0].endswith("emulator, cuda:0")


@pytest.mark.skipif(device_count("nvidia") > 0, reason="there is a card here")
def test_without_a_driver() -> None:
    with pytest.raises(TileError) as caught:
        place("cuda:0")
    page = str(caught.value)
    assert "there is no driver of NVIDIA here" in page or "which is not installed" in page
    assert "help: " in page
    assert findings()["cuda driver"][0] == ""
    assert "cuda:0" not in said("targets")


def test_without_cuda_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, MODULE, None)
    for cached in (optional, bindings, driver):
        cached.cache_clear()
    try:
        with pytest.raises(TileError) as caught:
            place("cuda")
        page = str(caught.value)
    finally:
        monkeypatch.undo()
        optional.cache_clear()
    assert page == 'error: a device of CUDA needs cuda, which is not installed\nhelp: pip install "tilevm[cuda]"'
