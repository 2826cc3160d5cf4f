"""NVIDIA's GPUs by way of PTX: the cards that are here, the machine that runs PTX without one, and code for those that
are not here."""

from .artifact import Emulator, Writer
from .cuda import Loader as on_card, cards

backend = Emulator()
writer = Writer()

__all__ = ["backend", "cards", "on_card", "writer"]
