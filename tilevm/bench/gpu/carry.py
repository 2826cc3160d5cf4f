"""A folder that runs the tests of GPUs and the benchmark on a machine with a card and without a network.

It holds the checkout, the packages that are pure Python, machine code that was assembled here, and a script.
"""

from __future__ import annotations

import os
import pkgutil
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from tilevm.bench.gpu.card import commit
from tilevm.bench.gpu.case import OURS, Problem
from tilevm.bench.gpu.cases import PROBLEMS
from tilevm.bench.gpu.setting import BASE, ROOT, blank
from tilevm.source import TileError

CHECKOUT = ("tilevm", "frontend", "backends", "examples", "benchmarks", "tests", "pyproject.toml", "README.md")
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "*.pyc", "*.so", "results")
NEEDED = ("tilevm", "pytest", "pytest-xdist", "hypothesis")  # whose needs go along too
SCRIPTS = ("run.sh", "missing.py")
ARCHITECTURE = "sm_90"
CUBINS = "TILEVM_CUBINS"
MOST = 64 << 20  # bytes of the folder
Tell = Callable[[str], None]


@dataclass
class Carried:
    """What went into the folder. ``machine``: packages that the other machine has to have, for they are compiled."""

    kernels: int = 0
    packages: list[str] = field(default_factory=list)
    machine: list[str] = field(default_factory=list)
    size: int = 0

    def __str__(self) -> str:
        return (
            f"{self.size / 2**20:.1f} MiB: {self.kernels} kernels assembled, {len(self.packages)} packages "
            f"({', '.join(self.packages)}); the machine has to have {', '.join(self.machine)}"
        )


def carry(
    folder: Path,
    target: str = BASE,
    architecture: str = ARCHITECTURE,
    only: str = "",
    problems: Sequence[Problem] = PROBLEMS,
    tell: Tell = lambda line: None,
) -> Carried:
    """Fill ``folder``, which is new or empty. ``target``: of the code; ``architecture``: of the card.

    Raises TileError for a folder that holds something, outside of a checkout, without an assembler, and where more than
    MOST bytes came together.
    """
    if folder.exists() and any(folder.iterdir()):
        raise TileError(f"{folder} is not empty", help="name a new folder")
    absent = [name for name in CHECKOUT if not (ROOT / name).exists()]
    if absent:
        raise TileError(f"{ROOT} is no checkout of tilevm: it has no {absent[0]}", help="clone the repository")
    folder.mkdir(parents=True, exist_ok=True)
    copy_checkout(folder / "checkout")
    for script in SCRIPTS:
        shutil.copy2(ROOT / "benchmarks" / "carried" / script, folder / script)
    (folder / "commit").write_text(f"{commit() or 'unknown'}\n", encoding="utf-8")
    found = Carried()
    for name in packages():
        pure = copy_package(distribution(name), folder / "packages")
        (found.packages if pure else found.machine).append(name)
    found.kernels = assemble_all(folder / "cubins", target, architecture, only, problems, tell)
    found.size = sum(path.lstat().st_size for path in folder.rglob("*"))
    if found.size > MOST:
        raise TileError(f"{folder} has {found.size} bytes, and {MOST} are the most", help="carry fewer cases: --only")
    return found


def copy_checkout(to: Path) -> None:
    to.mkdir()
    for name in CHECKOUT:
        here = ROOT / name
        if here.is_dir():
            shutil.copytree(here, to / name, symlinks=True, ignore=LEFT_BEHIND)
        else:
            shutil.copy2(here, to / name)


def packages() -> list[str]:
    """What tilevm and its tests need at run time, by name, as far as it is installed here; tilevm itself is no part."""
    seen: dict[str, None] = {}
    left = list(NEEDED)
    while left:
        name = left.pop().lower().replace("_", "-")
        held = here(name)
        if name in seen or held is None:
            continue
        seen[name] = None
        left += needs(held)
    return sorted(name for name in seen if name != "tilevm")


def here(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def needs(held: Distribution) -> Iterator[str]:
    """The packages that another one cannot do without: those of its extras, or of other Pythons, may be missing."""
    for line in held.requires or ():
        found = re.match(r"[\w.-]+", line)
        if found and "extra ==" not in line:
            yield found[0]


def copy_package(held: Distribution, to: Path) -> bool:
    """Whether a package is pure Python; then it is copied to a folder of its own, with what tells of it."""
    if "Root-Is-Purelib: true" not in (held.read_text("WHEEL") or ""):
        return False
    for file in held.files or ():
        if ".." in file.parts or file.suffix == ".pyc":
            continue
        place = to / held.name / file
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(str(held.locate_file(file)), place)
    return True


def assemble_all(
    cubins: Path, target: str, architecture: str, only: str, problems: Sequence[Problem], tell: Tell
) -> int:
    """Assemble our kernels of the problems whose names hold ``only``; how many there were."""
    assemble = pkgutil.resolve_name("tilevm.backends.ptx.assemble:assemble")
    texts: set[str] = set()

    def visit(kernel: Any, args: Sequence[Any], constants: dict[str, Any]) -> None:
        compiled = kernel.compile(*args, target=target, **constants)
        text = compiled.stages["ptx"]
        if text not in texts:
            texts.add(text)
            counts = assemble(text, architecture).counts
            spilled = counts["spill_stores"] + counts["spill_loads"]
            tell(f"  {compiled.abi.name}: {counts['registers']} registers, {spilled} bytes spilled")

    before, os.environ[CUBINS] = os.environ.get(CUBINS), str(cubins)
    try:
        for problem in problems:
            if only.lower() in problem.name.lower():
                for way, calls in problem.make(blank(visit)).rivals_of(OURS):
                    tell(f"{problem.name}: {way}" if way else problem.name)
                    calls[0]()
    finally:
        os.environ.pop(CUBINS)
        if before is not None:
            os.environ[CUBINS] = before
    return len(texts)
