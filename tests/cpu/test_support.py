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


def test_f16_on_a_host_that_cannot_convert_it() -> None:
    assert "cannot convert f16" in message("f16", has_f16=False)
