"""The reference machine: what every tile instruction means, on numpy."""

from . import instructions
from .machine import ReferenceMachine

RULES = (instructions,)  # importing it fills the table of the machine
backend = ReferenceMachine()

__all__ = ["backend"]
