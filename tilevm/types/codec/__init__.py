"""Numbers to codes of any number type, and back; codes to packed bits, and back.

A code is the pattern of bits that stands for a number, held as an unsigned integer: two's complement for integers,
sign, exponent and mantissa for floats. Every backend's conversions are tested against this package.
"""

from tilevm.types.codec.decoding import decode
from tilevm.types.codec.encoding import encode
from tilevm.types.codec.packing import pack, unpack

__all__ = ["decode", "encode", "pack", "unpack"]
