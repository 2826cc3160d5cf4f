"""The assembler: what it counts, what it warns of, and errors at the line of the kernel."""

import re
from pathlib import Path

import pytest

from tests.ptx.running import listing
from tilevm.backends.ptx.assemble import Machine, assemble, assembler, counted
from tilevm.backends.ptx.emit import emit
from tilevm.backends.ptx.jitlink import link, linker
from tilevm.ir.verify import verify
from tilevm.source import TileError
from tilevm.text import read_func

COPY = """func @copy(%x: ptr<f32, align=16>, %y: ptr<f32, align=16>) warps(2, sm_80) {
  %t = thread_id : i32
  %o = splat %t {shape = [1]} : i32[1]
  %b = shared {of = f32, count = 64, at = 0} : shared<f32[64]>
  %v = global_load %x, %o : f32[1]
  shared_store %b, %v, %o
  barrier {}
  %w = shared_load %b, %o : f32[1]
  global_store %y, %w, %o
  yield []
}"""
LOG = """ptxas info    : 0 bytes gmem
ptxas info    : (C7517) Potential Performance Loss: wgmma.mma_async instructions are serialized
ptxas info    : Function properties for k
    40 bytes stack frame, 8 bytes spill stores, 16 bytes spill loads
ptxas info    : Used 168 registers, used 2 barriers, 4096 bytes smem, 380 bytes cmem[0]
"""
needs_ptxas = pytest.mark.skipif(assembler() is None, reason="there is no ptxas here")


@pytest.fixture(autouse=True)
def anew() -> None:
    assembler.cache_clear()


@needs_ptxas
def test_machine_code_and_counts() -> None:
    made = assemble(listing(COPY).text, "sm_80")
    assert made.cubin[:4] == b"\x7fELF"
    assert 0 < made.counts["registers"] < 32 and made.counts["barriers"] == 1
    assert made.counts["spill_stores"] == made.counts["stack"] == 0 and made.advice == ()


def test_what_the_assembler_says_is_read() -> None:
    wanted = {"registers": 168, "barriers": 2, "shared": 4096, "stack": 40, "spill_stores": 8, "spill_loads": 16}
    assert dict(counted(LOG)) == wanted


def test_advice_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An assembler that is a script: what it warns of comes through."""
    script = tmp_path / "ptxas"
    script.write_text(f'#!/bin/sh\ncat <<END >&2\n{LOG}END\nwhile [ "$1" != -o ]; do shift; done; echo code > "$2"\n')
    script.chmod(0o755)
    monkeypatch.setenv("TILEVM_PTXAS", str(script))
    made = assemble(COPY, "sm_90a")
    assert isinstance(made, Machine) and made.cubin == b"code\n" and made.counts["registers"] == 168
    assert len(made.advice) == 1 and "C7517" in made.advice[0]


CROWDED = """#!/bin/sh
echo >> "$0.runs"
for last; do :; done
regs=32; spills={spills}
grep -q minnctapersm "$last" && {{ regs=255; spills={alone}; }}
echo "$spills bytes spill stores, $spills bytes spill loads Used $regs registers" >&2
while [ "$1" != -o ]; do shift; done
echo "$regs" > "$2"
"""


@pytest.mark.parametrize(
    ("spills", "alone", "text", "runs", "registers"),
    [
        (64, 0, ".reqntid 128, 1, 1\n{", 1, 32),  # as much as it keeps
        (72, 40, ".reqntid 128, 1, 1\n{", 2, 255),
        (72, 80, ".reqntid 128, 1, 1\n{", 2, 32),
        (72, 72, ".reqntid 128, 1, 1\n.minnctapersm 1\n{", 1, 255),
    ],
)
def test_what_spills_more_than_it_keeps_is_assembled_for_one_block(
    spills: int, alone: int, text: str, runs: int, registers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "ptxas"
    script.write_text(CROWDED.format(spills=spills, alone=alone))
    script.chmod(0o755)
    monkeypatch.setenv("TILEVM_PTXAS", str(script))
    assert assemble(text, "sm_90").counts["registers"] == registers
    assert len((tmp_path / "ptxas.runs").read_text().splitlines()) == runs


@needs_ptxas
def test_an_error_names_the_line_of_the_kernel(tmp_path: Path) -> None:
    path = tmp_path / "copy.tvm"
    path.write_text(COPY, encoding="utf-8")
    text = emit(verify(read_func(COPY, str(path)))).text.replace("bar.sync 0", "bar.sink 0")
    with pytest.raises(TileError) as caught:
        assemble(text, "sm_80")
    page = str(caught.value)
    assert "copy.tvm:7:3" in page and "barrier {}" in page and "bar.sink 0" in page
    kept = re.search(r"the PTX is in (\S+)", page)
    assert kept and Path(kept[1]).read_text(encoding="ascii") == text
    Path(kept[1]).unlink()


def test_a_variable_that_names_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILEVM_PTXAS", "/no/such/ptxas")
    with pytest.raises(TileError, match="TILEVM_PTXAS is '/no/such/ptxas', which is no file"):
        assemble(COPY, "sm_80")


def test_no_assembler_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tilevm.backends.ptx.assemble.assembler", lambda: None)
    monkeypatch.setattr("tilevm.backends.ptx.assemble.linker", lambda: None)
    with pytest.raises(TileError) as caught:
        assemble(COPY, "sm_80")
    assert caught.value.help is not None and "nvidia-cuda-nvcc" in caught.value.help


@pytest.mark.skipif(linker() is None, reason="there is no nvJitLink here")
def test_nvjitlink_in_process() -> None:
    log, cubin = link(listing(COPY).text, "sm_80")
    assert cubin is not None and cubin[:4] == b"\x7fELF", log
    log, cubin = link("nonsense", "sm_80")
    assert cubin is None and log
