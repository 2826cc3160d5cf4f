"""How a launcher is found by its grid: natively, since a dict takes 2.0 and True for 2 and 1, which are no counts."""

from __future__ import annotations

from llvmlite import ir

from tilevm.runtime.launch.emit import I64, LLVM, PTR, Emitter
from tilevm.runtime.launch.objects import At
from tilevm.runtime.launch.rows import FindField

FIND = "find"


class Find(Emitter):
    """Writes ``find(self, grid)``: what a dict has for a grid that is an int or a tuple of ints, all of Python's very
    own classes; None for any other. It is METH_O of methodobject.h."""

    def __init__(self, module: ir.Module) -> None:
        super().__init__(module, FIND, PTR, [PTR, PTR])
        words, self.grid = self.function.args
        self.words = self.at(words, At.BYTES)

    def write(self) -> None:
        b, several, look, nothing = self.b, self.block("several"), self.block("look"), self.block("nothing")
        b.cbranch(self.is_a(self.grid, FindField.INT), look, several)
        b.position_at_end(several)
        self.unless(self.is_a(self.grid, FindField.TUPLE), nothing)
        items = self.at(self.grid, At.TUPLE_ITEMS)

        def whole(n: LLVM) -> None:
            self.unless(self.is_a(self.load(items, n, kind=PTR), FindField.INT), nothing)

        self.loop(self.load(self.grid, At.TUPLE_COUNT, 1), whole)
        b.branch(look)
        b.position_at_end(look)
        found = self.python("PyDict_GetItemWithError", self.of(FindField.DICT), self.grid)
        self.unless(b.not_(self.is_null(found)), nothing)
        self.give(found)
        b.position_at_end(nothing)
        self.give(self.of(FindField.NONE))

    def of(self, field: FindField) -> LLVM:
        return self.load(self.words, field, kind=PTR)

    def is_a(self, value: LLVM, kind: FindField) -> LLVM:
        """Whether an object is of this very class."""
        return self.b.icmp_signed("==", self.load(value, At.TYPE, 1), self.load(self.words, kind, kind=I64))

    def give(self, value: LLVM) -> None:
        self.python("Py_IncRef", value)
        self.b.ret(value)
