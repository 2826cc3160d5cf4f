"""Products of codes with block scales: against float64 on every device, and what the widen pass makes of them."""

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv
from tests.devices import EVERYWHERE, on
from tilevm.ir import ops
from tilevm.ir.rewrite import walk
from tilevm.passes import PIPELINE, run_passes
from tilevm.types import bf16, f16, f32
from tilevm.types.holding import holds, meeting


@tv.kernel(
    "a: A[M, K] packed, s: S[M, G] packed, b: B[K, N] packed, t: R[G, N] packed, y: f32[M, N]",
    grid=lambda M, N, **_: (tv.cdiv(M, 16), tv.cdiv(N, 16)),
)
def product(
    a: tv.Tensor,
    s: tv.Tensor,
    b: tv.Tensor,
    t: tv.Tensor,
    y: tv.Tensor,
    BLOCK: tv.constexpr,
    sides: tv.constexpr = "ab",
    K: tv.constexpr = 64,
) -> None:
    """K in one trip is a multiple of BLOCK."""
    i, j = tv.program_id(0) * 16, tv.program_id(1) * 16
    acc = tv.full((16, 16), 0.5, tv.f32)
    for k in tv.range(0, a.shape[1], K):
        left, right = a.load((i, k), (16, K)), b.load((k, j), (K, 16))
        a_scale = s.load((i, k // BLOCK), (16, K // BLOCK)) if "a" in sides else None
        b_scale = t.load((k // BLOCK, j), (K // BLOCK, 16)) if "b" in sides else None
        acc = tv.dot_scaled(left, a_scale, right, b_scale, acc)
    y.store((i, j), acc)


def drawn(rng: np.random.Generator, name: str, shape: tuple[int, int], factor: float = 3.0) -> tuple:
    """A packed tensor of random numbers, and the numbers."""
    kind = tv.dtype(name)
    numbers = rng.standard_normal(shape) * factor
    codes = tv.encode(numbers if kind.signed else np.abs(numbers) + 0.1, kind)
    return tv.packed(tv.pack(codes, kind), kind, shape), tv.decode(codes, kind).astype(float)


CASES = [
    *(("f4e2m1", "f8e8m0", "f4e2m1", "f8e8m0", 32), ("f4e2m1", "f8ue4m3", "f4e2m1", "f8ue4m3", 16)),
    *(("f8e4m3", "f8e8m0", "f4e2m1", "f8e8m0", 32), ("f8e5m2", "f8e8m0", "f6e3m2", "f8e8m0", 32)),
    *(("i8", "f8e8m0", "i8", "f8e8m0", 32), ("i4", "f16", "u5", "bf16", 64), ("bf16", "f8ue5m3", "i4", "f16", 16)),
    *(("f16", "f32", "f8e4m3", "f32", 32), ("f6e2m3", "f8ue5m3", "f6e2m3", "f32", 16)),
]


@pytest.mark.parametrize("device", EVERYWHERE)
@pytest.mark.parametrize("sides", ["ab", "a", "b", ""])
@pytest.mark.parametrize(("a", "s", "b", "t", "block"), CASES)
def test_against_float64(a: str, s: str, b: str, t: str, block: int, sides: str, device: str) -> None:
    rng = np.random.default_rng(0)
    m, k, n = 21, 192, 37
    (x, xs), (y, ys) = drawn(rng, a, (m, k)), drawn(rng, b, (k, n))
    (u, us), (v, vs) = drawn(rng, s, (m, k // block), 0.5), drawn(rng, t, (k // block, n), 0.5)
    found = np.empty((m, n), np.float32)
    product(x, u, y, v, found, BLOCK=block, sides=sides, **on(device))
    left = xs * us.repeat(block, 1) if "a" in sides else xs
    right = ys * vs.repeat(block, 0) if "b" in sides else ys
    exact, eps = left @ right + 0.5, 2.0**-23
    assert (np.abs(found - exact) <= 2 * eps * np.abs(exact) + (k + 4) * eps * (np.abs(left) @ np.abs(right) + 1)).all()


@pytest.mark.parametrize("device", EVERYWHERE)
@pytest.mark.parametrize("k", [16, 48, 50, 130])
def test_ragged_k(k: int, device: str) -> None:
    """The last trip reads zeros; the scales of f8e8m0 beyond the end are 2**-127, which make nothing of them."""
    rng = np.random.default_rng(1)
    groups = -(-k // 16)
    (x, xs), (y, ys) = drawn(rng, "f6e2m3", (5, k)), drawn(rng, "f4e2m1", (k, 9))
    (u, us), (v, vs) = drawn(rng, "f8e8m0", (5, groups)), drawn(rng, "f8ue4m3", (groups, 9))
    found = np.empty((5, 9), np.float32)
    product(x, u, y, v, found, BLOCK=16, **on(device))
    exact = (xs * us.repeat(16, 1)[:, :k]) @ (ys * vs.repeat(16, 0)[:k]) + 0.5
    assert np.abs(found - exact).max() <= 1e-5 * np.abs(exact).max()


@pytest.mark.parametrize("device", EVERYWHERE)
def test_a_scale_of_nan_reaches_its_row_alone(device: str) -> None:
    rng = np.random.default_rng(2)
    (x, _), (y, _), (v, _) = (drawn(rng, d, s) for d, s in (("f4e2m1", (4, 64)), ("i8", (64, 3)), ("f16", (2, 3))))
    scales = np.full((4, 2), 127, np.uint8)
    scales[2, 1] = 0xFF
    found = np.empty((4, 3), np.float32)
    product(x, tv.packed(scales, "f8e8m0", (4, 2)), y, v, found, BLOCK=32, **on(device))
    assert np.isnan(found).any(axis=1).tolist() == [False, False, True, False]


def test_bf16_is_used_where_it_holds_every_scaled_code() -> None:
    for code in ("f4e2m1", "f6e2m3", "f6e3m2", "f8e4m3", "f8e5m2", "i8"):
        for scale in ("f8e8m0", "f8ue4m3", "f8ue5m3", "f16"):
            kinds = tv.dtype(code), tv.dtype(scale)
            numbers = [tv.decode(np.arange(2**k.bits), k).astype(float) for k in kinds]
            products = np.outer(*(v[np.isfinite(v)] for v in numbers))
            products = products[np.abs(products) < 2.0**128].astype(np.float32)
            exact = bool((products.view(np.uint32) & 0xFFFF == 0).all())
            assert holds(bf16, *kinds) == exact, (code, scale)


@pytest.mark.parametrize(
    ("a", "b", "to"),
    [
        ("bf16", "u4", bf16),
        ("f16", "u4", f16),
        ("f16", "f8e5m2", f16),
        ("f32", "i8", f32),
        ("u1", "i8", bf16),
        ("f16", "f8e8m0", f32),
        ("bf16", "f16", f32),
        ("f16", "bf16", f32),
        ("bf16", "f8e8m0", bf16),
    ],
)
def test_the_type_in_which_codes_meet(a: str, b: str, to: tv.DType) -> None:
    assert meeting(tv.dtype(a), tv.dtype(b)) == to


@tv.kernel(
    "a: A[M, K], s: S[M, G], b: B[N, K] packed, t: T[N, H], y: f32[M, N]", grid=lambda N, BN, **_: tv.cdiv(N, BN)
)
def few_rows(
    a: tv.Tensor,
    s: tv.Tensor,
    b: tv.Tensor,
    t: tv.Tensor,
    y: tv.Tensor,
    M: tv.constexpr,
    K: tv.constexpr,
    G: tv.constexpr,
    H: tv.constexpr,
    BN: tv.constexpr = 16,
) -> None:
    """G blocks of a and H of b along k, none where there is 0."""
    j = tv.program_id(0) * BN
    a_scale = s.load((0, 0), (M, G)) if G else None
    b_scale = t.load((j, 0), (BN, H)).T if H else None
    acc = tv.full((M, BN), 0.5, tv.f32)
    y.store((0, j), tv.dot_scaled(a.load((0, 0), (M, K)), a_scale, b.load((j, 0), (BN, K)).T, b_scale, acc))


FEW = [
    *(("bf16", "u4", 1, 512, 0, 4), ("bf16", "u3", 2, 96, 3, 0), ("f16", "f8e5m2", 3, 384, 4, 12)),
    *(("f32", "i7", 4, 256, 8, 2), ("bf16", "f4e2m1", 1, 320, 2, 5), ("f16", "f8e8m0", 2, 192, 0, 2)),
    *(("bf16", "u8", 1, 96, 0, 1), ("bf16", "i5", 4, 192, 2, 3)),
]


@pytest.mark.parametrize("device", EVERYWHERE)
@pytest.mark.parametrize(("a", "b", "m", "k", "g", "h"), FEW)
def test_few_rows(a: str, b: str, m: int, k: int, g: int, h: int, device: str) -> None:
    """Blocks of a and of b may be of different lengths; rows beyond the last are not there."""
    rng = np.random.default_rng(3)
    n = 37
    x = tv.encode(rng.standard_normal((m, k)), a)
    (y, ys), xs = drawn(rng, b, (n, k)), tv.decode(x, a).astype(float)
    x = x.view(np.float16) if a == "f16" else x.view(np.float32) if a == "f32" else x.view(ml_dtypes.bfloat16)
    s, t = (rng.standard_normal(shape).astype(np.float16) for shape in ((m, max(g, 1)), (n, max(h, 1))))
    found = np.empty((m, n), np.float32)
    few_rows(x, s, y, t, found, M=m, K=k, G=g, H=h, **on(device))
    left = xs * s.astype(float).repeat(k // g, 1) if g else xs
    right = ys * t.astype(float).repeat(k // h, 1) if h else ys
    exact, eps = left @ right.T + 0.5, 2.0**-23
    room = 2 * eps * np.abs(exact) + (k + 4) * eps * (np.abs(left) @ np.abs(right).T + 1)
    assert (np.abs(found - exact) <= room).all()


def test_codes_of_few_rows_are_not_multiplied_by_their_scales() -> None:
    signature = "a: bf16[M, K], s: bf16[M, G], b: u4[N, K] packed, t: bf16[N, H], y: f32[M, N]"
    traced = few_rows.compile(signature, M=1, K=512, G=0, H=4, device="vm").build.tile
    found = [op for op in walk(run_passes(traced, PIPELINE).body) if isinstance(op, ops.DotScaled | ops.Mul)]
    assert [type(op) for op in found if op.results[0].type.shape == (1, 16)] == [ops.DotScaled]  # type: ignore[union-attr]
