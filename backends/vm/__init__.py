"""The reference machine: what every tile instruction means, on numpy."""

from . import atomic, instructions, order, pieces, random, report, scan, stage, view
from .machine import ReferenceMachine

RULES = (
    atomic,
    instructions,
    order,
    pieces,
    random,
    report,
    scan,
    stage,
    view,
)  # importing them fills the machine's table
backend = ReferenceMachine()

__all__ = ["backend"]
