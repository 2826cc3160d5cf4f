"""The reference machine: what every tile instruction means, on numpy."""

from . import atomic, instructions, order, pieces, random, report, scan
from .machine import ReferenceMachine

RULES = (atomic, instructions, order, pieces, random, report, scan)  # importing them fills the table of the machine
backend = ReferenceMachine()

__all__ = ["backend"]
