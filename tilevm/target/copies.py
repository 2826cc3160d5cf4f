"""Instructions that move data, as records: which spaces, how many bytes a thread, how they are waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Space: TypeAlias = Literal["global", "shared", "registers"]
Wait: TypeAlias = Literal["use", "group", "mbarrier", "counter"]


@dataclass(frozen=True)
class CopyAtom:
    """A copy that every thread does for itself.

    ``widths``: bytes that one thread may move, aligned to as many (12 to 4). ``wait``: how the end is known: by the
    first ``use`` of the result, by ``group`` (commit and wait), by ``mbarrier``, by ``counter`` (vmcnt, lgkmcnt).
    ``fills``: bytes past a given size become zero. ``together``: the destination is one address for the warp, and lane
    i writes at that + i·max(width, 4), so a swizzle must be made on the side of the source.
    ``transposes``: bits of the elements that lanes exchange on the way, 0 for none; which lane gets which is not
    described here. ``since``: the lowest PTX version.
    """

    name: str
    source: Space
    destination: Space
    widths: tuple[int, ...]
    wait: Wait = "use"
    fills: bool = False
    together: bool = False
    transposes: int = 0
    since: tuple[int, int] | None = None


@dataclass(frozen=True)
class Box:
    """What a descriptor of a tensor in global memory may say.

    ``ranks`` dims; a box has up to ``extent`` elements a dim, rows of a multiple of ``row_bytes``, strides that are
    multiples of ``stride_bytes`` and below ``stride_end``; ``swizzles``: spans in bytes within which 16-byte chunks are
    permuted, chunk ^= (byte address >> 7) mod (span / 16), 0 for none. Rows may not be longer than the span.
    """

    ranks: tuple[int, ...]
    extent: int
    row_bytes: int
    stride_bytes: int
    stride_end: int
    swizzles: tuple[int, ...]


@dataclass(frozen=True)
class BulkCopy:
    """A copy that one thread asks for and the machine does.

    Without ``box`` it moves a run of bytes; sizes are multiples of ``multiple``, addresses aligned to ``align``.
    ``multicast``: it can write to several blocks of a cluster.
    """

    name: str
    source: Space
    destination: Space
    wait: Wait
    since: tuple[int, int]
    multiple: int = 16
    align: int = 16
    box: Box | None = None
    multicast: bool = False
