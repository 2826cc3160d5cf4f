"""What a kernel asks of its arguments, and the text that says so."""

from tilevm.signature.parse import parse
from tilevm.signature.spec import Element, ParamSpec, PointerSpec, ScalarSpec, Signature, TensorSpec

__all__ = ["Element", "ParamSpec", "PointerSpec", "ScalarSpec", "Signature", "TensorSpec", "parse"]
