"""The language's functions and methods as instructions, one file a family. Importing it fills the table."""

from . import (
    atomic,
    attributes,
    builtins,
    create,
    elementwise,
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

FAMILIES = (
    atomic,
    attributes,
    builtins,
    create,
    elementwise,
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
