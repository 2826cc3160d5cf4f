"""PTX to machine code, by ptxas or by nvJitLink in process; what it says of registers, and where it errs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tilevm.source import Note, Span, TileError

from .jitlink import knows, link, linker, major as jitlink_major
from .shelf import key, shelf

VARIABLE = "TILEVM_PTXAS"
COUNTS = {
    "registers": r"Used (\d+) registers",
    "barriers": r"used (\d+) barriers",
    "shared": r"(\d+) bytes smem",
    "stack": r"(\d+) bytes stack frame",
    "spill_stores": r"(\d+) bytes spill stores",
    "spill_loads": r"(\d+) bytes spill loads",
}
REGISTER, MOST = 4, 255  # bytes of a register, and how many a thread can have
ONE_BLOCK = ".minnctapersm 1"
THREADS = re.compile(r"^\.reqntid .*$", re.MULTILINE)
ADVICE = re.compile(r"^.*\(C75\d\d\).*$", re.MULTILINE)
ERROR = re.compile(r"line (\d+); error\s*: (.*)")
LOC = re.compile(r"\s*\.loc (\d+) (\d+) (\d+)")
FILE = re.compile(r'\.file (\d+) "(.*)"')


class AssemblyWarning(UserWarning):
    """What the assembler had to do that costs time: spill registers to memory, or put in waits."""


@dataclass(frozen=True)
class Machine:
    """Machine code of one kernel. ``counts``: registers, barriers, and bytes of shared memory, stack and spills.

    ``advice``: what the assembler warns of, such as waits that it had to put in.
    """

    cubin: bytes
    counts: dict[str, int]
    advice: tuple[str, ...]

    def data(self) -> bytes:
        """A line of JSON with what was said, and the machine code."""
        return json.dumps([self.counts, self.advice]).encode() + b"\n" + self.cubin

    @classmethod
    def read(cls, data: bytes) -> Machine:
        """What :meth:`data` was taken of."""
        line, _, cubin = data.partition(b"\n")
        counts, advice = json.loads(line)
        return cls(cubin, counts, tuple(advice))


@cache
def assembler() -> Path | None:
    """ptxas: the one that ``TILEVM_PTXAS`` names, on the path, or of the package nvidia-cuda-nvcc.

    Raises TileError where the variable names what is no file.
    """
    if named := os.environ.get(VARIABLE):
        if not Path(named).is_file():
            raise TileError(f"{VARIABLE} is {named!r}, which is no file", help=f"unset {VARIABLE}, or name ptxas")
        return Path(named)
    if found := shutil.which("ptxas"):
        return Path(found)
    packages = Path(sysconfig.get_path("purelib")) / "nvidia"
    return next((p for part in ("cu*/bin", "cuda_nvcc/bin") for p in sorted(packages.glob(f"{part}/ptxas"))), None)


@cache
def release() -> str | None:
    """The version of ptxas, such as 13.0.88; None where there is none, or another program stands for it."""
    path = assembler()
    if path is None:
        return None
    said = subprocess.run([str(path), "--version"], capture_output=True, text=True).stdout
    found = re.search(r"V(\d+\.\d+\.\d+)", said)
    return found[1] if found else None


def major() -> int | None:
    """The major number of the CUDA that the assembler here is of; None where there is none, or it does not tell."""
    if assembler() is None:
        return jitlink_major() if linker() is not None else None
    number = release()
    return int(number.partition(".")[0]) if number else None


def made_by() -> str:
    """What makes machine code here, and its version where it tells; nothing where there is none."""
    if path := assembler():
        return f"ptxas {release() or path}"
    return f"{linker() or ''}"


@cache
def takes(machine: str) -> bool:
    """Whether the assembler here makes code for a machine such as sm_90."""
    if path := assembler():
        told = subprocess.run([str(path), "--help"], capture_output=True, text=True).stdout
        return re.search(rf"'{machine}'", told) is not None
    return linker() is not None and knows(machine)


def at_hand() -> bool:
    """Whether PTX can be assembled here."""
    return assembler() is not None or linker() is not None


def assemble(text: str, target: str, options: Sequence[str] = ()) -> Machine:
    """Machine code of PTX for a target such as sm_80: of the shelf, where it lies there.

    Raises TileError where there is no assembler, or it refuses the text: at the line of the kernel.
    """
    folder = shelf()
    if folder is None:
        return assembled(text, target, options)
    place = key(text, target, options)
    held = folder.get(place)
    if held is not None:
        return Machine.read(held)
    made = assembled(text, target, options)
    folder.put(place, made.data())
    return made


def shelved(text: str, target: str) -> bool:
    """Whether machine code of PTX lies on the shelf, so that no assembler is needed."""
    folder = shelf()
    return folder is not None and folder.get(key(text, target, ())) is not None


def assembled(text: str, target: str, options: Sequence[str]) -> Machine:
    """The same by the assembler. Where it spills more than a thread keeps, also with a processor's registers for one
    block, and what spills less: it aims at several blocks else, and has been seen to leave a thread 32 for that."""
    made, alone = once(text, target, options), for_one_block(text)
    kept = made.counts["registers"]
    if alone == text or kept >= MOST or spilled(made) <= REGISTER * kept:
        return made
    return min(made, once(alone, target, options), key=spilled)


def for_one_block(text: str) -> str:
    """PTX that says so, unless it does already."""
    return text if ONE_BLOCK in text else THREADS.sub(rf"\g<0>\n{ONE_BLOCK}", text)


def spilled(made: Machine) -> int:
    """Bytes that go to memory and come back, as instructions."""
    return made.counts["spill_stores"] + made.counts["spill_loads"]


def once(text: str, target: str, options: Sequence[str]) -> Machine:
    """Machine code of the text as it is."""
    if path := assembler():
        log, cubin = run(path, text, target, options)
    elif linker() is not None:
        log, cubin = link(text, target, options)
    else:
        help = f"pip install nvidia-cuda-nvcc or nvidia-nvjitlink, or set {VARIABLE}"
        raise TileError(f"there is no assembler of PTX for {target}", help=help)
    if cubin is None:
        raise refusal(text, target, log)
    return Machine(cubin, dict(counted(log)), tuple(m.strip() for m in ADVICE.findall(log)))


def run(path: Path, text: str, target: str, options: Sequence[str]) -> tuple[str, bytes | None]:
    """What ptxas says, and the machine code unless it refuses."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "kernel.ptx"), Path(folder, "kernel.cubin")
        source.write_text(text, encoding="ascii")
        command = [str(path), "-v", "-arch", target, *options, "-o", str(made), str(source)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as error:
            raise TileError(f"{path} cannot be run: {error.strerror}", help=f"set {VARIABLE} to ptxas") from error
        return done.stdout + done.stderr, made.read_bytes() if done.returncode == 0 else None


def counted(log: str) -> Iterator[tuple[str, int]]:
    """What the assembler counted; 0 of what it does not tell."""
    for name, pattern in COUNTS.items():
        found = re.search(pattern, log)
        yield name, int(found[1]) if found else 0


def refusal(text: str, target: str, log: str) -> TileError:
    """The error of an assembler, at the line of the kernel that its line of PTX came from; the PTX is kept."""
    with tempfile.NamedTemporaryFile("w", prefix="tilevm-", suffix=".ptx", delete=False, encoding="ascii") as kept:
        kept.write(text)
    found = ERROR.search(log)
    message = found[2].strip() if found else log.strip()
    lines = text.splitlines()
    number = int(found[1]) if found else 0
    notes = [Note(f"the PTX is in {kept.name}")]
    if 0 < number <= len(lines):
        notes.insert(0, Note(f"line {number} of the PTX: {lines[number - 1].strip()}"))
    help = "this is a fault of tilevm: please report it with the PTX"
    return TileError(f"the assembler for {target} refuses: {message}", origin(lines[:number]), notes, help)


def origin(lines: Sequence[str]) -> Span | None:
    """The place in the kernel of the last of some lines of PTX."""
    located = next((m for line in reversed(lines) if (m := LOC.match(line))), None)
    if located is None:
        return None
    files = {m[1]: m[2] for line in lines if (m := FILE.match(line))}
    line, column = int(located[2]), int(located[3]) - 1
    return Span(files.get(located[1], "<kernel>"), line, column, line, column + 1)
