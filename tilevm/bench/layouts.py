"""What the layout algebra and the inference of layouts cost: times of single calls, in this process."""

from __future__ import annotations

import pkgutil
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table

from tilevm.bench.measure import once
from tilevm.layout import Layout, Swizzle, column_local, convert, covers, local, replicate, row_major, spatial
from tilevm.library.attention import attention
from tilevm.passes import PIPELINE, for_products, run_passes
from tilevm.passes.layouts import cost
from tilevm.passes.layouts.assign import assign
from tilevm.target import target

ATOM = column_local(2, 2) * spatial(8, 4) * local(1, 2)  # operand a of mma.m16n8k16
WARPS = spatial(2, 1) * replicate(2) * local(4, 2)
FRAGMENT = WARPS * ATOM
LOADS = local(4, 1) * spatial(32, 4) * local(1, 8)
OUTER, SWIZZLED = row_major(16, 1), row_major(8, 64).swizzle(Swizzle(3, 3, 3))
SHARED = OUTER * SWIZZLED
TEXT = str(FRAGMENT)
OPERATIONS: Mapping[str, Callable[[], object]] = {
    "spatial(8, 4)": lambda: spatial(8, 4),
    "a * b": lambda: WARPS * ATOM,
    "a / b": lambda: FRAGMENT / ATOM,
    "left_divide": lambda: FRAGMENT.left_divide(WARPS),
    "reduce": lambda: FRAGMENT.reduce(1),
    "reshape": lambda: FRAGMENT.reshape((8, 16, 32)),
    "permute": lambda: FRAGMENT.permute((1, 0)),
    "swizzled a * b": lambda: OUTER * Layout(SWIZZLED.dims, (), SWIZZLED.xor),
    "canonical, ==, hash": lambda: hash(Layout(FRAGMENT.dims, FRAGMENT.replicas)),
    "offset": lambda: SHARED((77, 33)),
    "owners": lambda: FRAGMENT.owners((77, 17)),
    "index_at": lambda: FRAGMENT.index_at(101, 37),
    "covers": lambda: covers(FRAGMENT, LOADS),
    "str": lambda: str(Layout(FRAGMENT.dims, FRAGMENT.replicas)),
    "parse": lambda: Layout.parse(TEXT),
    "convert": lambda: convert(LOADS, FRAGMENT, 16),
}
REPEATS = 200  # calls that are timed together
SIGNATURE = "q: f16[B, H, M, 128], k: f16[B, G, N, 128], v: f16[B, G, N, 128], o: f16[B, H, M, 128], scale: f32"


@dataclass
class Times:
    """Microseconds of each operation, and milliseconds of the pass on flash attention: of the first run, of others."""

    machine: dict[str, Any]
    operations: dict[str, float] = field(default_factory=dict)
    inference: dict[str, float] = field(default_factory=dict)

    def tables(self) -> Iterator[Table]:
        table = Table("operation on layouts of a kernel", "us")
        for name, micros in self.operations.items():
            table.add_row(name, f"{micros:.1f}")
        yield table
        table = Table("layouts of flash attention, D = 128", "ms")
        for name, millis in self.inference.items():
            table.add_row(name, f"{millis:.1f}")
        yield table

    def summary(self) -> str:
        return f"{self.machine['processor']}; medians, in one process"

    def data(self) -> dict[str, Any]:
        return asdict(self)


def bench_layouts(seconds: float, only: str = "") -> Times:
    """The operations whose names hold ``only``, and the pass."""
    found = Times({"processor": pkgutil.resolve_name("tilevm.backends.cpu.host:host")().name})
    for name, call in OPERATIONS.items():
        if only in name:
            found.operations[name] = 1e6 * repeated(call, seconds / 10)
    if only in "inference":
        found.inference = inference(seconds)
    found.machine["date"] = time.strftime("%Y-%m-%d")
    return found


def repeated(call: Callable[[], object], seconds: float) -> float:
    """Seconds of one call: the median over rounds of many."""
    call()
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while not taken or time.perf_counter() < end:
        begin = time.perf_counter()
        for _ in range(REPEATS):
            call()
        taken.append((time.perf_counter() - begin) / REPEATS)
    return statistics.median(taken)


def inference(seconds: float) -> dict[str, float]:
    """Milliseconds of the pass on the causal kernel, with nothing remembered and with conversions remembered."""
    compiled = attention.compile(SIGNATURE, D=128, causal=True, device="vm")
    machine = target("sm_80")
    func = run_passes(compiled.build.tile, (*PIPELINE, *for_products(machine)))

    def forgetting() -> object:
        cost.conversion.cache_clear()
        cost.access.cache_clear()
        cost.folding.cache_clear()
        return assign(func, machine, 4)

    calls: Mapping[str, Callable[[], object]] = {
        "nothing remembered": forgetting,
        "again": lambda: assign(func, machine, 4),
    }
    found = {}
    for name, call in calls.items():
        call()
        count = max(5, int(seconds / max(once(call), 1e-3)))
        found[name] = 1e3 * statistics.median(once(call) for _ in range(count))
    return found
