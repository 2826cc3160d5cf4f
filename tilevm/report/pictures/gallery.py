"""The pictures in the documents, each from the command that a reader can type."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from tilevm.layout.picture import draw, svg
from tilevm.layout.picture.draw import Memory
from tilevm.report.pictures.access import access, named
from tilevm.report.pictures.expression import read_layout
from tilevm.target import target

MACHINE = "sm_80"


@dataclass(frozen=True)
class Shown:
    """What ``tilevm layout`` is asked: a layout, and either the elements of a cell or what is read through it."""

    expression: str
    vector: int = 1
    registers: str = ""

    @property
    def command(self) -> str:
        words = ["tilevm", "layout", self.expression]
        words += ["--vector", str(self.vector)] if self.vector > 1 else []
        words += ["--access", self.registers] if self.registers else []
        return shlex.join(words)

    def svg(self) -> str:
        found = read_layout(self.expression)
        if self.registers:
            return svg(
                access(
                    read_layout(self.registers), found, target(MACHINE), title=named(self.expression, self.registers)
                )
            )
        return svg(draw(found, Memory(vector=self.vector), title=self.expression))


GALLERY: Mapping[str, Shown] = {
    "product": Shown("spatial(4, 2) * local(2, 2)"),
    "product_other_way": Shown("local(2, 2) * spatial(4, 2)"),
    "fragment": Shown("sm_80:m16n8k16.f16:a"),
    "reduced": Shown("(spatial(4, 4) * local(2, 1)).reduce(1)"),
    "swizzle": Shown("row_major(8, 64).swizzle(Swizzle(3, 3, 3))", vector=8),
    "conflict": Shown("strided((16, 16), (64, 1))", registers="sm_80:m16n8k16.f16:a"),
    "no_conflict": Shown("strided((16, 16), (64, 1)).swizzle(Swizzle(3, 3, 3))", registers="sm_80:m16n8k16.f16:a"),
}


def figure(name: str) -> str:
    """A picture in a document, with the command that draws it."""
    shown = GALLERY[name]
    return f"```\n{shown.command}\n```\n\n![{shown.expression}](pictures/{name}.svg)"
