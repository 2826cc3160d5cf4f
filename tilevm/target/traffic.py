"""Global memory: how many lines and sectors an access of a warp touches."""

from __future__ import annotations

from dataclasses import dataclass

from tilevm.target.banks import Addresses, check_addresses


@dataclass(frozen=True)
class GlobalMemory:
    """Bytes of a cache line, and of the least part of it that is fetched (the line, where that is not known)."""

    line_bytes: int
    sector_bytes: int


@dataclass(frozen=True)
class Traffic:
    """What an access touches, and the least for as many different bytes: aligned and without gaps."""

    sectors: int
    lines: int
    least_sectors: int
    least_lines: int


def traffic(addresses: Addresses, width: int, memory: GlobalMemory) -> Traffic:
    """The sectors and lines under ``width`` bytes a lane from byte address ``addresses[i]``; None is an idle lane.

    Raises LayoutError for a negative address, and for one that is not aligned to the width.
    """
    check_addresses(addresses, width, len(addresses))
    touched = {byte for address in addresses if address is not None for byte in range(address, address + width)}

    def parts(size: int) -> tuple[int, int]:
        return len({byte // size for byte in touched}), -(-len(touched) // size)

    sectors, least_sectors = parts(memory.sector_bytes)
    lines, least_lines = parts(memory.line_bytes)
    return Traffic(sectors, lines, least_sectors, least_lines)
