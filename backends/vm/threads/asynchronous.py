"""Copies that run on their own: in flight from their issue until the wait that covers their group."""

from __future__ import annotations

from dataclasses import dataclass, field

from tilevm.ir import Op

from ..rounding import Array


@dataclass(frozen=True)
class Copy:
    """What lands: elements ``raw`` (n, width) at ``index``, with their ``cells``, by ``warps`` (n,)."""

    op: Op
    units: Array
    index: Array
    cells: Array
    warps: Array
    raw: Array


@dataclass(frozen=True)
class Ticket:
    """That a group was closed: its number, from 0."""

    group: int


@dataclass
class Copies:
    """The groups of a block's threads. They are alike in all threads, as all run the same instructions.

    ``groups``: those not landed yet; the first of them has the number ``landed``.
    """

    open: list[Copy] = field(default_factory=list)
    groups: list[list[Copy]] = field(default_factory=list)
    landed: int = 0

    def commit(self) -> Ticket:
        """Close the group of what was begun since the last one."""
        self.groups.append(self.open)
        self.open = []
        return Ticket(self.landed + len(self.groups) - 1)

    def wait(self, pending: int) -> list[Copy]:
        """What lands when all groups but the last ``pending`` must have."""
        count = max(0, len(self.groups) - pending)
        done, self.groups = self.groups[:count], self.groups[count:]
        self.landed += count
        return [copy for group in done for copy in group]

    def await_(self, ticket: Ticket) -> list[Copy]:
        """What lands when this group, and so all before it, must have."""
        return self.wait(max(0, self.landed + len(self.groups) - 1 - ticket.group))
