"""Code for GPUs counted: instructions of PTX and of listings, bank conflicts, gates, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tilevm.bench import code, static
from tilevm.bench.conflicts import conflicts, main_loop
from tilevm.bench.static import PEER, PROBLEMS, best, gates, matrix
from tilevm.cli import main
from tilevm.ir.verify import verify
from tilevm.optional import optional
from tilevm.source import TileError
from tilevm.text import read_func

PTX = """.version 7.0
.visible .entry f(.param .u64 x)
{
	.reg .b32 %r<9>;
	.loc 1 2 3
	ld.param.u64 %rd0, [x]; // an argument
	mov.b32 %r0, 0;
$loop_1:
	@%p1 cp.async.cg.shared.global [%r1+16], [%rd1], 16, %r2;
	cp.async.ca.shared.global [ %r1 + 0 ], [ %rd1 + 0 ], 0x8, %r2;
	cp.async.commit_group;
	ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r1, %r2, %r3, %r4}, [%r5];
	mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%r1}, {%r2}, {%r3}, {%r4};
	ld.shared.v4.b32 {%r1, %r2, %r3, %r4}, [%r5];
	@%p1 st.global.b16 [%rd1], %rs1;
	add.s32 %r1, %r2, 1;
	add.rn.f32 %r1, %r2, %r3;
	mov.b32 %r1, %r2;
	@%p1 bra $loop_1;
$other:
	add.s32 %r1, %r2, 1;
	@!%p1 bra $end;
	bra $other;
$end:
	ret;
}
"""
SASS = """	Function : f
        /*0000*/                   MOV R1, c[0x0][0x28] ;                 /* 0x00000a0000017a02 */
                                                                          /* 0x000fe40000000f00 */
        /*0010*/              @!PT LDS RZ, [RZ] ;                         /* 0x00000000ffff7984 */
        /*0020*/                   LDGSTS.E.BYPASS.128 [R43+0x18000], [R4.64], P2 ;  /* 0x1800000004 */
        /*0030*/                   LDSM.16.M88.4 R4, [R2] ;               /* 0x000000000204783b */
        /*0040*/                   HMMA.16816.F32.BF16 R4, R8, R10, R4 ;  /* 0x0000000a0804723c */
        /*0050*/              @P0  STS.64 [R3], R4 ;                      /* 0x0000000403007388 */
        /*0060*/                   LDS.U16 R4, [R3] ;                     /* 0x0000000403007388 */
        /*0070*/                   UIADD3 UR4, UR4, 0x40, URZ ;           /* 0x0000004004047890 */
        /*0080*/             @!UP0 FADD R4, R4, R5 ;                      /* 0x0000000504047221 */
        /*0090*/              @P1  BRA 0x10 ;                             /* 0xffffff8000000947 */
        /*00a0*/                   STL [R1], R4 ;                         /* 0x0000000401007387 */
        /*00b0*/                   EXIT ;                                 /* 0x000000000000794d */
        /*00c0*/                   BRA 0xc0 ;                             /* 0xfffffff000007947 */
"""


def test_ptx_is_counted() -> None:
    found = code.ptx(PTX)
    assert len(found.instructions) == 17 and found.loops == ((2, 12), (13, 15))
    wanted = {"mma": 1, "ldmatrix": 1, "copy": 2, "shared": 1, "global": 1, "spill": 0, "float": 1, "integer": 1}
    data = found.data()
    assert data["loop"] == {"all": 11, **wanted, "move": 1, "control": 2}
    assert data["widths"] == {"copy": {"16": 1, "8": 1}, "shared": {"16": 1}, "global": {"2": 1}}
    assert data["mma_share"] == pytest.approx(1 / 10)  # moves between registers are no instructions


def test_machine_code_is_counted() -> None:
    found = code.sass(SASS)
    assert len(found.instructions) == 13 and found.loops == ((1, 9),)
    wanted = {"mma": 1, "ldmatrix": 1, "copy": 1, "shared": 3, "global": 0, "spill": 0, "float": 1, "integer": 1}
    data = found.data()
    assert data["loop"] == {"all": 9, **wanted, "move": 0, "control": 1}
    assert data["widths"] == {"copy": {"16": 1}, "shared": {"2": 1, "8": 1}, "global": {}}
    assert data["spills"] == 1 and data["mma_share"] == pytest.approx(1 / 9)


def test_the_loop_with_the_most_products_is_the_main_one() -> None:
    held = tuple(code.Instruction("HMMA", "mma") if n % 3 else code.Instruction("MOV", "move") for n in range(9))
    found = code.Code(held, ((0, 8), (1, 2), (3, 8), (4, 8)))
    assert len(found.main) == 9
    assert len(code.Code(held, ((3, 8), (4, 8))).main) == 5
    assert code.Code(held, ()).main == held


def shared(offsets: str, width: int, kind: str = "f32") -> str:
    return f"""func @f(%x: ptr<{kind}, align=16>) warps(1, sm_80) {{
  %t = thread_id : i32
  %b = shared {{of = {kind}, count = 4096, at = 0}} : shared<{kind}[4096]>
{offsets}
  %o = splat %k {{shape = [1]}} : i32[1]
  %v = shared_load %b, %o {{width = {width}}} : {kind}[{width}]
  %z = splat %t {{shape = [1]}} : i32[1]
  global_store %x, %v, %z {{width = {width}}}
  yield []
}}"""


SHIFT = "  %c = constant {value = COUNT, of = i32} : i32\n  %k = shl %t, %c : i32"


@pytest.mark.parametrize(
    ("shift", "width", "passes", "least"),
    [(0, 1, 1, 1), (1, 1, 2, 1), (5, 1, 32, 1), (2, 4, 4, 4), (3, 4, 8, 4), (1, 2, 2, 2)],
)
def test_conflicts_are_those_of_the_banks(shift: int, width: int, passes: int, least: int) -> None:
    func = verify(read_func(shared(SHIFT.replace("COUNT", str(shift)), width)))
    (found,) = conflicts(func)
    assert (found.name, found.passes, found.least) == ("shared_load", passes, least)
    assert main_loop(func) is func.body


SIDE = {
    "warps": 8,
    "resources": {"registers": 200, "spill_stores": 0, "spill_loads": 0, "shared": 0, "occupancy": 1},
    "ptx": {"widths": {"copy": {"16": 2}, "shared": {}, "global": {}}, "mma_share": 0.4, "loop": {"all": 5, "mma": 2}},
    "sass": None,
    "conflicts": 0,
}


def test_gates() -> None:
    problem = PROBLEMS[-1]  # as many products as Triton
    cold = {"ours": {"again": 60.0}, "triton": {"again": 99.0}}
    found = gates(problem, SIDE, {**SIDE, "ptx": {**SIDE["ptx"], "mma_share": 0.3}}, cold)
    assert found == {
        "no spills": True,
        "accesses of 16 bytes": True,
        "no conflicts": True,
        "products are 0.30 of the loop": True,
        "compiles in 0.6 of triton's time": False,
    }
    worse = {**SIDE, "conflicts": 3, "resources": {**SIDE["resources"], "spill_loads": 4}}
    worse["ptx"] = {**SIDE["ptx"], "widths": {"copy": {"16": 1, "8": 1}, "shared": {}, "global": {}}}
    found = gates(PROBLEMS[0], worse, None, None)
    assert not any(found.values()) and len(found) == 4
    assert best([worse, SIDE]) is SIDE


needs_ptxas = pytest.mark.skipif(static.called("assembler")() is None, reason="there is no ptxas here")


@needs_ptxas
def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static, "PROBLEMS", (matrix(64, 64, 32, warps=(4,)),))
    monkeypatch.setattr(static, "PEER", tmp_path / "no such file")
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(main, ["bench", "static", "--rounds", "0", "--json", str(file)])
    assert done.exit_code == 0, (done.output, done.exception)
    found = json.loads(file.read_text())
    (row,) = found["rows"]
    assert row["case"] == "matmul bf16 64x64x32" and row["triton"] is None and row["cold"] is None
    assert found["machine"]["triton"] == "not installed"
    held = row["ours"]
    assert held["ptx"]["loop"]["mma"] == 16 and held["conflicts"] == 0
    assert held["resources"]["spill_stores"] == 0 and 0 < held["resources"]["registers"] < 256
    assert held["sass"] is None or held["sass"]["loop"]["mma"] == 16
    assert "missed: matmul bf16 64x64x32: products are 0.50 of the loop" in done.output.replace("\n", " ")


@needs_ptxas
def test_the_large_matrix_product_is_as_good_as_it_was() -> None:
    """What is promised of it; the peer's figures are not needed."""
    row = static.row(PROBLEMS[1], peer=False, rounds=0)
    assert all(row["gates"].values()) if row["ours"]["sass"] else row["gates"]["no spills"], row["gates"]


@pytest.mark.slow
@pytest.mark.skipif(optional("triton") is None or not PEER.is_file(), reason="triton is not installed")
def test_triton_is_a_peer() -> None:
    found = static.measured_peer(PROBLEMS[0], 4)
    assert found["ptx"]["loop"]["mma"] == 64 and found["resources"]["shared"] == 32768


def test_a_peer_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "peer.py"
    script.write_text("raise SystemExit('no such kernel')\n")
    monkeypatch.setattr(static, "PEER", script)
    with pytest.raises(TileError, match="triton fails on matmul bf16 128x128x32: no such kernel"):
        static.measured_peer(PROBLEMS[0], 4)


@needs_ptxas
def test_a_compilation_is_timed() -> None:
    found = static.times(matrix(128, 128, 32, warps=(8,)), 8, None, 1)
    assert found["triton"] is None
    ours = found["ours"]
    assert 0 < ours["front"] < ours["again"] <= ours["median"] and ours["first"] > 0
