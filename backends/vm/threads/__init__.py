"""The reference machine for threads: what a block does, and whether its threads get in each other's way."""

from . import accesses, atomic, control, matrix, registers, report, staging
from .hazards import Hazard, HazardError
from .machine import ThreadRun

RULES = (accesses, atomic, control, matrix, registers, report, staging)  # importing them fills the table

__all__ = ["Hazard", "HazardError", "ThreadRun"]
