"""The number types that have names of their own."""

from __future__ import annotations

from dataclasses import replace

from tilevm.types.dtype import DType, Kind, Specials
from tilevm.types.split import float_, integer


def _ieee(name: str, bits: int, exponent: int, mantissa: int) -> DType:
    return DType(name, bits, Kind.FLOAT, exponent, mantissa, (1 << (exponent - 1)) - 1, True, Specials.IEEE)


bool_ = DType("bool", 1, Kind.BOOL, signed=False)
f64 = _ieee("f64", 64, 11, 52)
f32 = _ieee("f32", 32, 8, 23)
tf32 = _ieee("tf32", 32, 8, 10)  # 19 significant bits kept in a 32-bit container
bf16 = _ieee("bf16", 16, 8, 7)
f16 = _ieee("f16", 16, 5, 10)

# OCP 8-bit floats (OFP8 1.0), their fnuz variants, and the scale types of MX (OCP MX 1.0) and NV formats.
f8e5m2 = float_(5, 2)
f8e4m3 = float_(4, 3)
f8e5m2fnuz = float_(5, 2, specials=Specials.NAN_NEGATIVE_ZERO)
f8e4m3fnuz = float_(4, 3, specials=Specials.NAN_NEGATIVE_ZERO)
f8e8m0 = float_(8, 0, signed=False)
f8ue4m3 = replace(float_(4, 3, signed=False, specials=Specials.NAN_ALL_ONES), name="f8ue4m3", bits=8)  # top bit 0
f8ue5m3 = float_(5, 3, signed=False)
f6e2m3, f6e3m2, f4e2m1 = float_(2, 3), float_(3, 2), float_(2, 1)

NAMED: dict[str, DType] = {
    t.name: t
    for t in (
        *(bool_, f64, f32, tf32, bf16, f16),
        *(f8e5m2, f8e4m3, f8e5m2fnuz, f8e4m3fnuz, f8e8m0, f8ue4m3, f8ue5m3, f6e2m3, f6e3m2, f4e2m1),
        *(integer(n, s) for s in (True, False) for n in range(1, 65)),
    )
}
