"""A picture as one page that needs nothing else: what belongs together lights up where it is pointed at."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from tilevm.layout.picture.grid import Picture
from tilevm.layout.picture.svg import svg


def page(picture: Picture) -> str:
    """The page as HTML."""
    here = files("tilevm.layout.picture")
    style, script = (here.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    hint = "Point at an element, or step with the arrow keys."
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{view}\n'
        f"<title>{escape(picture.title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<p id="told" role="status" aria-live="polite">{hint}</p>\n'
        f"<main>\n{svg(picture, interactive=True)}</main>\n"
        f'<script>\n"use strict";\n{script}</script>\n</body>\n</html>\n'
    )
