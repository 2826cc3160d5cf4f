"""The instructions of launch programs, and how programs lie in memory.

A program works on 64-bit registers; a row reads some of them, or an argument of the call, and fills others, or refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

REGISTERS = 256  # of a call
Words = np.ndarray[Any, np.dtype[np.int64]]


class Code(IntEnum):
    """What a row does; ``arg`` is the call's argument number a, ``reg[i]`` a register."""

    END = 0  # the call is as it should be
    SAME = 1  # arg is the object x
    WHOLE = 2  # arg is an int that equals x; z: the type int
    REAL = 3  # arg is a float with the bits x; z: the type float
    INT = 4  # reg[r] = arg, an int from x to y; z: the type int
    FLOAT = 5  # reg[r] = the bits of arg, a float; z: the type float
    BOOL = 6  # reg[r] = 1 where arg is the object x, 0 where it is y
    NUMPY = 7  # reg[r ...] = address, extents, strides of arg, an array of b dims; x: its dtype, y: flags, z: its type
    SHIFT = 8  # reg[r ... r+b-1], in bytes, become elements of 2**x bytes
    TENSOR = 9  # reg[r ...] = address, extents, strides of arg, a tensor such as the record at x tells, of b dims
    LOOK = 10  # what reg[r ...] of b dims looks like is x, in the form of `looks`; elements of y bytes
    WATCH = 11  # the dict x has the value z under the key y; z = 0: none
    CELL = 12  # the closure's cell x holds the value y
    CONST = 13  # reg[r] = x
    BETWEEN = 14  # x <= reg[a] <= y
    EQUAL = 15  # reg[a] == reg[b]
    MULTIPLE = 16  # x divides reg[a]
    PITCH = 17  # reg[a] is x, unless reg[b] <= 1
    PITCH_OF = 18  # reg[a] is reg[r], unless reg[b] <= 1
    ROWS = 19  # x divides reg[a], unless reg[b] <= 1 or reg[a] is 1
    ADD = 20  # reg[r] = reg[a] + reg[b]; these refuse what exceeds 64 bits
    SUB = 21
    MUL = 22
    DIV = 23  # rounded down; 0 for reg[b] = 0; negative divisors are refused
    MOD = 24  # reg[a] for reg[b] = 0
    CDIV = 25  # rounded up
    MIN = 26
    MAX = 27
    FROM_INT = 28  # reg[r] = the bits of the f64 nearest to the integer in reg[a]
    NARROW = 29  # reg[r] = the bits of the f32 nearest to the f64 in reg[a]
    PACKED = (
        30  # as NUMPY, of a packed tensor whose sight is x; y: bytes from where it begins to its words; z: its type
    )


class Row(NamedTuple):
    code: Code
    r: int = 0
    a: int = 0
    b: int = 0
    x: int = 0
    y: int = 0
    z: int = 0


ROW = np.dtype([("code", "<i4"), ("r", "<i4"), ("a", "<i4"), ("b", "<i4"), ("x", "<i8"), ("y", "<i8"), ("z", "<i8")])


class Field(IntEnum):
    """The words of a program's head."""

    ROWS = 0  # address of its rows
    VALUES = 1  # how many values a call gives by position
    NAMES, NAME_COUNT = 2, 3  # address of the names of the others, as objects, and how many these are
    SLOTS, SLOT_COUNT = 4, 5  # address of the numbers of registers that are passed on, and how many these are
    X, Y, Z = 6, 7, 8  # registers with the counts of programs
    START, CONTEXT = 9, 10  # the function that launches, and what it wants to know
    STREAM, STREAM_OF = 11, 12  # the stream; or what tells the current one, else 0
    DEVICE = 13  # what that is asked for: DLPack's kind of device, and its number in the upper half
    RELEASES = 14  # whether other Python threads go on meanwhile
    LONG, FAIL = 15, 16  # objects to call where START gives less than 0, or more


class ChainField(IntEnum):
    """The words of a chain: how many programs are tried in turn, the address of their addresses, and None."""

    COUNT, PROGRAMS, NONE = 0, 1, 2


class HeldField(IntEnum):
    """The words of a launcher: its chain, its own counts of programs, negative where the launch programs tell, and the
    object that takes the calls which none of these takes."""

    CHAIN, X, Y, Z, OTHERWISE = 0, 1, 2, 3, 4


class FindField(IntEnum):
    """The words of what finds launchers: the dict that has them by grid, and the objects int, tuple and None."""

    DICT, INT, TUPLE, NONE = 0, 1, 2, 3


class TensorField(IntEnum):
    """The words that tell TENSOR what an argument must be."""

    TYPE, TAKE = 0, 1  # its class, and DLPack's function that shows one
    WORD, DEVICE = 2, 3  # DLPack's number of dims and type of elements, and its device, each in one word
    GRADIENT, CLOSURE, NEGATED = 4, 5, 6  # functions that must say no, or 0: a getter with its closure, and a method
    NO = 7  # what "no" is


def looks(units: Sequence[bool], even: Sequence[int], tracked: bool, aligned: bool, small: bool) -> int:
    """What LOOK compares: a bit an axis for units, as many for extents that 16 divides, whether 16 divides all that
    specialisation looks at, whether the tensor is small. Where threads are not what is compiled for, which is
    ``tracked``, neither ``even`` nor ``small`` is compared."""
    bits = sum(1 << axis for axis, unit in enumerate(units) if unit)
    bits |= (sum(1 << (EVEN_BIT + axis) for axis in even) | (small << SMALL_BIT)) if tracked else 0
    return bits | (aligned << ALIGNED_BIT) | (tracked << TRACK_BIT)


EVEN_BIT, ALIGNED_BIT, TRACK_BIT, SMALL_BIT = 16, 32, 33, 34
TRACKED_BITS = ((1 << (ALIGNED_BIT - EVEN_BIT)) - 1) << EVEN_BIT | 1 << SMALL_BIT
MOST_DIMS = 16


def table(rows: Sequence[Row]) -> np.ndarray[Any, Any]:
    """Rows as they lie in memory, the last one END."""
    return np.array([tuple(map(int, row)) for row in (*rows, Row(Code.END))], ROW)
