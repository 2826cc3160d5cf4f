"""Pictures of layouts: a grid of cells that says where each element lies, as SVG and as a page to hover over."""

from tilevm.layout.picture.draw import draw
from tilevm.layout.picture.html import html
from tilevm.layout.picture.model import Cell, Key, Panel, Picture
from tilevm.layout.picture.svg import svg

__all__ = ["Cell", "Key", "Panel", "Picture", "draw", "html", "svg"]
