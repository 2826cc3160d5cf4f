"""Rates of a family over a size, as SVG: a line a rival, with quartiles."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from tilevm.bench.gpu.case import OURS
from tilevm.bench.gpu.results import Results

WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM = 560, 320, 64, 128, 36, 44
COLOURS = {OURS: "#0b5cad", "torch": "#c2571a", "triton": "#4d8b31"}
OTHERS = ("#7a4fa3", "#8a8a8a")
STEPS = (1, 2, 2.5, 5, 10)  # that the axis goes by, times a power of ten
MARKS = 5  # on the axis of rates, about
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Point:
    at: float
    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Plot:
    """``lines``: rival to its points, from left to right."""

    title: str
    unit: str
    lines: Mapping[str, Sequence[Point]]

    def svg(self) -> str:
        axes = Axes.of(self)
        body = [*axes.drawn(self.unit)]
        for number, (name, points) in enumerate(self.lines.items()):
            body += drawn(name, points, axes, number)
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" height="{HIGH}"'
                f' font-family="sans-serif" font-size="12" role="img" aria-label="{escape(self.title)}">',
                f'<rect width="{WIDE}" height="{HIGH}" fill="white"/>',
                f'<text x="{LEFT}" y="20" font-size="14">{escape(self.title)}</text>',
                *body,
                "</svg>\n",
            ]
        )


@dataclass(frozen=True)
class Axes:
    """Places from left to right are equally far apart, as sizes that double are; rates begin at 0."""

    places: tuple[float, ...]
    top: float
    step: float

    @classmethod
    def of(cls, plot: Plot) -> Axes:
        points = [point for line in plot.lines.values() for point in line]
        highest = max(point.high for point in points)
        rough = highest / MARKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(s * power for s in STEPS if s * power >= rough)
        return cls(tuple(sorted({p.at for p in points})), math.ceil(highest / step) * step, step)

    def x(self, at: float) -> float:
        room = (WIDE - LEFT - RIGHT) / len(self.places)
        return LEFT + room * (self.places.index(at) + 0.5)

    def y(self, rate: float) -> float:
        return HIGH - BOTTOM - (HIGH - TOP - BOTTOM) * rate / self.top

    def drawn(self, unit: str) -> Iterator[str]:
        for number in range(round(self.top / self.step) + 1):
            y = self.y(number * self.step)
            yield f'<line x1="{LEFT}" x2="{WIDE - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>'
            yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{number * self.step:g}</text>'
        for at in self.places:
            yield f'<text x="{self.x(at):.1f}" y="{HIGH - BOTTOM + 18}" text-anchor="middle">{at:g}</text>'
        yield f'<text x="{LEFT - 48}" y="{TOP - 4}" font-size="11">{escape(unit)}</text>'


def drawn(name: str, points: Sequence[Point], axes: Axes, number: int) -> Iterator[str]:
    """A rival's line, dots and quartiles, and its name at the right."""
    colour = COLOURS.get(name, OTHERS[number % len(OTHERS)])
    path = " ".join(f"{axes.x(p.at):.1f},{axes.y(p.median):.1f}" for p in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for p in points:
        x = f"{axes.x(p.at):.1f}"
        yield f'<line x1="{x}" x2="{x}" y1="{axes.y(p.low):.1f}" y2="{axes.y(p.high):.1f}" stroke="{colour}"/>'
        yield f'<circle cx="{x}" cy="{axes.y(p.median):.1f}" r="3" fill="{colour}"/>'
    y = TOP + 10 + 18 * number
    yield f'<text x="{WIDE - RIGHT + 12}" y="{y}" fill="{colour}">{escape(name)}</text>'


def plots(found: Results) -> dict[str, Plot]:
    """File name to picture, of every family of several cases that differ in their size."""
    families: dict[str, list[Row]] = {}
    for row in found.rows:
        families.setdefault(row["family"], []).append(row)
    return {
        f"{name.replace(' ', '_')}.svg": plot(name, rows, found)
        for name, rows in families.items()
        if len({row["at"] for row in rows}) == len(rows) > 1
    }


def plot(family: str, rows: Sequence[Row], found: Results) -> Plot:
    lines: dict[str, list[Point]] = {}
    for row in sorted(rows, key=lambda row: row["at"]):
        for name, rival in row["rivals"].items():
            rate = rival["rate"]
            lines.setdefault(name, []).append(Point(row["at"], rate["low"], rate["median"], rate["high"]))
    return Plot(f"{family}, {found.machine['device']['name']}", rows[0]["unit"], lines)
