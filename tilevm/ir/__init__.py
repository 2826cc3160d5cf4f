"""The tile-level IR: SSA with structured control flow."""

from tilevm.ir.core import OPS, Block, Effect, Func, Op, Role, Value
from tilevm.ir.table import Table

__all__ = ["OPS", "Block", "Effect", "Func", "Op", "Role", "Table", "Value"]
