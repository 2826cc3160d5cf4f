"""``python -m tilevm.report.docs``: writes anew what in the documents follows from the code, pictures too.

A document holds them between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; the rest is written by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from tilevm.report import algebra, formats, instructions, language, machines
from tilevm.report.pictures import gallery
from tilevm.source import TileError
from tilevm.text import read_func

ROOT = Path(__file__).resolve().parents[2]
EVERY = "tests/text/every.tvm"  # a function with every instruction in it; a test holds it complete
EVERY_OF_THREADS = "tests/text/every_thread.tvm"
GRAMMAR = "tilevm/text/grammar.lark"
PART = re.compile(r"<!-- begin ([\w ]+) -->\n(.*?)<!-- end \1 -->\n", re.DOTALL)

Part = Callable[[Path], str]


def figured(name: str, root: Path) -> str:
    return gallery.figure(name)


PARTS: Mapping[str, Part] = {
    "instructions": lambda root: instructions.instructions(read_func((root / EVERY).read_text(encoding="utf-8"))),
    "thread instructions": lambda root: instructions.instructions(
        read_func((root / EVERY_OF_THREADS).read_text(encoding="utf-8"))
    ),
    "grammar": lambda root: f"```\n{(root / GRAMMAR).read_text(encoding='utf-8')}```",
    "passes": lambda root: instructions.passes(),
    "functions": lambda root: language.functions(),
    "operators": lambda root: language.operators(),
    "refused": lambda root: language.refused(),
    "samples": lambda root: language.values(),
    "callers": lambda root: language.callers(),
    "dtypes": lambda root: language.dtypes(),
    "formats": lambda root: formats.table(),
    "codec": lambda root: formats.codec(),
    "scales": lambda root: formats.scales(),
    "limits": lambda root: machines.limits_part(),
    "banks": lambda root: machines.banks_part(),
    "copies": lambda root: machines.copies_part(),
    "atoms": lambda root: machines.atoms_part(),
    "constructors": lambda root: algebra.constructors(),
    "views": lambda root: algebra.views(),
    "cute": lambda root: algebra.cute(),
    **{f"picture {name}": partial(figured, name) for name in gallery.GALLERY},
}


def renewed(text: str, root: Path = ROOT, parts: Mapping[str, Part] = PARTS) -> str:
    """A document with its generated parts made anew. Raises TileError for a part that nothing makes."""

    def made(found: re.Match[str]) -> str:
        name = found[1]
        if name not in parts:
            raise TileError(f"no part of a document is called {name!r}", help=f"known: {', '.join(parts)}")
        return f"<!-- begin {name} -->\n\n{parts[name](root)}\n\n<!-- end {name} -->\n"

    return PART.sub(made, text)


def files(root: Path = ROOT) -> Iterator[tuple[Path, str]]:
    """Every document and every picture in one, as it should be."""
    for path in sorted((root / "docs").glob("*.md")):
        yield path, renewed(path.read_text(encoding="utf-8"), root)
    for name, shown in gallery.GALLERY.items():
        yield root / "docs" / "pictures" / f"{name}.svg", shown.svg()


def main() -> None:
    """Renew every document and picture that has changed."""
    for path, after in files():
        if not path.exists() or path.read_text(encoding="utf-8") != after:
            path.parent.mkdir(exist_ok=True)
            path.write_text(after, encoding="utf-8", newline="\n")
            sys.stdout.write(f"{path.relative_to(ROOT)} renewed\n")


if __name__ == "__main__":
    main()
