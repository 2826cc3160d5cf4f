"""All of a kernel that a card needs, as bytes: what is kept for other processes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ..assemble import Machine
from ..emit import Listing


@dataclass(frozen=True)
class Code:
    """A kernel's PTX; ``machine``: its machine code, where it was assembled here; ``writes``: the parameters whose
    memory it writes to."""

    listing: Listing
    target: str
    writes: tuple[str, ...]
    machine: Machine | None

    def pack(self) -> bytes:
        """A line of JSON, and the machine code."""
        cubin = b"" if self.machine is None else self.machine.cubin
        made = None if self.machine is None else (self.machine.counts, self.machine.advice)
        return json.dumps((asdict(self.listing), self.target, self.writes, made)).encode() + b"\n" + cubin

    @classmethod
    def unpack(cls, data: bytes) -> Code:
        """What :meth:`pack` made."""
        line, _, cubin = data.partition(b"\n")
        listing, target, writes, made = json.loads(line)
        machine = None if made is None else Machine(cubin, made[0], tuple(made[1]))
        return cls(Listing(**listing), target, tuple(writes), machine)
