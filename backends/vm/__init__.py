"""The reference machine: what every instruction means, on numpy."""

from . import atomic, instructions, order, pieces, random, report, scan, stage, view
from .reference import ReferenceMachine

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
