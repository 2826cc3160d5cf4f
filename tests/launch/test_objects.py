"""Where native code finds what objects hold."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import pytest

from tilevm.runtime.launch import objects
from tilevm.runtime.launch.objects import At


def words(address: int, count: int) -> list[int]:
    return list((ctypes.c_int64 * count).from_address(address))


def test_arrays_say_their_extents_and_strides_there() -> None:
    array = np.zeros((3, 5, 7), np.int16)[::-1, :, ::2]
    for at, numbers in ((At.ARRAY_SHAPE, array.shape), (At.ARRAY_STRIDES, array.strides)):
        (where,) = words(id(array) + at, 1)
        assert tuple(words(where, array.ndim)) == numbers


@pytest.mark.parametrize("number", range(len(list(objects.samples()))))
def test_an_interpreter_that_lays_objects_out_otherwise_is_left_alone(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = objects.samples

    def samples() -> Iterator[tuple[object, int, bytes]]:
        """One of them is found a byte from where it is."""
        for n, (sample, at, said) in enumerate(found()):
            yield sample, at + (n == number), said

    look = objects.known.__wrapped__  # not what it found before
    assert look()
    monkeypatch.setattr(objects, "samples", samples)
    assert not look()
