"""A machine that runs PTX without a GPU: all threads of a block in numpy, with what can go wrong between them."""

from .hazards import Emulation, EmulationError, Hazard
from .launch import Kernel, Module, parse
from .memory import Memory

__all__ = ["Emulation", "EmulationError", "Hazard", "Kernel", "Memory", "Module", "parse"]
