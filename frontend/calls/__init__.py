"""The language's functions and methods as instructions, one file a family. Importing it fills the table."""

from . import attributes, builtins, create, elementwise, memory, order, pieces, product, reduce, scan, sequences, shapes

FAMILIES = (attributes, builtins, create, elementwise, memory, order, pieces, product, reduce, scan, sequences, shapes)
