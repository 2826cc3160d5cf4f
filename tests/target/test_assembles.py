"""Names, operand counts and versions of NVIDIA's instructions, against the assembler where there is one."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence

import pytest

from tilevm.target import TARGETS, BulkCopy, CopyAtom, MatrixCopy, MmaAtom, target
from tilevm.types import DType, f32, f64

PTXAS = shutil.which("ptxas")


def release() -> int:
    """The first number of the assembler's version; 0 where there is none."""
    if PTXAS is None:
        return 0
    told = subprocess.run([PTXAS, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"release (\d+)", told)
    return int(found[1]) if found else 0


pytestmark = pytest.mark.skipif(release() < 13, reason="there is no ptxas 13 here, whose versions the records tell")
PTX = [name for name in TARGETS if target(name).vendor == "nvidia"]
Version = tuple[int, int]
BEFORE = {(7, 1): (7, 0), (8, 4): (8, 3), (8, 7): (8, 6)}  # versions of PTX that ptxas takes
NS = (8, 24, 48, 128)  # of the many n of wgmma

HEAD = ".version {0}.{1}\n.target {2}\n.address_size 64\n"
KERNEL = """.visible .entry k{0}() {{
.reg .b32 %r<300>; .reg .f32 %f<300>; .reg .f64 %d<64>; .reg .b64 %l<8>; .reg .pred %p;
{1}
ret; }}
"""


def assembled(lines: Sequence[str], machine: str, version: Version) -> str:
    """What ptxas says of a kernel for each of ``lines``; nothing where it takes them."""
    kernels = "".join(KERNEL.format(n, line) for n, line in enumerate(lines))
    done = subprocess.run(
        [str(PTXAS), "-O0", "-arch", machine, "-o", "/dev/null", "-"],
        input=HEAD.format(*version, machine) + kernels,
        capture_output=True,
        text=True,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr or "refused"


def registers(words: int, dtype: DType | None = None) -> str:
    letter, each = ("d", 2) if dtype is f64 else ("f" if dtype is f32 else "r", 1)
    return "{" + ", ".join(f"%{letter}{i}" for i in range(words // each)) + "}"


def spelled(atom: MmaAtom) -> str:
    """One use of an atom, with as many registers as its record says."""
    a, b, c = atom.words
    result = registers(c, atom.c_dtype)
    if atom.threads == 32:
        return f"{atom.name} {result}, {registers(a, atom.a_dtype)}, {registers(b, atom.b_dtype)}, {result};"
    left = "%l0" if atom.a is None else registers(a)
    signs = ", 1, 1" if atom.a_dtype.is_float else ""
    turns = ", 0" * (1 + (atom.a is None)) if "mn" in atom.majors else ""
    return f"wgmma.fence.sync.aligned;\n{atom.name} {result}, {left}, %l1, %p{signs}{turns};"


def needed(machine: str, since: Version | None) -> Version:
    own = target(machine).since
    assert own is not None
    return max(own, since or own)


def by_version(machine: str) -> dict[Version, list[MmaAtom]]:
    found: dict[Version, list[MmaAtom]] = {}
    for atom in target(machine).mma_atoms:
        if atom.threads == 32 or atom.n in NS:
            found.setdefault(needed(machine, atom.since), []).append(atom)
    return found


@pytest.mark.parametrize("machine", PTX)
def test_every_atom_assembles_from_its_version_on(machine: str) -> None:
    for version, atoms in by_version(machine).items():
        assert assembled([spelled(atom) for atom in atoms], machine, version) == ""


@pytest.mark.parametrize("machine", PTX)
def test_no_atom_assembles_before_its_version(machine: str) -> None:
    for version, atoms in by_version(machine).items():
        if version in BEFORE and needed(machine, None) < version:
            for kind in {(*atom.shape[2:], atom.a_dtype, atom.c_dtype): atom for atom in atoms}.values():
                assert assembled([spelled(kind)], machine, BEFORE[version]), kind.name


@pytest.mark.parametrize("machine", [name for name in PTX if not target(name).bulk_copies])
def test_what_older_machines_lack_is_refused(machine: str) -> None:
    held = {(atom.name, atom.a is None) for atom in target(machine).mma_atoms}
    newer = [a for a in target("sm_90a").mma_atoms if (a.name, a.a is None) not in held and a.n == 8]
    for atom in newer:
        assert assembled([spelled(atom)], machine, (9, 0)), atom.name


def uses(copy: CopyAtom | MatrixCopy | BulkCopy) -> Iterator[str]:
    """A use of a copy in each of its widths."""
    if isinstance(copy, MatrixCopy):
        ends = ["[%l0]", registers(copy.words)]
        yield f"{copy.name} {', '.join(ends if copy.source == 'registers' else ends[::-1])};"
    elif isinstance(copy, BulkCopy):
        yield bulk(copy)
    elif copy.name.startswith("cp"):
        yield from (f"{copy.name} [%l0], [%l1], {width}, %r0;" for width in copy.widths)
    else:
        for width in copy.widths:
            count = max(1, width // 4)
            vector, kind = f".v{count}" if count > 1 else "", f"b{8 * min(width, 4)}"
            value = registers(count) if count > 1 else "%r0"
            ends = ["[%l0]", value] if copy.source == "registers" else [value, "[%l0]"]
            yield f"{copy.name}{vector}.{kind} {', '.join(ends)};"


def bulk(copy: BulkCopy) -> str:
    stem = copy.name.replace(".tensor", ".tensor.2d")
    reduce = ".add" if "reduce" in copy.name else ""
    wait = ".mbarrier::complete_tx::bytes" if copy.wait == "mbarrier" else ".bulk_group"
    far = "[%l1, {%r1, %r2}]" if copy.box else "[%l1]"
    ends = [far, "[%l0]"] if copy.destination == "global" else ["[%l0]", far]
    size = [] if copy.box else ["%r0"]
    barrier = ["[%l2]"] if copy.wait == "mbarrier" else []
    return f"{stem}{reduce}{wait} {', '.join(ends + size + barrier)};"


@pytest.mark.parametrize("machine", PTX)
def test_every_copy_assembles(machine: str) -> None:
    it = target(machine)
    for copy in (*it.copies, *it.matrix_copies, *it.bulk_copies):
        assert assembled(list(uses(copy)), machine, needed(machine, copy.since)) == "", copy.name
