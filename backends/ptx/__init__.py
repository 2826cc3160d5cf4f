"""NVIDIA's GPUs by way of PTX; so far the machine that runs PTX without a GPU."""

from .artifact import Emulator

backend = Emulator()

__all__ = ["backend"]
