"""Where tests run kernels: every machine that must agree."""

from __future__ import annotations

TILES = ("vm", "cpu")  # what runs tile IR
THREADS = ("sm_80", "gfx942")  # what threads of these machines do, on the reference machine
EVERYWHERE = (*TILES, *THREADS, "emulator")


def on(device: str) -> dict[str, str]:
    """The keywords of a call that runs there."""
    return {"device": "vm", "target": device} if device in THREADS else {"device": device}
