"""Tensors in the memory of cards as others hand them over; nothing of it needs a card."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from tests.runtime.capsules import Exporter
from tilevm.backend import Array
from tilevm.runtime.arguments import Trait, read
from tilevm.source import TileError
from tilevm.types import bf16, bool_, f8e4m3, f32, i64

AT = 0x7F0000000100


def taken(value: Any) -> tuple[Array, Trait]:
    array, seen = read(value, "x")
    assert isinstance(array, Array) and isinstance(seen, Trait)
    return array, seen


@pytest.mark.parametrize("version", [None, (1, 0), (1, 3)], ids=str)
def test_a_capsule_is_looked_into(version: tuple[int, int] | None) -> None:
    made = Exporter(AT, (6, 32), (40, 1), device=(2, 3), version=version, offset=16)
    array, seen = taken(made)
    assert (array.dtype, array.address, array.shape, array.strides) == (f32, AT + 16, (6, 32), (40, 1))
    assert (array.lowest, array.highest) == (0, 5 * 40 + 32)
    assert array.device == seen.device == "cuda:3" and array.writable
    assert array.stream == 1 and made.streams == [1], "its work is on the stream that it was asked for"
    assert seen.even == (1,) and seen.units == (False, True) and seen.align == 16
    gc.collect()
    assert made.freed == 0, "the argument keeps it"
    del array
    gc.collect()
    assert made.freed == 1, "and frees it unconsumed"


@pytest.mark.parametrize(
    ("number", "dtype"),
    [((0, 64, 1), i64), ((4, 16, 1), bf16), ((6, 8, 1), bool_), ((10, 8, 1), f8e4m3)],
    ids=lambda x: str(x),
)
def test_number_types(number: tuple[int, int, int], dtype: Any) -> None:
    assert taken(Exporter(AT, (4,), number=number))[0].dtype == dtype


def test_without_strides_it_is_contiguous() -> None:
    array, _ = taken(Exporter(AT, (3, 4, 5)))
    assert array.strides == (20, 5, 1) and array.highest == 60


def test_of_nothing() -> None:
    array, _ = taken(Exporter(0, (3, 0)))
    assert (array.lowest, array.highest) == (0, 0)


def test_read_only() -> None:
    assert not taken(Exporter(AT, (3,), flags=1))[0].writable


def test_managed_memory_is_a_cards() -> None:
    assert taken(Exporter(AT, (3,), device=(13, 1)))[1].device == "cuda:1"


class Used:
    """Gives a capsule that somebody has consumed."""

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 0

    def __dlpack__(self, **more: Any) -> Any:
        made = Exporter(AT, (3,))
        made.name = b"used_dltensor_versioned"
        return made.__dlpack__()


class Refusing(Used):
    def __dlpack__(self, **more: Any) -> Any:
        raise BufferError("it is on a stream that nobody may see")


class Shown:
    """What speaks the CUDA array interface."""

    def __init__(self, **said: Any) -> None:
        self.__cuda_array_interface__ = {"shape": (3,), "typestr": "<f4", "data": (AT, False), "version": 3, **said}


REFUSED: dict[str, tuple[Any, str]] = {
    "complex": (Exporter(AT, (3,), number=(5, 64, 1)), "x holds DLPack's numbers of code 5, 64 bits and 1 lanes"),
    "vectors": (Exporter(AT, (3,), number=(2, 32, 4)), "32 bits and 4 lanes"),
    "another version": (Exporter(AT, (3,), version=(2, 0)), "x speaks DLPack 2.0"),
    "used": (Used(), "x gives no capsule of DLPack that can be used"),
    "refusing": (Refusing(), "x cannot be taken over by DLPack: it is on a stream"),
    "between addresses": (Exporter(AT + 2, (3,)), "no multiple of its element's 4 bytes"),
    "masked": (Shown(mask=object()), "x has a mask"),
    "swapped": (Shown(typestr=">f4"), "x holds >f4"),
    "torn": (Shown(strides=(6,)), r"x has byte strides \(6,\)"),
}


@pytest.mark.parametrize(("value", "says"), REFUSED.values(), ids=REFUSED)
def test_refused(value: Any, says: str) -> None:
    with pytest.raises(TileError, match=says) as caught:
        read(value, "x")
    assert "\nhelp: " in str(caught.value)
