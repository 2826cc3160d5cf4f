"""Layouts as pictures: who holds what, or where it lies, as SVG and as a page."""
