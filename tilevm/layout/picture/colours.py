"""Colours that stay apart for every eye: eight hues (Okabe and Ito, "Color Universal Design", 2008), made lighter."""

from __future__ import annotations

HUES = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (140, 140, 140),
)
TINTS = (0.35, 0.55, 0.72, 0.85)  # how much white: dark text is read on all of them


def colour(number: int) -> str:
    """``#rrggbb`` for a thread or group of banks: neighbours differ in hue, the next eight in lightness."""
    hue = HUES[number % len(HUES)]
    tint = TINTS[number // len(HUES) % len(TINTS)]
    return "#" + "".join(f"{round(part + (255 - part) * tint):02x}" for part in hue)
