"""Random numbers that a counter and a key decide."""

from __future__ import annotations

from tilevm.ir.core import Op, Value, operand
from tilevm.ir.ops.expect import integer_scalar, numeric
from tilevm.types import Type, like, u32


class Philox(Op, name="philox"):
    """Word ``index`` (as 64 bits, unsigned) of the stream of ``seed``, a u32.

    Philox4x32-10 (Salmon and others 2011): the words 4n … 4n + 3 of the stream are the block at the counter
    (n mod 2**32, n / 2**32, 0, 0) under the key (seed mod 2**32, seed / 2**32). Signed numbers extend their sign.
    """

    seed: Value = operand()
    index: Value = operand()

    def infer(self) -> tuple[Type, ...]:
        integer_scalar(self, self.seed, "the seed")
        return (like(numeric(self, self.index, "i"), u32),)
