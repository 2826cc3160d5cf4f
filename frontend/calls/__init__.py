"""The language's functions and methods as instructions, one file a family. Importing it fills the table."""

from . import (  # noqa: F401  # each fills its part of the table
    atomic,
    attributes,
    builtins,
    create,
    elementwise,
    layout,
    memory,
    order,
    pieces,
    product,
    random,
    reduce,
    report,
    scan,
    sequences,
    shapes,
)
