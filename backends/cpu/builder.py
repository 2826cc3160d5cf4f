"""LLVM's builder, which computes integers that are known: an instruction costs some 50 µs to build, print and lower."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

LLVM = Any  # llvmlite is untyped: an ir.Value


def known(value: LLVM) -> int | None:
    """The number that a scalar integer constant holds, read as signed."""
    if isinstance(value, ir.Constant) and isinstance(value.type, ir.IntType) and isinstance(value.constant, int):
        return signed(value.constant, value.type.width)
    return None


def signed(number: int, bits: int) -> int:
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number


class Builder(ir.IRBuilder):  # type: ignore[misc]  # llvmlite is untyped
    """An IRBuilder that leaves out integer sums, products and extensions whose result is known."""

    def add(self, a: LLVM, b: LLVM, name: str = "") -> LLVM:
        return self._fold(super().add, lambda x, y: x + y, a, b, name)

    def mul(self, a: LLVM, b: LLVM, name: str = "") -> LLVM:
        if known(a) == 0 or known(b) == 0:
            return ir.Constant(a.type, 0)
        return self._fold(super().mul, lambda x, y: x * y, a, b, name, 1)

    def sub(self, a: LLVM, b: LLVM, name: str = "") -> LLVM:
        x, y = known(a), known(b)
        if y == 0:
            return a
        if x is not None and y is not None:
            return ir.Constant(a.type, signed(x - y, a.type.width))
        return super().sub(a, b, name)

    def _fold(
        self, make: Callable[..., LLVM], exact: Callable[[int, int], int], a: LLVM, b: LLVM, name: str, unit: int = 0
    ) -> LLVM:
        """A commutative operation of which ``unit`` changes nothing."""
        x, y = known(a), known(b)
        if x is not None and y is not None:
            return ir.Constant(a.type, signed(exact(x, y), a.type.width))
        if x == unit:
            return b
        return a if y == unit else make(a, b, name)

    def sext(self, value: LLVM, typ: Any, name: str = "") -> LLVM:
        number = known(value)
        return super().sext(value, typ, name) if number is None else ir.Constant(typ, number)

    def zext(self, value: LLVM, typ: Any, name: str = "") -> LLVM:
        number = known(value)
        if number is None:
            return super().zext(value, typ, name)
        return ir.Constant(typ, number & ((1 << value.type.width) - 1))

    def trunc(self, value: LLVM, typ: Any, name: str = "") -> LLVM:
        number = known(value)
        return super().trunc(value, typ, name) if number is None else ir.Constant(typ, signed(number, typ.width))
