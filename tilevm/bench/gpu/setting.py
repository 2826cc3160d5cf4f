"""Where a benchmark runs: the card, or the CPU for a dry run; what makes its tensors and launches its kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from tilevm.backend import WRITERS
from tilevm.optional import load_file, optional, require
from tilevm.source import TileError

ROOT = Path(__file__).parents[3]
PEERS = ROOT / "benchmarks" / "triton_kernels.py"
SETS = 2  # of buffers, at least, where one is no larger than the cache
MOST_SETS = 64
SEED = 20_250_101
BASE = "sm_80"
CHECKED = 512  # rows at either end that the host checks
Launch = Callable[..., object]


@dataclass(frozen=True)
class Setting:
    """``device``: of tensors. ``where``: the keywords of launches here. ``cache``: bytes of the card's last cache.

    ``dry``: sizes are tiny. ``blank``: tensors are not filled, for nothing will run. ``launch(kernel, args,
    constants)`` does what a launch is here. ``triton``: the module of Triton's kernels, None where they cannot run.
    """

    torch: Any
    device: str
    cache: int
    dry: bool
    blank: bool
    launch: Launch
    where: Mapping[str, str]
    triton: ModuleType | None = None

    def size(self, full: int, tiny: int) -> int:
        """An extent: full on a card, tiny in a dry run."""
        return tiny if self.dry else full

    def sets(self, size: int) -> range:
        """Sets of buffers of ``size`` bytes: so many that going through them reads from memory, not from the cache."""
        if self.blank:
            return range(1)
        return range(max(SETS if size < 2 * self.cache else 1, min(MOST_SETS, -(-2 * self.cache // max(size, 1)))))

    def random(self, *shape: int, dtype: str = "bfloat16", scale: float = 1.0) -> Any:
        """Normal numbers."""
        out = self.empty(*shape, dtype=dtype)
        return out if self.blank else out.normal_(0.0, scale)

    def bytes(self, count: int) -> Any:
        """``count`` random bytes."""
        out = self.empty(count, dtype="uint8")
        return out if self.blank else out.random_(0, 256)

    def empty(self, *shape: int, dtype: str = "bfloat16") -> Any:
        return self.torch.empty(shape, dtype=getattr(self.torch, dtype), device=self.device)

    def there(self, array: Any) -> Any:
        """An array of numpy as a tensor of the device."""
        return self.torch.from_numpy(array).to(self.device)

    def some(self, n: int) -> Any:
        """Rows of ``n`` to hold against a reference that the host computes: the first and the last, all where few."""
        rows = self.torch.arange(n, device=self.device)
        return rows if n <= 2 * CHECKED else self.torch.cat((rows[:CHECKED], rows[-CHECKED:]))

    def run(self, kernel: Any, *args: Any, **constants: Any) -> None:
        """Launch a kernel on the device."""
        self.launch(kernel, args, constants)

    def example(self, name: str) -> ModuleType:
        """A file of examples/. Raises TileError outside of a checkout."""
        path = ROOT / "examples" / f"{name}.py"
        if not path.is_file():
            raise TileError(f"there is no {path}, whose kernels are measured", help="run it from a checkout of tilevm")
        return load_file(str(path))

    def prepared(self, kernel: Any, *args: Any, **constants: Any) -> Callable[[], object]:
        """A launcher of a kernel on these arguments; one that does nothing where nothing will run."""
        if self.blank:
            return lambda: None
        found: Callable[[], object] = kernel.prepare(*args, **self.where, **constants)
        return found

    def seed(self) -> None:
        """Random numbers begin anew: a case has the same ones whatever ran before."""
        self.torch.manual_seed(SEED)


def on_card(device: str = "cuda:0") -> Setting:
    """The card. Raises TileError where torch is missing, or sees no card."""
    torch: Any = require("torch", "a benchmark on a GPU", "torch")
    if not torch.cuda.is_available():
        help = "--dry runs every case at a tiny size on the CPU"
        raise TileError("torch finds no GPU of NVIDIA's here, which the benchmark runs on", help=help)
    torch.cuda.set_device(device)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False  # sums are in f32, as ours are
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    cache = torch.cuda.get_device_properties(device).L2_cache_size
    triton = load_file(str(PEERS)) if optional("triton") is not None and PEERS.is_file() else None
    if triton is not None:
        triton.give_memory(torch)

    where = {"device": device, "target": target_of(torch.cuda.get_device_capability(device))}
    return Setting(torch, device, cache, dry=False, blank=False, launch=launcher(where), where=where, triton=triton)


def target_of(capability: tuple[int, int]) -> str:
    """The target whose code a card of this capability is given: its own, or that of sm_80.

    Code for sm_89 would run on newer cards too, but its blocks are held to less than half of their shared memory.
    """
    mine = "sm_{}{}".format(*capability)
    return mine if mine in WRITERS else BASE


def dry(threads: int = 1) -> Setting:
    """The CPU, with tiny sizes. Raises TileError where torch is missing."""
    torch: Any = require("torch", "a benchmark of a GPU, run dry too,", "torch")
    torch.set_num_threads(threads)
    where = {"device": "cpu"}
    return Setting(torch, "cpu", 1 << 10, dry=True, blank=False, launch=launcher(where), where=where)


def launcher(where: Mapping[str, str]) -> Launch:
    def launch(kernel: Any, args: Sequence[Any], constants: Mapping[str, Any]) -> None:
        kernel(*args, **where, **constants)

    return launch


def blank(visit: Launch) -> Setting:
    """The CPU, with full sizes and nothing in them: ``visit(kernel, args, constants)`` takes the place of launches.

    Raises TileError where torch is missing.
    """
    torch: Any = require("torch", "the preparation of a benchmark", "torch")
    return Setting(torch, "cpu", 1, dry=False, blank=True, launch=visit, where={})
