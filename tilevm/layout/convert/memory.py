"""What a round trip must know of a shared memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Banks:
    """``line``: bytes that one wavefront serves, all banks together. ``phases``: for each access of so many bytes a
    lane, the lanes served together, as the lane numbers whose ^-combinations they are.

    The default is NVIDIA's: 32 banks of 4 bytes; a warp, a half and a quarter of it for 4, 8 and 16 bytes.
    """

    line: int = 128
    phases: tuple[tuple[int, tuple[int, ...]], ...] = (
        (1, (1, 2, 4, 8, 16)),
        (2, (1, 2, 4, 8, 16)),
        (4, (1, 2, 4, 8, 16)),
        (8, (1, 2, 4, 8)),
        (16, (1, 2, 4)),
    )

    def phase(self, size: int, lanes: int) -> tuple[int, ...]:
        """Which of a warp's ``lanes`` are served together in accesses of ``size`` bytes."""
        return tuple(lane for lane in dict(self.phases)[size] if lane < lanes)

    @property
    def widest(self) -> int:
        """The most bytes of one access."""
        return max(size for size, _ in self.phases)


NVIDIA = Banks()
