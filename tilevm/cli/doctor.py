"""What this machine has of all that tilevm can use."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass

from tilevm.backend import FAMILIES, cards
from tilevm.bench.code import program
from tilevm.optional import require
from tilevm.source import TileError
from tilevm.version import __version__, installed


@dataclass(frozen=True)
class Finding:
    """One thing: its name, what was found ("" for nothing), and what is lost without it."""

    name: str
    found: str
    without: str


PACKAGES = (
    ("numpy", "needed"),
    ("llvmlite", "needed: no native code"),
    ("lark", "needed"),
    ("torch", "no torch tensors, and no comparison with torch"),
    ("numba", "no comparison with numba"),
    ("triton", "no comparison with Triton"),
    ("cuda-bindings", "no NVIDIA GPUs"),
    ("hip-python", "no AMD GPUs"),
)
PROGRAMS = (
    ("ptxas", "PTX is assembled by nvJitLink where that is installed, else by the driver"),
    ("cuobjdump", "machine code is not taken apart"),
    ("nvdisasm", "machine code is not taken apart"),
    ("cc", "the tests have no stand-in for the driver of CUDA"),
)


def processor() -> Iterator[Finding]:
    llvm = require("llvmlite.binding", "native code")
    features = llvm.get_host_cpu_features()
    wanted = ("avx512f", "avx512bf16", "avx512vnni", "avx512vbmi", "avx2", "fma", "f16c")
    yield Finding("processor", llvm.get_host_cpu_name(), "")
    yield Finding("vectors", " ".join(f for f in wanted if features.get(f)), "128-bit vectors, several times slower")
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    said = os.environ.get("TILEVM_NUM_THREADS")
    yield Finding("cores", f"{count}" + (f", TILEVM_NUM_THREADS={said}" if said else ""), "")


def devices(family: str) -> Iterator[Finding]:
    """The driver of a family of devices, and its cards."""
    found = cards(family)
    try:
        yield Finding(f"{family} driver", found.driver(), "")
        for card in found.here():
            runs = f"runs code for {', '.join(card.targets)}" if card.targets else "too old for the code made here"
            yield Finding(card.device, f"{card.about}; {runs}", "")
    except TileError as error:
        yield Finding(f"{family} driver", "", f"no devices of {family}: {error.message}")


def findings() -> list[Finding]:
    """All that was looked for, in order."""
    return [
        Finding("tilevm", __version__, ""),
        Finding("python", platform.python_version(), ""),
        *processor(),
        *(Finding(name, installed(name), without) for name, without in PACKAGES),
        *(Finding(name, str(program(name) or ""), without) for name, without in PROGRAMS),
        *(finding for family in FAMILIES for finding in devices(family)),
    ]
