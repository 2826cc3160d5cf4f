"""What the native backend refuses, and how it says so."""

from dataclasses import replace

import pytest

from tests.cpu.launch import vector
from tilevm.backends.cpu.host import host
from tilevm.backends.cpu.support import check
from tilevm.source import TileError
from tilevm.text import read_func


def message(dtype: str, **facts: bool) -> str:
    func = read_func(f"func @f(%x: {vector(dtype)}) {{ yield [] }}")
    with pytest.raises(TileError) as caught:
        check(func, replace(host(), **facts))
    return str(caught.value)


@pytest.mark.parametrize("dtype", ["f8e4m3", "u4", "i7", "f6e2m3", "tf32"])
def test_number_types_without_a_native_form(dtype: str) -> None:
    assert f"the cpu does not compute in {dtype} yet" in message(dtype)
    assert "device='vm' takes every type" in message(dtype)


def test_f16_on_a_host_that_cannot_convert_it() -> None:
    assert "cannot convert f16" in message("f16", has_f16=False)
