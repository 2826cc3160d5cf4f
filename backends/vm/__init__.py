"""The reference machine: what every tile instruction means, on numpy."""

from . import instructions, order, pieces, scan
from .machine import ReferenceMachine

RULES = (instructions, order, pieces, scan)  # importing them fills the table of the machine
backend = ReferenceMachine()

__all__ = ["backend"]
