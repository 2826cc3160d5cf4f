"""What is written among products: the matrices of the next step, and the copies of a trip where a block is alone."""

import re
from collections.abc import Iterator
from itertools import groupby, pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from tests.ptx.running import run
from tilevm.backends.ptx.emit.later import Held, Later
from tilevm.backends.ptx.emit.text import Text
from tilevm.bench import kernels
from tilevm.ir import threads
from tilevm.library.attention import attention

KINDS = {"ldmatrix": "load", "mma": "product", "cp.async.cg": "copy", "cp.async.commit": "commit", "bar": "barrier"}


def trip(**how: int) -> list[tuple[str, int]]:
    """The loop of a product: its instructions by kind, and how many there are in a row."""
    given = (np.zeros((4096, 4096), np.float16),) * 3
    text = kernels.matmul.compile(*given, **how, target="sm_80").stages["ptx"]
    body = text[text.index("$loop_1:") : text.index("bra $loop_1;")]
    return [(kind, len(list(found))) for kind, found in groupby(kinds(body))]


def kinds(body: str) -> Iterator[str]:
    for line in body.splitlines():
        found = next((kind for name, kind in KINDS.items() if line.startswith(f"\t{name}")), None)
        if found:
            yield found


def test_matrices_are_loaded_a_step_ahead() -> None:
    """Four steps of 2 x 4 products a warp; the matrices of the next one behind the first row of each."""
    found = trip(BM=64, BN=64, BK=64, stages=2, num_warps=4)
    assert found[:3] == [("barrier", 1), ("copy", 8), ("commit", 1)]
    steps = [("load", 4), ("product", 4), ("load", 4), ("product", 8), ("load", 4), ("product", 8), ("load", 4)]
    assert found[3:] == [*steps, ("product", 12)]


def test_copies_are_spread_where_a_block_is_alone() -> None:
    """Eight warps: 12 copies and their commit among the 128 products, none before the first."""
    found = trip(BM=128, BN=256, BK=64, stages=3, num_warps=8)
    kinds = [kind for kind, _ in found]
    copies = [i for i, kind in enumerate(kinds) if kind == "copy"]
    assert sum(n for kind, n in found if kind == "copy") == 12 and all(found[i][1] == 1 for i in copies)
    assert kinds.index("product") < copies[0] and all("product" in kinds[a:b] for a, b in pairwise(copies))
    assert kinds.index("commit") > copies[-1] and kinds[-1] in ("product", "commit")


def test_attention_keeps_its_burst() -> None:
    """Two products in a trip: their operands together are more than registers hold."""
    given = (np.zeros((1, 8, 4096, 128), np.float16),) * 4
    text = attention.compile(*given, 0.1, D=128, num_warps=8, target="sm_80").stages["ptx"]
    body = text[text.index("$loop_1:") : text.index("bra $loop_1;")]
    found = [kind for kind, _ in groupby(kinds(body))]
    assert found.index("commit") < found.index("product")


TEXT = """func @k(%x: ptr<f16, align=16>, %out: ptr<f16, align=16>) warps(8, sm_80) {
  %t = thread_id : i32
  %eight = constant {value = 8, of = i32} : i32
  %first = mul %t, %eight : i32
  %o = splat %first {shape = [1]} : i32[1]
  %s = shared {of = f16, count = 2048, at = 0} : shared<f16[2048]>
  async_copy %s, %o, %x, %o {width = 8}
  %sent = async_commit : token
  async_wait {}
  barrier {}
  %row = shared_load %s, %o {width = 8} : f16[8]
  %m = matrix_load %s, %o {copy = "ldmatrix.sync.aligned.m8n8.x1.shared.b16", words = 1} : f16[2]
  MIDDLE
  %y = take %m {registers = [1, 0]} : f16[2]
  %two = constant {value = 2, of = i32} : i32
  %place = mul %t, %two : i32
  %p = splat %place {shape = [1]} : i32[1]
  global_store %out, %y, %p {width = 2}
  yield []
}"""


@pytest.mark.parametrize(
    "middle", ["", "barrier {}\n  shared_store %s, %row, %p8 {width = 8}"], ids=["", "stored over"]
)
def test_what_waits_is_written_before_it_is_used(middle: str) -> None:
    """A load of matrices that no product takes, before registers are, and before memory changes."""
    begin = "%back = constant {value = 255, of = i32} : i32\n  %r = sub %back, %t : i32\n  %e = mul %r, %eight : i32\n"
    made = begin + "  %p8 = splat %e {shape = [1]} : i32[1]\n  " + middle if middle else ""
    x, out = np.arange(2048).astype(np.float16), np.zeros(512, np.float16)
    found = run(TEXT.replace("MIDDLE", made), [x, out])
    lane = np.arange(256) % 32
    rows = x.reshape(256, 8)[(np.arange(256) // 32 * 32) + lane // 4]  # lane l gives the row of thread l
    wanted = np.stack([rows[np.arange(256), lane % 4 * 2 + 1], rows[np.arange(256), lane % 4 * 2]], 1).ravel()
    assert np.array_equal(out, wanted)
    lines = found.text.splitlines()
    load = next(i for i, line in enumerate(lines) if "ldmatrix" in line)
    if middle:
        assert load < next(i for i, line in enumerate(lines) if re.search("st.shared", line))


def test_a_block_inside_leaves_the_outer_one_as_it_was() -> None:
    """Of a trip with one product and a branch in it."""
    trip, branch = SimpleNamespace(ops=[object.__new__(threads.Mma)]), SimpleNamespace(ops=[])
    text, later = Text((7, 0)), Later()
    with later.among(trip, 8, text):  # type: ignore[arg-type]
        later.copy(text, Held("first", None))
        with later.among(branch, 8, text):  # type: ignore[arg-type]
            assert not later.spreads
        assert later.spreads and later.copies == []
        later.copy(text, Held("second", None))
    assert text.listed() == ["\tfirst;", "\tsecond;"] and not later.spreads
