"""Addresses: constants of an offset are added where the memory is reached, not before."""

from __future__ import annotations

from tilevm.types import SMALL, DType, Kind, i32, i64

from .elements import Element, Known, Reg, operand, register
from .integers import add, mul
from .text import Text

NEAR = (1 << 31) - SMALL  # what i32 offsets reach ends so far before 2**31, so that smaller constants may be taken off
FAR = 1 << 31  # bytes that an instruction may add to an address
FLIPS = {"xor.b32": 2, "lop3.b32": 3}  # functions of single bits, and how many operands they are of


def global_address(t: Text, base: Reg, offset: Element, dtype: DType, size: int) -> Reg:
    """The address of a unit of ``size`` bytes, ``offset`` units from ``base``."""
    if isinstance(offset, Known):
        return reachable(t, Reg(base.name, base.plus + offset.value * size))
    if dtype.bits > 32:
        found = summed(t, base, offset, dtype, size)
    else:
        kind = "s32" if dtype.kind is Kind.SIGNED else "u32"
        near = offset if isinstance(offset, Reg) and abs(offset.plus) < NEAR else Reg(register(t, offset, dtype))
        found = add(t, i64, base, Reg(t.pure("rd", f"mul.wide.{kind}", near.name, str(size)), near.plus * size))
    assert isinstance(found, Reg)
    return reachable(t, found)


def summed(t: Text, base: Reg, offset: Element, dtype: DType, size: int) -> Element:
    """``base`` and ``offset`` units: what a loop does not change is added first, so that it can be added before it."""
    held = offset if isinstance(offset, Reg) else Reg(register(t, offset, dtype))
    parts = sorted(terms(t, held.name), key=t.varies)
    found: Element = Reg(base.name, base.plus + held.plus * size)
    for name in parts:
        found = add(t, i64, found, mul(t, i64, Reg(name), Known(size)))
    return found


def terms(t: Text, name: str) -> list[str]:
    """What was added up in the loop around to give a register."""
    maker, added = t.maker(name)
    if maker != "add.s64" or not all(part.startswith("%") for part in added) or not t.varies(name):
        return [name]
    return [term for part in added for term in terms(t, part)]


def reachable(t: Text, address: Reg) -> Reg:
    """The address with what an instruction can add to it."""
    return address if -FAR <= address.plus < FAR else Reg(register(t, address, i64))


def shared_address(t: Text, base: Reg, offset: Element, dtype: DType, size: int) -> Reg:
    """The same in shared memory, whose addresses have 32 bits."""
    if dtype.bits > 32 and not isinstance(offset, Known):
        offset = Reg(t.pure("r", "cvt.u32.u64", register(t, offset, dtype)))
    far = bytes_of(t, offset, size) if isinstance(offset, Reg) else mul(t, i32, offset, Known(size))
    found = add(t, i32, base, far)
    assert isinstance(found, Reg)
    return found


def bytes_of(t: Text, offset: Reg, size: int) -> Element:
    """So many units in bytes. What flips bits is made of bytes already: the assembler would put off a shift to where it
    can be joined with an addition, and so do both in each trip of a loop."""
    maker, parts = t.maker(offset.name)
    if maker not in FLIPS or size & (size - 1) or size == 1:
        return mul(t, i32, offset, Known(size))
    count = FLIPS[maker]
    given = [operand(t, mul(t, i32, element(part), Known(size)), i32) for part in parts[:count]]
    return Reg(t.pure("r", maker, *given, *parts[count:]), offset.plus * size)


def element(part: str) -> Element:
    """An operand of an instruction that was written."""
    return Reg(part) if part.startswith("%") else Known(int(part, 0))
