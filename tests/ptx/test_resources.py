"""What a kernel for a GPU takes: assembled when somebody asks, told of spills, pinned for one release of ptxas."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import tilevm as tv
from tests.conftest import Golden
from tilevm.abi import KernelAbi
from tilevm.backends.ptx import artifact, assemble, writer
from tilevm.backends.ptx.assemble import AssemblyWarning, Machine, assembler
from tilevm.frontend.kernel import Kernel
from tilevm.ir.verify import verify
from tilevm.runtime.compiled import Compiled
from tilevm.source import TileError
from tilevm.text import read_func

HERE = Path(__file__).parent / "golden"
RELEASE = "13.0.88"  # of ptxas, whose counts are kept
needs_ptxas = pytest.mark.skipif(assembler() is None, reason="there is no ptxas here")


def twice(x, y, B: tv.constexpr = 1024):
    at = tv.program_id(0) * B
    y.store(at, x.load(at, B) * 2.0)


def kernel() -> Kernel:
    """The function as a kernel of its own, for which nothing is compiled yet."""
    return tv.kernel("x: f32[N], y: f32[N]", grid=lambda N, B, **_: tv.cdiv(N, B))(twice)


def compiled(target: str = "sm_80", **more: object) -> Compiled:
    return kernel().compile("x: f32[N], y: f32[N]", target=target, **more)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An assembler that finds spills and has advice; the texts that it was given."""
    seen: list[str] = []
    counts = {"registers": 255, "barriers": 1, "shared": 0, "stack": 8, "spill_stores": 12, "spill_loads": 16}

    def fake(text: str, target: str) -> Machine:
        seen.append(text)
        return Machine(b"\x7fELF", counts, ("(C7517) it had to wait",))

    monkeypatch.setattr(artifact, "assemble", fake)
    monkeypatch.setattr(artifact, "at_hand", lambda: True)
    return seen


def test_nothing_is_assembled_before_somebody_asks(calls: list[str]) -> None:
    made = compiled()
    assert "ptx" in made.stages and calls == []
    with pytest.warns(AssemblyWarning):
        assert made.binary == b"\x7fELF"
    assert made.resources["registers"] == 255 and len(calls) == 1


def test_spills_and_advice_are_warned_of(calls: list[str]) -> None:
    with pytest.warns(AssemblyWarning) as caught:
        found = compiled().resources
    assert found["spill_stores"] == 12 and found["spill_loads"] == 16 and found["occupancy"] == 2
    first, second = (str(w.message) for w in caught)
    assert first.startswith("twice for sm_80 has more in registers than there are: 12 bytes are stored and 16 loaded")
    assert second == "twice for sm_80: (C7517) it had to wait"


def test_without_an_assembler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact, "at_hand", lambda: False)
    made = compiled()
    assert made.resources == {"threads": 128, "shared": 0}
    assert made.binary.decode("ascii") == made.stages["ptx"]


@needs_ptxas
@pytest.mark.parametrize("device", [None, "emulator"])
def test_with_one(device: str | None) -> None:
    made = compiled(device=device)
    assert made.binary[:4] == b"\x7fELF" and list(made.stages)[-2:] == ["thread", "ptx"]
    assert set(made.resources) == {"threads", "shared", "registers", "spill_stores", "spill_loads", "occupancy"}
    assert 8 <= made.resources["registers"] <= 64 and made.resources["occupancy"] > 4


def test_what_is_compiled_for_a_machine_that_is_not_here_does_not_run() -> None:
    x = np.zeros(8, np.float32)
    with pytest.raises(TileError, match="twice was compiled for sm_80, and no such machine is here"):
        kernel()(x, x, target="sm_80")


@pytest.mark.parametrize("name", ["sm_90a", "gfx942"])
def test_machines_without_an_emitter_stay_examined(name: str) -> None:
    made = compiled(name)
    assert "ptx" not in made.stages and "thread" in made.stages and made.binary == b"" and not made.resources


def test_the_release_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "ptxas"
    for said, wanted in (("Cuda compilation tools, release 13.0, V13.0.88", "13.0.88"), ("something else", None)):
        script.write_text(f"#!/bin/sh\necho '{said}'\n")
        script.chmod(0o755)
        monkeypatch.setenv("TILEVM_PTXAS", str(script))
        assembler.cache_clear()
        assemble.release.cache_clear()
        assert assemble.release() == wanted
    monkeypatch.delenv("TILEVM_PTXAS")
    assembler.cache_clear()
    assemble.release.cache_clear()


def test_static_figures(golden: Golden) -> None:
    """Registers and spills of the functions whose PTX is kept."""
    if assemble.release() != RELEASE:
        pytest.skip(f"the counts are those of ptxas {RELEASE}, and this is {assemble.release()}")
    found = {}
    for name in ("product", "ring", "scale"):
        func = verify(read_func((HERE / f"{name}.tvm").read_text(encoding="utf-8"), f"{name}.tvm"))
        found[name] = dict(writer.compile(func, KernelAbi.of(func)).resources)
    golden(HERE / "static.json", json.dumps({"ptxas": RELEASE, **found}, indent=2) + "\n")
