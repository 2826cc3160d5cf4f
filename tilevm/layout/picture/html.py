"""A picture as a page: nothing is loaded, and pointing at a cell shows all that its owner holds."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from tilevm.layout.picture.model import Picture
from tilevm.layout.picture.svg import printable, svg

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
{drawing}</main>
<footer>
<p id="facts" role="status" aria-live="polite"></p>
<p id="help">Point at a cell, or move with Tab and the arrow keys; Enter keeps what is shown, Escape lets it go.</p>
</footer>
<script>
{script}</script>
</body>
</html>
"""


def html(picture: Picture) -> str:
    """The text of an HTML file that needs no other: SVG, style and script stand in it."""
    return PAGE.format(
        title=escape(printable(picture.title)), style=own("page.css"), drawing=svg(picture), script=own("page.js")
    )


def own(name: str) -> str:
    """A file that lies beside this one."""
    return files("tilevm.layout.picture").joinpath(name).read_text(encoding="utf-8")
