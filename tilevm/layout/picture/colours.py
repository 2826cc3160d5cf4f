"""Colours that stay apart for the colour-blind, all so light that black text is readable on them."""

from __future__ import annotations

from typing import TypeAlias

Rgb: TypeAlias = tuple[int, int, int]

HUES: tuple[Rgb, ...] = (  # the scheme "light" of Paul Tol, "Colour Schemes" (2021), in an order that sets them apart
    (0x99, 0xDD, 0xFF),
    (0xBB, 0xCC, 0x33),
    (0x44, 0xBB, 0x99),
    (0xEE, 0xDD, 0x88),
    (0xEE, 0x88, 0x66),
    (0x77, 0xAA, 0xDD),
    (0xAA, 0xAA, 0x00),
    (0xFF, 0xAA, 0xBB),
)
LEVELS = (0.0, 0.35, -0.2, 0.18, 0.45, -0.1, 0.09, 0.27)  # how far to white; below 0, to black
COUNT = len(HUES) * len(LEVELS)  # different colours


def spread(number: int) -> str:
    """The colour of a thread: neighbours differ in hue, and the first 64 all differ."""
    return shade(number, number // len(HUES))


def grouped(number: int, count: int) -> str:
    """The colour of one of ``count`` banks: each eighth of them has a hue, each of an eighth its own lightness."""
    group = max(1, count // len(HUES))
    return shade(number // group, number % group)


def shade(hue: int, level: int) -> str:
    """#rrggbb of a hue at a level; both begin anew after the last."""
    part = LEVELS[level % len(LEVELS)]
    end = 255 if part > 0 else 0
    return "#" + "".join(f"{round(c + (end - c) * abs(part)):02x}" for c in HUES[hue % len(HUES)])
