"""NVIDIA's GPUs by way of PTX; so far the machine that runs PTX without a GPU, and code for those that are not here."""

from .artifact import Emulator, Writer

backend = Emulator()
writer = Writer()

__all__ = ["backend", "writer"]
