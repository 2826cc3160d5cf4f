"""Blocks on a processor, as NVIDIA's calculator counts them."""

import pytest

from tilevm.target import occupancy, target


@pytest.mark.parametrize(
    ("name", "threads", "registers", "shared", "blocks"),
    [
        ("sm_80", 128, 255, 0, 2),  # 64 K registers hold 8 warps of 256 each
        ("sm_80", 256, 128, 49152, 2),  # 16 warps
        ("sm_80", 256, 128, 98304, 1),  # 164 KiB hold one of 97
        ("sm_80", 128, 32, 0, 16),  # 64 warps
        ("sm_80", 32, 16, 0, 32),  # no more blocks
        ("sm_86", 128, 32, 0, 12),  # 48 warps
        ("sm_86", 96, 40, 0, 16),
        ("sm_80", 96, 168, 0, 4),  # 12 warps: 3 for each scheduler
        ("sm_80", 1024, 128, 0, 0),  # 32 warps do not fit where 16 do
        ("sm_80", 128, 0, 200000, 0),
    ],
)
def test_blocks(name: str, threads: int, registers: int, shared: int, blocks: int) -> None:
    assert occupancy(target(name), threads, registers, shared) == blocks
