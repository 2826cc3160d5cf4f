"""Functions and conversions that machines lack, as the instructions that they have; written once for all of them."""

from tilevm.passes.threads.expand.rules import expand

__all__ = ["expand"]
