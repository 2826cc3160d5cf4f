"""What numpy, ml_dtypes and torch call the number types."""

from __future__ import annotations

from tilevm.types.dtype import DType, Specials
from tilevm.types.integers import i8, i16, i32, i64, u8, u16, u32, u64
from tilevm.types.named import (
    bf16,
    bool_,
    f4e2m1,
    f6e2m3,
    f6e3m2,
    f8e4m3,
    f8e4m3fnuz,
    f8e5m2,
    f8e5m2fnuz,
    f8e8m0,
    f16,
    f32,
    f64,
)
from tilevm.types.split import float_, integer

ELEMENTS: dict[str, DType] = {  # those whose elements fill bytes, which tensors hold
    "bool": bool_,
    "int8": i8,
    "int16": i16,
    "int32": i32,
    "int64": i64,
    "uint8": u8,
    "uint16": u16,
    "uint32": u32,
    "uint64": u64,
    "float16": f16,
    "bfloat16": bf16,
    "float32": f32,
    "float64": f64,
    "float8_e4m3fn": f8e4m3,
    "float8_e5m2": f8e5m2,
    "float8_e4m3fnuz": f8e4m3fnuz,
    "float8_e5m2fnuz": f8e5m2fnuz,
    "float8_e8m0fnu": f8e8m0,
}
FOREIGN: dict[str, DType] = {  # and those of ml_dtypes that keep a small element in a byte, or that no kernel takes
    **ELEMENTS,
    "float8_e3m4": float_(3, 4),
    "float8_e4m3": float_(4, 3, specials=Specials.IEEE),
    "float6_e2m3fn": f6e2m3,
    "float6_e3m2fn": f6e3m2,
    "float4_e2m1fn": f4e2m1,
    **{f"{'' if signed else 'u'}int{n}": integer(n, signed) for signed in (True, False) for n in (1, 2, 4)},
}
ABROAD = {kind: name for name, kind in FOREIGN.items()}  # the other way
