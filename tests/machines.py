"""Machines that are everywhere, by name. What tests/devices.py adds is known only once pytest has read its options."""

from __future__ import annotations

TILES = ("vm", "cpu")  # what runs tile IR
THREADS = ("sm_80", "gfx942")  # what threads of these machines do, on the reference machine
