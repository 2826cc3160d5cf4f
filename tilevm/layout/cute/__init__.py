"""The functions of CuTe's layout algebra, exact: where the answer is no layout, LayoutError says why."""

from tilevm.layout.cute.coalesce import coalesce
from tilevm.layout.cute.complement import complement
from tilevm.layout.cute.composition import composition
from tilevm.layout.cute.divide import logical_divide, logical_product, zipped_divide
from tilevm.layout.cute.inverse import left_inverse, right_inverse

__all__ = [
    "coalesce",
    "complement",
    "composition",
    "left_inverse",
    "logical_divide",
    "logical_product",
    "right_inverse",
    "zipped_divide",
]
