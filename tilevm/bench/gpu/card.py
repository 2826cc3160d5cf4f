"""What a run ran on: the card, its clocks, its driver, versions, the commit."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from typing import Any

from tilevm.bench.gpu.setting import ROOT, Setting
from tilevm.version import __version__, installed

PACKAGES = ("torch", "triton", "cuda-bindings", "numpy", "llvmlite")
ASKED = {  # of nvidia-smi
    "driver": "driver_version",
    "clock_mhz": "clocks.sm",
    "most_clock_mhz": "clocks.max.sm",
    "memory_clock_mhz": "clocks.mem",
    "power_w": "power.draw",
    "power_limit_w": "power.limit",
    "temperature_c": "temperature.gpu",
}
COMMIT = "TILEVM_COMMIT"  # says which commit a folder without git is of


def facts(s: Setting) -> dict[str, Any]:
    """All that a reader of figures wants to know of the machine; None of what cannot be found out."""
    versions = {name: installed(name) or None for name in PACKAGES}
    return {
        "device": device(s),
        "host": {"processor": processor(), "python": platform.python_version(), "system": platform.platform()},
        "versions": {"tilevm": __version__, **versions, "cuda": s.torch.version.cuda},
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d %H:%M:%S %z"),
    }


def device(s: Setting) -> dict[str, Any]:
    """The card by name and size; the processor in a dry run."""
    if s.dry:
        return {"name": processor(), "dry": True}
    found = s.torch.cuda.get_device_properties(s.device)
    return {
        "name": found.name,
        "dry": False,
        "capability": f"{found.major}.{found.minor}",
        "processors": found.multi_processor_count,
        "memory_bytes": found.total_memory,
        "cache_bytes": s.cache,
        **state(),
    }


def state() -> dict[str, str | None]:
    """Driver, clocks, power and heat of the first card, as nvidia-smi tells them now; None without it."""
    lines = said("nvidia-smi", f"--query-gpu={','.join(ASKED.values())}", "--format=csv,noheader,nounits")
    first = lines.splitlines()[0].split(", ") if lines else []
    whole = first if len(first) == len(ASKED) else [None] * len(ASKED)
    return dict(zip(ASKED, whole, strict=True))


def commit() -> str | None:
    """The commit, with "+" where files differ from it."""
    if os.environ.get(COMMIT):
        return os.environ[COMMIT]
    found = said("git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD")
    if not found:
        return None
    changed = said("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")
    return found.strip() + ("+" if changed else "")


def processor() -> str:
    """The processor's name as Linux tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def said(*command: str) -> str:
    """What a program prints; nothing where there is none, or it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""
