"""Random programs on tiles: all machines agree bit for bit."""

import os
from pathlib import Path
from random import Random, SystemRandom

import numpy as np
import pytest

from tests.agreement.tiles import HEAD, ROWS, program
from tests.conftest import TEST_ALL
from tests.devices import EVERYWHERE, QUICK, goes_round, on
from tilevm.optional import load_file

EACH = 15  # programs of one test
THREADED = 2  # of them run as threads too
TESTS = 400 if TEST_ALL else 10
FIRST = 0 if os.environ.get("CI") == "true" else SystemRandom().randrange(1 << 40)


@goes_round
@pytest.mark.parametrize("part", range(TESTS))
def test_programs_on_tiles_agree(part: int, tmp_path: Path) -> None:
    for number in range(EACH):
        seed = FIRST + part * EACH + number
        text = HEAD + program(number, Random(seed))
        file = tmp_path / f"program{number}.py"
        file.write_text(text)
        kernel = getattr(load_file(str(file)), f"program{number}")
        devices = EVERYWHERE if number < THREADED else QUICK
        first, *rest = (run(kernel, seed, device) for device in devices)
        for device, found in zip(devices[1:], rest, strict=True):
            assert all(map(np.array_equal, first, found)), f"seed {seed} on {device}\n{text}"


def run(kernel: object, seed: int, device: str) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(seed).integers(-9, 10, (20, 17)).astype(np.int32)
    y = np.zeros((4 * ROWS + 2, ROWS), np.int32)
    kernel[1](x, y, 2, **on(device))  # type: ignore[index]
    return x, y
