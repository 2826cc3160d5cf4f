"""Instructions of a kernel counted by class: of PTX, and of machine code as cuobjdump lists it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tilevm.source import TileError

CLASSES = (
    "mma",
    "ldmatrix",
    "copy",
    "shared",
    "global",
    "spill",
    "float",
    "integer",
    "move",
    "control",
)  # copy: asynchronous ones
Prefixes = tuple[tuple[str, str], ...]
PTX: Prefixes = (  # the first that begins the name counts
    *(("mma.", "mma"), ("wgmma.mma", "mma"), ("ldmatrix", "ldmatrix"), ("cp.async.commit", "control")),
    *(("cp.async.wait", "control"), ("cp.async", "copy"), ("ld.shared", "shared"), ("st.shared", "shared")),
    *(("ld.global", "global"), ("st.global", "global"), ("ld.local", "spill"), ("st.local", "spill")),
    *(("bra", "control"), ("ret", "control"), ("bar", "control"), ("mov", "move"), ("ex2", "float")),
)
SASS: Prefixes = (
    *(("HMMA", "mma"), ("IMMA", "mma"), ("LDSM", "ldmatrix"), ("LDGSTS", "copy"), ("LDGDEPBAR", "control")),
    *(("LDS", "shared"), ("STS", "shared"), ("LDG", "global"), ("STG", "global"), ("LDL", "spill"), ("STL", "spill")),
    *(
        (name, "control")
        for name in ("BRA", "BAR", "CALL", "RET", "EXIT", "DEPBAR", "BSSY", "BSYNC", "NOP", "WARPSYNC")
    ),
    *((name, "move") for name in ("MOV", "UMOV", "CS2R", "R2UR", "S2R")),
    *((name, "float") for name in ("FADD", "FMUL", "FFMA", "FMNMX", "FSETP", "FSEL", "MUFU", "F2FP", "F2F", "HADD")),
)
FLOATS = re.compile(r"\.(f16|bf16|f32|f64)")
LINE = re.compile(r"^\s*(?:@!?%?\w+\s+)?([a-z][\w.:]*)(?:\s+([^;]*))?;")
LABEL = re.compile(r"^\s*(\$?\w+):")
COPIED = re.compile(r"\][^\]]*\],\s*(0x[0-9a-f]+|\d+)")
LISTED = re.compile(r"^\s*/\*([0-9a-f]{4,})\*/\s+(@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)(.*?);")
TARGET = re.compile(r"0x([0-9a-f]+)")
WIDTHS = {"128": 16, "64": 8, "U16": 2, "S16": 2, "U8": 1, "S8": 1}


@dataclass(frozen=True)
class Instruction:
    """One instruction: what it is called, its class, and for one that reaches memory the bytes of a thread."""

    name: str
    kind: str
    width: int | None = None


@dataclass(frozen=True)
class Code:
    """The instructions of a kernel in order, and its loops as first and last instruction."""

    instructions: tuple[Instruction, ...]
    loops: tuple[tuple[int, int], ...]
    renaming: bool = False  # whether moves are mere names, which the assembler takes away

    @property
    def main(self) -> tuple[Instruction, ...]:
        """The loop with the most products, of those with as many the shortest; all where there is no loop."""
        found = [self.instructions[first : last + 1] for first, last in self.loops]
        return max(found, key=lambda held: (sum(i.kind == "mma" for i in held), -len(held)), default=self.instructions)

    def data(self) -> dict[str, object]:
        """Counts: of all, of the main loop by class, and of its accesses by the bytes of a thread."""
        main = self.main
        counts = Counter(i.kind for i in main)
        widths = {
            kind: dict(sorted(Counter(str(i.width) for i in main if i.kind == kind and i.width).items()))
            for kind in ("copy", "shared", "global")
        }
        return {
            "instructions": len(self.instructions),
            "spills": sum(i.kind == "spill" for i in self.instructions),
            "loop": {"all": len(main), **{kind: counts[kind] for kind in CLASSES}},
            "mma_share": counts["mma"] / max(1, len(main) - self.renaming * counts["move"]),
            "widths": widths,
        }


def classed(name: str, table: Prefixes) -> str:
    return next((kind for prefix, kind in table if name.startswith(prefix)), "integer")


def ptx(text: str) -> Code:
    """The instructions of the one kernel in a text of PTX."""
    found: list[Instruction] = []
    labels: dict[str, int] = {}
    branches: list[tuple[int, str]] = []
    for line in text.splitlines():
        if label := LABEL.match(line):
            labels[label[1]] = len(found)
        if not (at := LINE.match(line)):
            continue
        name, rest = at[1], (at[2] or "").strip()
        kind = classed(name, PTX)
        if kind == "integer" and FLOATS.search(name):
            kind = "float"
        if name.startswith("bra"):
            branches.append((len(found), rest))
        found.append(Instruction(name, kind, width(name, rest, kind)))
    loops = tuple((labels[to], at) for at, to in branches if labels.get(to, at + 1) <= at)
    return Code(tuple(found), loops, renaming=True)


def width(name: str, rest: str, kind: str) -> int | None:
    """The bytes that an instruction of PTX moves for each thread."""
    if kind == "copy":
        found = COPIED.search(rest)
        return int(found[1], 0) if found else None
    if kind not in ("shared", "global"):
        return None
    bits, vector = re.search(r"\.[bsuf](\d+)$", name), re.search(r"\.v(\d)", name)
    return int(bits[1]) // 8 * (int(vector[1]) if vector else 1) if bits else None


def sass(text: str) -> Code:
    """The instructions of the one kernel in what cuobjdump lists."""
    found: list[Instruction] = []
    at: dict[int, int] = {}
    branches: list[tuple[int, int]] = []
    for line in listed(text):
        address, guard, name, rest = int(line[1], 16), (line[2] or "").strip(), line[3], line[4]
        at[address] = len(found)
        if name.startswith("BRA") and (to := TARGET.search(rest)) and int(to[1], 16) < address:
            branches.append((len(found), int(to[1], 16)))
        kind = classed(name, SASS)
        never = guard == "@!PT"  # what the assembler puts before copies: it is issued, and touches nothing
        reach = kind in ("copy", "shared", "global") and not never
        found.append(Instruction(name, kind, of_name(name) if reach else None))
    return Code(tuple(found), tuple((at[to], last) for last, to in branches))


def listed(text: str) -> Iterator[re.Match[str]]:
    return (found for line in text.splitlines() if (found := LISTED.match(line)))


def of_name(name: str) -> int:
    """The bytes of a thread that an access of machine code says."""
    return next((WIDTHS[part] for part in name.split(".")[1:] if part in WIDTHS), 4)


def program(name: str) -> Path | None:
    """A program of the toolkit: on the path, or of its package."""
    if found := shutil.which(name):
        return Path(found)
    packages = Path(sysconfig.get_path("purelib")) / "nvidia"
    return next((path for path in sorted(packages.glob(f"*/bin/{name}"))), None)


def disassembled(cubin: bytes) -> str | None:
    """Machine code as cuobjdump lists it; None where it or nvdisasm is missing.

    Raises TileError where it fails.
    """
    lists, reads = program("cuobjdump"), program("nvdisasm")
    if lists is None or reads is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernel.cubin")
        path.write_bytes(cubin)
        env = {**os.environ, "PATH": f"{reads.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        done = subprocess.run([str(lists), "-sass", str(path)], capture_output=True, text=True, env=env)
    if done.returncode:
        raise TileError(f"{lists} fails: {done.stderr.strip()}", help="repair or uninstall nvidia-cuda-cuobjdump")
    return done.stdout
