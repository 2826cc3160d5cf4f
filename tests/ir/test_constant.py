"""Constants are numbers of their dtype."""

import pytest

from tilevm.ir import ops
from tilevm.source import TileError
from tilevm.types import DType, i8, i32, u8


@pytest.mark.parametrize(("value", "of"), [(128, i8), (-129, i8), (256, u8), (-1, u8), (1.5, i32)])
def test_a_constant_out_of_range_is_refused(value: float, of: DType) -> None:
    with pytest.raises(TileError, match=f"is not a number of {of}"):
        ops.Constant(value=value, of=of)
