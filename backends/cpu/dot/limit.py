"""How far along k a product is worth making, where its operands reach past the ends of their tensors.

Past the end a load gives 0, so where both operands do, their products add nothing. Up to where one of them still has
elements the products are made: 0 times inf is NaN, and a user sees it.
"""

from __future__ import annotations

from ..context import Context
from ..emit import LLVM
from .micro import STEPS
from .plan import Matrix, Plan


def trips(c: Context, p: Plan) -> LLVM | None:
    """The trips of the inner function's loop after which both operands are 0; None where that may be all of them."""
    ends = end(c, p.a, 0 if p.a.flipped else 1, p.k), end(c, p.b, 1 if p.b.flipped else 0, p.k)
    if ends[0] is None or ends[1] is None or p.cells < 2 * STEPS:
        return None
    b, each = c.e.b, STEPS * p.cell.group
    last = b.select(b.icmp_signed(">", *ends), *ends)
    wanted = b.sdiv(b.add(last, c.e.i64(each - 1)), c.e.i64(each))
    most = c.e.i64(p.cells // STEPS)
    return b.select(b.icmp_signed("<", wanted, most), wanted, most)


def end(c: Context, matrix: Matrix, along: int, k: int) -> LLVM | None:
    """The index along k, dimension ``along`` of the matrix, from which its elements are 0; None where none need be."""
    load = matrix.load
    if load is None or along not in matrix.map:
        return None
    d = matrix.map.index(along)
    if load.inbounds and load.inbounds[d]:
        return None
    b = c.e.b
    left = b.sub(c.i64(c.views[load.tensor].extents[d]), c.index(load.offsets[d]))
    return b.select(b.icmp_signed("<", left, c.e.i64(0)), c.e.i64(0), left)
