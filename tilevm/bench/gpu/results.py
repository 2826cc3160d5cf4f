"""Figures of a run as JSON, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tilevm.bench.gpu.case import OURS, Calls, Case, Problem
from tilevm.bench.gpu.clock import Taken
from tilevm.source import TileError

SCHEMA = 1  # of the files; another one is refused
KIND = "tilevm bench gpu"
RIGHT, WRONG = "right", "wrong"


@dataclass
class Results:
    """``machine``: what :func:`tilevm.bench.gpu.card.facts` tells. ``rows``: a case each. ``failed``: name and message
    of cases that ended in an error; ``left_out``: name and reason of those that did not begin."""

    machine: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    def data(self) -> dict[str, Any]:
        return {"kind": KIND, "schema": SCHEMA, **asdict(self)}

    def ceilings(self) -> dict[str, float]:
        """Unit to the largest rate of what is a ceiling."""
        found: dict[str, float] = {}
        for row in self.rows:
            if row["ceiling"]:
                best = max(rival["rate"]["median"] for rival in row["rivals"].values())
                found[row["unit"]] = max(found.get(row["unit"], 0.0), best)
        return found

    def sound(self) -> bool:
        """Whether every case that began was measured, and ours is right in each."""
        verdicts = (row["rivals"][OURS]["verdict"] for row in self.rows if OURS in row["rivals"])
        return not self.failed and all(verdict == RIGHT for verdict in verdicts)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.data(), indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Results:
    """The figures in a file. Raises TileError where it holds something else."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TileError(f"{path} cannot be read as figures: {error}") from error
    if not isinstance(held, dict) or held.get("kind") != KIND:
        raise TileError(f"{path} holds no figures of a GPU", help="`tilevm bench gpu --json FILE` writes some")
    if held.get("schema") != SCHEMA:
        raise TileError(
            f"{path} has schema {held.get('schema')}, and this version of tilevm reads {SCHEMA}",
            help="read it with the version that wrote it, or measure again",
        )
    return Results(held["machine"], held["rows"], held["failed"], held["left_out"], held["seconds"])


@dataclass(frozen=True)
class Judged:
    """A rival before it is timed: the way that was chosen, its calls, the largest error of all ways over its room, and
    why other ways did not run. ``tried``: the seconds that each way took when the choice was made."""

    way: str
    calls: Calls
    error: float
    refused: Mapping[str, str]
    tried: Mapping[str, float] = field(default_factory=dict)


def row(
    problem: Problem, case: Case, taken: Mapping[str, Taken], judged: Mapping[str, Judged], lost: Mapping[str, str]
) -> dict[str, Any]:
    """A case's figures. Rates are in its unit, quartiles from the lowest to the highest; errors over their room.

    ``lost``: why a peer was not timed, by its name.
    """
    return {
        "case": problem.name,
        "family": problem.family,
        "at": problem.at,
        "unit": case.unit,
        "work": case.work,
        "lead": case.rivals[0].name,
        "ceiling": problem.ceiling,
        "rivals": {name: rival(case, found, judged[name]) for name, found in taken.items()},
        "lost": dict(lost),
    }


def rival(case: Case, found: Taken, judged: Judged) -> dict[str, Any]:
    seconds = found.seconds
    rates = sorted(case.rate(each) for each in (seconds.low, seconds.median, seconds.high))
    return {
        "seconds": asdict(seconds),
        "rate": dict(zip(("low", "median", "high"), rates, strict=True)),
        "ratio": found.ratio and asdict(found.ratio),
        "timed": found.how,
        "way": judged.way,
        "refused": dict(judged.refused),
        "tried": dict(judged.tried),
        "error": judged.error if judged.error < float("inf") else None,
        "verdict": RIGHT if judged.error <= 1.0 else WRONG,
    }
