"""Operands that matrix instructions read from shared memory: the layouts that a descriptor can tell."""

from __future__ import annotations

from dataclasses import dataclass

from tilevm.layout import Layout, LayoutError, Swizzle
from tilevm.layout.mode import MEM, Mode
from tilevm.target.mma import Major

CHUNK = 128  # bits that a swizzle moves together
ROWS = 8  # that a swizzle turns against each other
SWIZZLES = (0, 32, 64, 128)  # bytes of a row; 0 for none


@dataclass(frozen=True)
class SharedOperand:
    """An operand of shape (mn, k) in shared memory, and the two strides of its descriptor, in elements.

    ``stride``: between groups of 8 rows, rows being along mn where k is contiguous, along k else. ``leading``: between
    the parts of a row that are as wide as the swizzle.
    """

    layout: Layout
    leading: int
    stride: int


def shared_operand(shape: tuple[int, int], bits: int, major: Major, swizzle: int) -> SharedOperand:
    """The layout of an operand that fills shared memory without gaps (PTX ISA, wgmma, "canonical layouts").

    ``bits`` an element, ``major`` the contiguous dim, ``swizzle`` bytes: 0, 32, 64 or 128. Groups of 8 rows follow each
    other first, then the parts of rows. Raises LayoutError where the shape is not made of whole groups.
    """
    if swizzle not in SWIZZLES or CHUNK % bits:
        raise LayoutError(f"elements of {bits} bits under a swizzle of {swizzle} bytes: swizzles are {SWIZZLES}")
    width = (swizzle * 8 or CHUNK) // bits
    contiguous, other = (1, 0) if major == "k" else (0, 1)
    for dim, step in ((contiguous, width), (other, ROWS)):
        if shape[dim] % step:
            raise LayoutError(f"extent {shape[dim]} of dim {dim} is not a multiple of {step}, of which groups are made")
    stride = ROWS * width
    leading = shape[other] // ROWS * stride
    return SharedOperand(operand_layout(shape, bits, major, swizzle, leading, stride), leading, stride)


def operand_layout(shape: tuple[int, int], bits: int, major: Major, swizzle: int, leading: int, stride: int) -> Layout:
    """The layout that a descriptor with such strides, in elements, tells."""
    width = (swizzle * 8 or CHUNK) // bits
    contiguous, other = (1, 0) if major == "k" else (0, 1)
    dims = {
        contiguous: (Mode(width, MEM, 1), Mode(shape[contiguous] // width, MEM, leading)),
        other: (Mode(ROWS, MEM, width), Mode(shape[other] // ROWS, MEM, stride)),
    }
    layout = Layout((dims[0], dims[1]))
    chunk = (CHUNK // bits).bit_length() - 1
    turned = (swizzle * 8 // CHUNK).bit_length() - 1 if swizzle else 0
    return layout.swizzle(Swizzle(turned, chunk, 3)) if turned else layout
