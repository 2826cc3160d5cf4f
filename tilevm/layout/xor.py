"""Swizzles: invertible maps of offsets that flip bits by the parity of higher bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tilevm.layout.error import LayoutError, told

HIGHEST_BIT = 4096  # far beyond any memory; keeps the arithmetic of absurd bit numbers short


@dataclass(frozen=True, slots=True)
class Xor:
    """``rows`` of (target bit, mask of source bits): each target is flipped where an odd number of its sources is set.

    All rows read the offset as it was. Sources lie above their target, so the map is invertible and keeps the highest
    bit of every offset. Raises LayoutError for a target named twice, a source that is not above its target, and a bit
    beyond 4096.
    """

    rows: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        rows = tuple(sorted((target, sources) for target, sources in self.rows if sources))
        object.__setattr__(self, "rows", rows)
        for target, sources in rows:
            if target < 0 or sources < 0 or sources.bit_length() > HIGHEST_BIT:
                raise LayoutError(f"xor bits must be in 0 … {HIGHEST_BIT - 1}")
            if sources & ((2 << target) - 1):
                raise LayoutError(f"xor {spell_row(target, sources)}: a source bit must be above its target")
        for (target, _), (following, _) in pairwise(rows):
            if target == following:
                raise LayoutError(f"xor names target bit {target} twice")

    def __bool__(self) -> bool:
        return bool(self.rows)

    def __call__(self, offset: int) -> int:
        """Where ``offset`` goes."""
        flips = 0
        for target, sources in self.rows:
            flips |= ((offset & sources).bit_count() & 1) << target
        return offset ^ flips

    def __str__(self) -> str:
        return " ".join(spell_row(*row) for row in self.rows)

    @property
    def lowest(self) -> int:
        """The lowest target bit: runs of 2**lowest offsets stay whole. 0 without rows."""
        return self.rows[0][0] if self.rows else 0

    @property
    def period(self) -> int:
        """The offset from which on the map repeats: 2 to the bit above the highest source."""
        return 1 << max((sources.bit_length() for _, sources in self.rows), default=0)

    @property
    def reach(self) -> int:
        """Storage is a multiple of this: 2 to the bit above the highest target."""
        return 1 << (self.rows[-1][0] + 1) if self.rows else 1

    def inverse(self) -> Xor:
        """The map that undoes this one."""
        bits = self.period.bit_length() - 1
        found: dict[int, int] = {}
        for bit in range(bits):  # the image of bit under the inverse: flips come from above, so go down from it
            image = 1 << bit
            while (wrong := self(image) ^ (1 << bit)) != 0:
                image ^= 1 << (wrong.bit_length() - 1)
            for target in ones(image ^ (1 << bit)):
                found[target] = found.get(target, 0) | 1 << bit
        return Xor(tuple(found.items()))

    def then(self, following: Xor) -> Xor:
        """First this map, then ``following``."""
        bits = max(self.period, following.period).bit_length() - 1
        found: dict[int, int] = {}
        for bit in range(bits):
            for target in ones(following(self(1 << bit)) ^ (1 << bit)):
                found[target] = found.get(target, 0) | 1 << bit
        return Xor(tuple(found.items()))

    def shifted(self, bits: int) -> Xor:
        """The same map on offsets whose unit is 2**bits times finer (coarser when negative).

        So a swizzle of bytes becomes one of 4-bit elements by 1, and of 16-bit elements by -1. Raises LayoutError
        where a target would fall below bit 0: the coarser elements would be torn.
        """
        if self.rows and self.lowest + bits < 0:
            raise LayoutError(f"xor {self} flips bit {self.lowest}, inside elements of {1 << -bits} offsets")
        up, down = max(bits, 0), max(-bits, 0)
        return Xor(tuple((target + bits, sources << up >> down) for target, sources in self.rows))

    def within(self, live: int) -> Xor:
        """Without the source bits that no offset sets; ``live`` is the mask of those that some offset does."""
        return Xor(tuple((target, sources & live) for target, sources in self.rows))

    def swizzle(self) -> tuple[int, int, int] | None:
        """(bits, base, shift) when this is one Swizzle, else None."""
        targets = [target for target, _ in self.rows]
        if not targets or targets != list(range(targets[0], targets[0] + len(targets))):
            return None
        found = len(targets), targets[0], self.rows[0][1].bit_length() - 1 - targets[0]
        return found if Swizzle(*found) == self else None


PLAIN = Xor()  # changes nothing


def Swizzle(bits: int, base: int, shift: int) -> Xor:  # a constructor; users know the name from CuTe
    """CuTe's ``Swizzle<bits, base, shift>``: bits base … base+bits-1 are flipped by those ``shift`` above them.

    In the unit of the layout's offsets: for elements of 2 bytes, the 128-byte swizzle of TMA and wgmma is
    Swizzle(3, 3, 3). Raises LayoutError unless 0 ≤ bits, 0 ≤ base and 1 ≤ shift; a negative shift, which flips high
    bits by low ones, is refused.
    """
    numbers = bits, base, shift
    for number in numbers:
        if not isinstance(number, int) or not -HIGHEST_BIT <= number <= HIGHEST_BIT:
            raise LayoutError(f"Swizzle takes three ints of at most {HIGHEST_BIT}, not {told(number)}")
    if bits < 0 or base < 0:
        raise LayoutError(f"Swizzle{numbers}: bits and base must not be negative")
    if bits and shift < 1:
        raise LayoutError(f"Swizzle{numbers}: the shift must be 1 or more: high bits flip low ones")
    if base + bits + shift > HIGHEST_BIT:
        raise LayoutError(f"Swizzle{numbers} reaches beyond bit {HIGHEST_BIT}")
    return Xor(tuple((base + bit, 1 << (base + bit + shift)) for bit in range(bits)))


def ones(mask: int) -> Iterator[int]:
    """The bits that ``mask`` sets, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def spell_row(target: int, sources: int) -> str:
    return "^".join(map(str, (target, *ones(max(sources, 0)))))
