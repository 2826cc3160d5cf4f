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


class Old(Used):
    """Of before versions, and refusing."""

    def __dlpack__(self, stream: Any) -> Any:
        raise BufferError("it is on a stream that nobody may see")


class Odd(Used):
    def __dlpack__(self) -> Any:
        raise AssertionError("never asked without a stream")


class Deviceless:
    def __dlpack__(self, **more: Any) -> Any:
        raise AssertionError("never asked")


class Raising(Used):
    def __dlpack__(self, **more: Any) -> Any:
        raise OSError("boom")


class Looked:
    @property
    def __cuda_array_interface__(self) -> Any:
        raise OSError("boom")


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
    "old and refusing": (Old(), "x cannot be taken over by DLPack: it is on a stream"),
    "odd": (Odd(), "x cannot be taken over by DLPack: .*unexpected keyword"),
    "between addresses": (Exporter(AT + 2, (3,)), "no multiple of its element's 4 bytes"),
    "masked": (Shown(mask=object()), "x has a mask"),
    "swapped": (Shown(typestr=">f4"), "x holds >f4"),
    "without a type": (Shown(typestr=None, shape=None), "x has a __cuda_array_interface__ that cannot be read"),
    "of a type that is none": (Shown(typestr="<q9"), "x has a __cuda_array_interface__ that cannot be read"),
    "without data": (Shown(data=None), "x has a __cuda_array_interface__ that cannot be read"),
    "torn": (Shown(strides=(6,)), r"x has byte strides \(6,\)"),
    "fewer than none": (Shown(shape=(-3,)), r"interface__ with the shape \(-3,\), and extents count from 0"),
    "of other rank": (Shown(strides=(4, 4)), r"with the strides \(4, 4\) of a tensor of shape \(3,\)"),
    "of extents that are none": (Shown(shape=(3, None)), "interface__ that cannot be read: TypeError"),
    "of halves": (Shown(shape=(1.5,)), "interface__ that cannot be read: TypeError"),
    "of one extent alone": (Shown(shape=3), "interface__ that cannot be read: TypeError"),
    "before all addresses": (Shown(data=(-8, False)), "with the address -0x8"),
    "behind all addresses": (Shown(data=(1 << 64, False)), "with the address 0x10000000000000000"),
    "on no stream": (Shown(stream=0), "with the stream 0: 1 and 2 are CUDA's own"),
    "on a stream of none": (Shown(stream=-1), "with the stream -1"),
    "fewer than none by DLPack": (Exporter(AT, (2, -3)), r"x gives DLPack the shape \(2, -3\)"),
    "telling no device": (Deviceless(), "x cannot be asked for __dlpack_device__: AttributeError"),
    "raising": (Raising(), "x cannot be taken over by DLPack: boom"),
    "raising when looked at": (Looked(), "x cannot be asked for __cuda_array_interface__: OSError: boom"),
    "a class": (Shown, "x is a type, which no kernel takes"),
}


@pytest.mark.parametrize(("value", "says"), REFUSED.values(), ids=REFUSED)
def test_refused(value: Any, says: str) -> None:
    with pytest.raises(TileError, match=says) as caught:
        read(value, "x")
    assert "\nhelp: " in str(caught.value)
