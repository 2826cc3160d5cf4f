"""What an author says of where tiles lie."""

from __future__ import annotations

from tilevm.ir import Value
from tilevm.ir.build import Builder
from tilevm.ir.ops import SetLayout
from tilevm.layout import Layout, LayoutError
from tilevm.source import TileError

from .. import language
from ..values import describe
from .arguments import tile_arg
from .table import implements


@implements(language.set_layout)
def set_layout(builder: Builder, x: object, layout: object) -> Value:
    value, found = tile_arg(builder, "tv.set_layout", x)
    wanted = layout_arg(builder, "tv.set_layout", layout)
    if wanted.shape != found.shape:
        raise TileError(
            f"tv.set_layout: a layout of shape {list(wanted.shape)} for {describe(value)}",
            builder.span,
            help="the extents of a layout are those of its tile",
        )
    return builder.add(SetLayout, x=value, layout=wanted).result


def layout_arg(builder: Builder, name: str, layout: object) -> Layout:
    """A layout, or the text of one."""
    if isinstance(layout, Layout):
        return layout
    if isinstance(layout, str):
        try:
            return Layout.parse(layout)
        except LayoutError as fault:
            raise TileError(f"{name}: {fault}", builder.span, help="as in (8,4):(4@thread,1@thread)") from None
    raise TileError(
        f"{name}: a layout is needed, not {describe(layout)}",
        builder.span,
        help="build it outside the kernel, as in ROWS = spatial(8, 4) * local(1, 2), or write its text",
    )
