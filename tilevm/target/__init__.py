"""Machines as frozen records of facts: limits, banks, matrix instructions, copies."""

from tilevm.target.access import GlobalAccess, SharedAccess, TileAccess, global_access, shared_access
from tilevm.target.banks import Banks, Phase, Wavefronts, wavefronts
from tilevm.target.copies import Box, BulkCopy, CopyAtom
from tilevm.target.lookup import TARGETS, target
from tilevm.target.machine import Limits, Target
from tilevm.target.matrix import MatrixCopy
from tilevm.target.mma import MmaAtom, Scales
from tilevm.target.occupancy import occupancy
from tilevm.target.operand import SharedOperand, shared_operand
from tilevm.target.traffic import GlobalMemory, Traffic, traffic

__all__ = [
    "TARGETS",
    "Banks",
    "Box",
    "BulkCopy",
    "CopyAtom",
    "GlobalAccess",
    "GlobalMemory",
    "Limits",
    "MatrixCopy",
    "MmaAtom",
    "Phase",
    "Scales",
    "SharedAccess",
    "SharedOperand",
    "Target",
    "TileAccess",
    "Traffic",
    "Wavefronts",
    "global_access",
    "occupancy",
    "shared_access",
    "shared_operand",
    "target",
    "traffic",
    "wavefronts",
]
