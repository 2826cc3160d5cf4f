"""The text form of the IR, both ways."""

from tilevm.text.parse import read_func, read_funcs
from tilevm.text.print import Printer, print_func

__all__ = ["Printer", "print_func", "read_func", "read_funcs"]
