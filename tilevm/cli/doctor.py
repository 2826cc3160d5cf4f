"""What this machine has of all that tilevm can use."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from tilevm.optional import require
from tilevm.version import __version__


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
    ("cuda-python", "no NVIDIA GPUs"),
    ("hip-python", "no AMD GPUs"),
)
PROGRAMS = (("ptxas", "PTX is not assembled"), ("cc", "nothing that this version does"))


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def processor() -> Iterator[Finding]:
    llvm = require("llvmlite.binding", "native code")
    features = llvm.get_host_cpu_features()
    wanted = ("avx512f", "avx512bf16", "avx512vnni", "avx512vbmi", "avx2", "fma", "f16c")
    yield Finding("processor", llvm.get_host_cpu_name(), "")
    yield Finding("vectors", " ".join(f for f in wanted if features.get(f)), "128-bit vectors, several times slower")
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    said = os.environ.get("TILEVM_NUM_THREADS")
    yield Finding("cores", f"{count}" + (f", TILEVM_NUM_THREADS={said}" if said else ""), "")


def findings() -> list[Finding]:
    """All that was looked for, in order."""
    return [
        Finding("tilevm", __version__, ""),
        Finding("python", platform.python_version(), ""),
        *processor(),
        *(Finding(name, installed(name), without) for name, without in PACKAGES),
        *(Finding(name, shutil.which(name) or "", without) for name, without in PROGRAMS),
    ]
