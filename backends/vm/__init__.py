"""The reference machine: what every tile instruction means, on numpy."""

from . import instructions, order
from .machine import ReferenceMachine

RULES = (instructions, order)  # importing them fills the table of the machine
backend = ReferenceMachine()

__all__ = ["backend"]
