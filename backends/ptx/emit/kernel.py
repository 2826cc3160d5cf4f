"""A function as PTX: the header, the parameters of the call, the body."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tilevm.abi import Entry, KernelAbi, Slot
from tilevm.ir import Func, threads
from tilevm.ir.rewrite import uses, walk
from tilevm.passes.threads.pressure import crowds
from tilevm.target import target
from tilevm.types import DType, Kind, u8

from ..records import Records
from . import arrays, atomics, control, lanes, memory, random, report, rings
from .access import from_words, stored_as
from .elements import Element, Known, Reg
from .integers import compare, cut
from .state import State
from .text import CLASSES, Text

RULES = (arrays, atomics, control, lanes, memory, random, report, rings)  # each adds its own to the table
SHARED = "smem"


@dataclass(frozen=True)
class Listing:
    """PTX of one kernel: the entry's name, the threads of a block, the bytes of its shared memory."""

    text: str
    name: str
    threads: int
    shared: int


def emit(func: Func) -> Listing:
    """The PTX of a thread-level function whose buffers have their places."""
    assert func.target is not None and func.warps is not None, f"{func.name} is not at thread level"
    machine = target(func.target)
    assert machine.since is not None, f"{machine.name} does not speak PTX"
    text = Text(machine.since)
    buffers = [op for op in walk(func.body) if isinstance(op, threads.SharedBuffer)]
    state = State(text, func, machine, uses(func.body), rings.units(func))
    abi = KernelAbi.of(func)
    text.locate(func.span)
    arguments(state, abi)
    records = Records.of(func)
    hidden = [parameter(len(abi.entries) + i) for i in range(len(report.PARAMETERS))] if records.sites else []
    if hidden:
        state.told = report.told(text, records, hidden)
    if buffers:
        state.shared = Reg(text.pure("r", "mov.u32", SHARED))
    state.run(func.body)
    text.line("ret")
    name = identifier(func.name)
    count = func.warps * machine.lanes
    lines = [
        *head(text, machine.name, bool(buffers)),
        *entry(name, abi, hidden),
        *limits(func, count),
        "{",
        *registers(text),
        *text.listed(),
        "}",
        "",
    ]
    return Listing("\n".join(lines), name, count, max((end_of(b) for b in buffers), default=0))


def identifier(name: str) -> str:
    """A name as PTX takes it: other letters than those of ASCII by their number."""
    return re.sub(r"[^A-Za-z0-9_$]", lambda m: f"$u{ord(m[0]):x}", name)


def end_of(buffer: threads.SharedBuffer) -> int:
    """The first byte behind a buffer."""
    assert buffer.at is not None, f"{buffer.result} was to be placed"
    return buffer.at + buffer.count * buffer.slots * buffer.of.numpy_bytes


def head(text: Text, machine: str, shared: bool) -> list[str]:
    """What stands before the entry."""
    lines = [f".version {text.version[0]}.{text.version[1]}", f".target {machine}", ".address_size 64", ""]
    lines += [f'.file {i} "{escaped(file)}"' for i, file in enumerate(text.files, 1)]
    return lines + ([f".extern .shared .align 1024 .b8 {SHARED}[];"] if shared else []) + [""]


def escaped(file: str) -> str:
    file = file.encode("ascii", "backslashreplace").decode()
    return file.replace("\\", "\\\\").replace('"', '\\"')


def limits(func: Func, count: int) -> list[str]:
    """How many threads the entry is for. Where registers are short, that one block may have them all: the assembler
    aims at several otherwise, and where it must spill has been seen to leave a thread 32."""
    return [f".reqntid {count}, 1, 1", *([".minnctapersm 1"] if crowds(func) else [])]


def entry(name: str, abi: KernelAbi, hidden: Sequence[str] = ()) -> list[str]:
    """The entry's name and parameters. ``hidden``: parameters behind the caller's."""
    params = [(kind_in_call(e), parameter(i), described(e)) for i, e in enumerate(abi.entries)]
    params += [("u64", name, told) for name, told in zip(hidden, report.PARAMETERS, strict=False)]
    lines = [f".visible .entry {name}("]
    for i, (kind, param, what) in enumerate(params, 1):
        lines.append(f"\t.param .{kind} {param}{',' if i < len(params) else ''} // {what}")
    return [*lines, ")"]


def parameter(number: int) -> str:
    return f"param_{number}"


def described(found: Entry) -> str:
    name = found.param.encode("ascii", "replace").decode()
    return name if found.slot in (Slot.POINTER, Slot.SCALAR) else f"{name}, {found.slot.value} {found.axis}"


def kind_in_call(found: Entry) -> str:
    """The type of a parameter: numbers of few bits in whole bytes, floats of 16 bits and less as their codes."""
    held = stored_as(found.dtype)
    if held.is_float and held.bits in (32, 64):
        return f"f{held.bits}"
    letter = "s" if held.kind is Kind.SIGNED else "u"
    return f"{letter}{held.bits}"


def registers(text: Text) -> list[str]:
    """The registers that the body uses."""
    used = ((kind, count) for kind, count in text.counts.items() if count)
    return [f"\t.reg .{CLASSES[kind]} %{kind}<{count}>;" for kind, count in used]


def arguments(s: State, abi: KernelAbi) -> None:
    """Everything that the call brings, loaded once."""
    params = {p.hint: p for p in s.func.params}
    for i, found in enumerate(abi.entries):
        value = params[found.param]
        kind = kind_in_call(found)
        name = s.t.pure("rd" if kind.endswith("64") else "r", f"ld.param.{kind}", f"[{parameter(i)}]")
        if found.slot is Slot.POINTER:
            s.bases[value] = Reg(s.t.pure("rd", "cvta.to.global.u64", name))
        elif found.slot is Slot.SCALAR:
            s.values[value] = (scalar(s.t, Reg(name), found.dtype),)
        else:
            s.arguments[found.param, found.slot, found.axis] = Reg(name)


def scalar(t: Text, x: Reg, dtype: DType) -> Element:
    """A number that was passed in whole bytes."""
    held = stored_as(dtype)
    if dtype.is_bool:
        return compare(t, u8, "ne", x, Known(0))
    if held.bits == dtype.bits:
        return x
    if held.bits == 64:
        return cut(t, x, dtype)
    (found,) = from_words(t, [x], dtype, held, 1)
    return found
