"""Block scales in numpy, written from the definitions: what the kernels of the library are held against."""

from fractions import Fraction
from math import inf

import numpy as np

import tilevm as tv
from tests.devices import QUICK
from tilevm.library.quantise import Quantised

f32 = np.float32
DEVICES = QUICK


def hard(rows: int = 37, columns: int = 200, seed: int = 0) -> np.ndarray:
    """Numbers with all that is awkward: zeros, -0, NaN, infinities, subnormals, the largest, powers of two, ties."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, columns)) * np.exp2(rng.integers(-30, 30, (rows, 1)))
    x[0, :64], x[0, 5] = 0, -0.0
    x[1, 3], x[2, 35], x[2, 100 % columns] = np.nan, inf, -inf
    x[3], x[4], x[5] = x[3] * 2.0**-120, rng.standard_normal(columns) * 1e-44, 1e-40
    x[6] = np.clip(rng.standard_normal(columns) * 1e38, -3.4e38, 3.4e38)
    x[7], x[8] = np.finfo(f32).max, -np.exp2(rng.integers(-126, 127, columns).astype(float))
    x[9], x[10] = rng.integers(-28, 29, columns) / 4, rng.integers(-7, 8, columns) * 0.5
    x[11] = np.nextafter(f32(2), f32(0)) * np.exp2(rng.integers(-126, 2, columns).astype(float))
    x[12], x[13, 1:] = rng.choice([1.9375, 1.96875, 1.5, 1.75, 2.0, -6, 7.5, 28, 448], columns), 0
    with np.errstate(over="ignore"):
        return x.astype(f32)


def blocks(x: np.ndarray, block: int, rows: int = 1) -> np.ndarray:
    """(rows, blocks of rows, columns, blocks of columns) brought to (M, G, elements), zeros beyond the end."""
    height, width = -(-x.shape[0] // rows) * rows, -(-x.shape[1] // block) * block
    whole = np.zeros((height, width), x.dtype)
    whole[: x.shape[0], : x.shape[1]] = x
    parts = whole.reshape(height // rows, rows, width // block, block).transpose(0, 2, 1, 3)
    return parts.reshape(height // rows, width // block, rows * block)


def largest(x: np.ndarray, block: int, rows: int = 1) -> np.ndarray:
    """The largest |x| of blocks; infinity where one is not finite."""
    size = np.abs(blocks(x, block, rows))
    return np.where(np.isfinite(size), size, f32(inf)).max(axis=-1)


def spread(scale: np.ndarray, block: int, shape: tuple[int, int], rows: int = 1) -> np.ndarray:
    return scale.repeat(rows, axis=0).repeat(block, axis=1)[: shape[0], : shape[1]]


def exponent(amax: float, dtype: tv.DType, mode: str) -> int:
    """The exponent of an MX scale, from exact fractions; 128 for NaN."""
    if not np.isfinite(amax):
        return 128
    if amax == 0:
        return -127
    a = Fraction(float(amax))
    top = Fraction(dtype.max if dtype.is_float else Fraction(dtype.max, 2 ** (dtype.bits - 2)))
    digits = dtype.mantissa_bits if dtype.is_float else dtype.bits - 2
    emax, e = log2(top), log2(a)
    if mode == "even":  # to `digits` bits behind the leading one, a half away from zero
        step = Fraction(2) ** (e - digits)
        e = log2((a / step + Fraction(1, 2)).__floor__() * step)
    if mode == "ceil" and a > Fraction(2) ** e:
        e += 1
    if mode == "rceil":
        ratio = a / top
        e = log2(ratio) + (ratio != Fraction(2) ** log2(ratio)) + emax
    return min(max(e - emax, -127), 127)


def log2(a: Fraction) -> int:
    """Its floor."""
    e = a.numerator.bit_length() - a.denominator.bit_length()
    return e if Fraction(2) ** e <= a else e - 1


def mx(x: np.ndarray, dtype: tv.DType, block: int = 32, mode: str = "floor", **how: object) -> tuple:
    """Codes, and scales as bytes."""
    amax = largest(x, block)
    e = np.array([[exponent(a, dtype, mode) for a in row] for row in amax])
    wide = spread(e, block, x.shape)
    y = np.where(wide == 128, 0.0, x.astype(float) * np.exp2(-np.minimum(wide, 127).astype(float)))
    return element_codes(np.where(wide == 128, 0.0, y), dtype, **how), (e + 127).astype(np.uint8)


def element_codes(y: np.ndarray, dtype: tv.DType, **how: object) -> np.ndarray:
    if dtype.is_float:
        return tv.encode(y, dtype, **how)
    limit = 2 ** (dtype.bits - 1) - 1
    scaled = y * 2.0 ** (dtype.bits - 2)
    if not how:
        return tv.encode(np.clip(np.rint(scaled), -limit, limit), dtype)
    return tv.encode(np.maximum(scaled, -limit), dtype, **how)


def nvfp4(x: np.ndarray, rows: int = 1, amax: float | None = None) -> tuple:
    """Codes, scales as bytes, and the factor, by the steps of the recipe in f32."""
    most = f32(np.abs(x[np.isfinite(x)]).max() if amax is None else amax)
    top = np.finfo(f32).max
    with np.errstate(all="ignore"):
        factor = min(f32(2688) / most, top)
        inverse = f32(1) / factor
        block = largest(x, 16, rows)
        scale = np.where(np.isfinite(block), np.minimum(block * (factor * f32(1 / 6)), f32(448)), f32(np.nan))
        codes = tv.encode(scale, tv.f8ue4m3)
        by = np.minimum(f32(1) / (tv.decode(codes, tv.f8ue4m3).astype(f32) * inverse), top)
        sound = spread(np.isfinite(block), 16, x.shape, rows)
        y = np.where(sound, x * spread(by, 16, x.shape, rows), f32(0))
    return tv.encode(y, tv.f4e2m1), codes.astype(np.uint8), float(inverse)


def rounded(size: np.ndarray, amax: np.ndarray, scale: tv.DType) -> tuple[np.ndarray, np.ndarray]:
    """Scales of groups as numbers, and what to divide by."""
    numbers = tv.decode(tv.encode(np.where(np.isfinite(amax), size, f32(np.nan)), scale), scale).astype(f32)
    return numbers, np.where(numbers == 0, f32(1), numbers)


def groups(x: np.ndarray, dtype: tv.DType, block: int, scale: tv.DType, zeros: bool = False) -> tuple:
    """Codes, scales as numbers, and zero points (None without)."""
    amax, bits = largest(x, block), dtype.bits
    with np.errstate(all="ignore"):
        if zeros:
            parts, steps = blocks(x, block), f32(2**bits - 1)
            low, high = np.minimum(parts.min(axis=-1), 0), np.maximum(parts.max(axis=-1), 0)
            held, by = rounded(high / steps - low / steps, amax, scale)
            point = np.where(np.isfinite(amax), np.rint(f32(dtype.min) - low / by), 0)
            zero = np.clip(point, dtype.min, dtype.max)
        else:
            most = f32(dtype.max) if dtype.is_float else f32(2 ** (bits - 1) - 0.5)
            held, by = rounded(amax / most, amax, scale)
            zero = np.full(amax.shape, 0.0 if dtype.signed else 2.0 ** (bits - 1))
        y = np.where(spread(np.isfinite(amax), block, x.shape), x / spread(by, block, x.shape), f32(0))
    if dtype.is_float:
        return tv.encode(y, dtype), held, None
    whole = np.clip(np.rint(y.astype(float)) + spread(zero, block, x.shape), dtype.min, dtype.max)
    return tv.encode(whole, dtype), held, tv.encode(zero, dtype) if zeros else None


def codes_of(q: Quantised) -> np.ndarray:
    return tv.unpack(q.codes, q.dtype, int(np.prod(q.shape))).reshape(q.shape)


def noise(x: np.ndarray, y: np.ndarray) -> float:
    """The ratio of signal to error, in decibels."""
    error = x.astype(float) - y.astype(float)
    return float(10 * np.log10((x.astype(float) ** 2).sum() / (error**2).sum()))
