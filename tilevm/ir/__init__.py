"""The IR, at two levels: SSA with structured control flow."""

from tilevm.ir.core import OPS, THREAD_OPS, Block, Effect, Func, Op, Role, Value
from tilevm.ir.table import Table

__all__ = ["OPS", "THREAD_OPS", "Block", "Effect", "Func", "Op", "Role", "Table", "Value"]
