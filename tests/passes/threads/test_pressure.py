"""What no thread can hold is refused, with its tiles by name and what would fit; what may fit is not."""

from __future__ import annotations

import pytest

import tilevm as tv
from tilevm.ir.verify import verify
from tilevm.passes.threads.pressure import crowds, refuse_large
from tilevm.source import TileError
from tilevm.text import read_func

ATOM = "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32"


def loop(carried: int, before: int, warps: int = 4) -> str:
    """A loop that carries so many f32, and multiplies what was loaded before it: ``before`` words of f16."""
    return f"""func @f(%n: i32, %x: ptr<f32, align=16>, %y: ptr<f16, align=16>) warps({warps}, sm_80) {{
  %z = constant {{value = 0, of = i32}} : i32
  %one = constant {{value = 1, of = i32}} : i32
  %o = numbers {{values = {list(range(0, 2 * before, 2))}, of = i32}} : i32[{before}]
  %q = global_load %y, %o {{width = 2}} : f16[{2 * before}]
  %u = numbers {{values = {list(range(0, carried // 2, 2))}, of = i32}} : i32[{carried // 4}]
  %e = constant {{value = 0.0, of = f32}} : f32
  %v = splat %e {{shape = [{carried}]}} : f32[{carried}]
  %acc = for %z, %n, %one, [%v] (%i: i32, %sum: f32[{carried}]) {{
    %b = global_load %y, %u {{width = 2}} : f16[{carried // 2}]
    %p = mma %q, %b, %sum {{atom = "{ATOM}", grid = [1, {carried // 4}, 1]}} : f32[{carried}]
    yield [%p]
  }} : f32[{carried}]
  %at = numbers {{values = {list(range(carried))}, of = i32}} : i32[{carried}]
  global_store %x, %acc, %at
  yield []
}}"""


def refused(text: str) -> str:
    with pytest.raises(TileError) as caught:
        refuse_large(verify(read_func(text)))
    return str(caught.value)


def test_as_many_as_there_are_pass() -> None:
    refuse_large(verify(read_func(loop(128, 64))))
    refuse_large(verify(read_func(loop(192, 63))))


def test_what_is_carried_counts() -> None:
    page = refused(loop(256, 64))
    assert "a loop of f needs 320 registers in each thread, and a thread of sm_80 has 255" in page
    assert "%sum takes 256 of them, as f32[256]" in page and "%q takes 64 of them, as f16[128]" in page
    assert "num_warps=8 leaves about 160 to each thread" in page


def test_what_was_read_before_the_loop_counts() -> None:
    assert "needs 272 registers" in refused(loop(192, 80))


def test_warps_that_no_block_has_are_not_advised() -> None:
    assert refused(loop(256, 64, warps=32)).endswith("help: take smaller tiles")


@tv.kernel("x: f16[M, K], y: f16[K, N], z: f32[M, N]")
def product(x, y, z, BM: tv.constexpr, BN: tv.constexpr):
    total = tv.zeros((BM, BN), tv.f32)
    for k in tv.range(0, x.shape[1], 32):
        total = tv.dot(x.load((0, k), (BM, 32)), y.load((k, 0), (32, BN)), total)
    z.store((0, 0), total)


SIGNATURE = "x: f16[M, K], y: f16[K, N], z: f32[M, N]"


def test_a_kernel_is_refused_before_it_is_assembled() -> None:
    with pytest.raises(TileError) as caught:
        product.compile(SIGNATURE, BM=256, BN=256, target="sm_80", num_warps=4)
    page = str(caught.value)
    assert "%total takes 512 of them, as f32[512]" in page and "num_warps=16 leaves" in page
    assert "for k in tv.range" in page
    product.compile(SIGNATURE, BM=256, BN=256, target="sm_80", num_warps=16)


def loads(count: int, warps: int) -> str:
    """So many numbers of f32, read and written, and no loop."""
    return f"""func @f(%x: ptr<f32, align=16>) warps({warps}, sm_80) {{
  %at = numbers {{values = {list(range(count))}, of = i32}} : i32[{count}]
  %a = global_load %x, %at : f32[{count}]
  global_store %x, %a, %at
  yield []
}}"""


@pytest.mark.parametrize(
    ("count", "warps", "wanted"), [(127, 4, False), (128, 4, True), (64, 16, False), (65, 16, True)]
)
def test_where_a_block_should_have_a_processor_to_itself(count: int, warps: int, wanted: bool) -> None:
    """More than half of what a thread can have: 255 registers, or its part of 65536."""
    assert crowds(verify(read_func(loads(count, warps)))) is wanted
