"""Flash attention against float64: grouped heads, ragged lengths, queries that see no key, torch tensors."""

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from tests.devices import CARDS, THREADS, on
from tilevm.optional import load_file, optional
from tilevm.source import TileError

example = load_file(str(Path(__file__).parents[2] / "examples" / "attention.py"))
BOUND = {np.float32: 3e-6, np.float16: 3e-3, ml_dtypes.bfloat16: 3e-2}


def problem(heads: int, groups: int, m: int, n: int, depth: int, kind: type) -> list[np.ndarray]:
    rng = np.random.default_rng(m + n + depth)
    shapes = ((2, heads, m, depth), (2, groups, n, depth), (2, groups, n, depth))
    return [rng.standard_normal(shape).astype(kind) for shape in shapes]


def check(q: np.ndarray, k: np.ndarray, v: np.ndarray, causal: bool, **options: object) -> None:
    o, depth = np.full_like(q, 7), q.shape[-1]
    example.attention(q, k, v, o, depth**-0.5, D=depth, causal=causal, **options)
    exact = example.reference(q, k, v, depth**-0.5, causal)
    assert np.abs(o.astype(np.float64) - exact).max() <= BOUND[q.dtype.type]


@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
@pytest.mark.parametrize("kind", BOUND)
@pytest.mark.parametrize("depth", [64, 128])
@pytest.mark.parametrize(("m", "n"), [(128, 128), (200, 261), (1, 300), (130, 65)])
@pytest.mark.parametrize("device", ["cpu", *CARDS])
def test_lengths(device: str, m: int, n: int, depth: int, kind: type, causal: bool) -> None:
    check(*problem(2, 1, m, n, depth, kind), causal, **on(device))


@pytest.mark.parametrize(("heads", "groups"), [(4, 4), (4, 2), (6, 1)])
def test_groups_of_heads(heads: int, groups: int) -> None:
    check(*problem(heads, groups, 70, 90, 64, np.float32), True)


@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
@pytest.mark.parametrize("kind", BOUND)
@pytest.mark.parametrize("device", ["vm", *THREADS, "emulator", *CARDS])
def test_machines_agree(device: str, kind: type, causal: bool) -> None:
    check(*problem(2, 1, 37, 50, 16, kind), causal, BM=16, BN=16, **on(device))


@pytest.mark.parametrize("device", [*THREADS, "emulator", *CARDS])
@pytest.mark.parametrize("kind", [np.float16, ml_dtypes.bfloat16])
def test_loads_ahead(device: str, kind: type) -> None:
    """Lengths that 16 divides let threads copy keys and values ahead."""
    check(*problem(2, 1, 64, 128, 64, kind), True, BM=64, BN=32, **on(device))


def test_queries_that_see_no_key_give_zero() -> None:
    q, k, v = problem(1, 1, 40, 10, 64, np.float32)
    o = np.full_like(q, 7)
    example.attention(q, k, v, o, 0.125, D=64, causal=True)
    assert (o[:, :, :30] == 0).all() and (np.abs(o[:, :, 30:]).max(axis=-1) > 0).all()


@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
def test_torch_agrees(causal: bool) -> None:
    torch = optional("torch")
    if torch is None:
        pytest.skip("torch is not installed")
    q, k, v = (torch.from_numpy(x) for x in problem(2, 2, 150, 150, 64, np.float32))
    o = torch.empty_like(q)
    example.attention(q, k, v, o, 0.125, D=64, causal=causal)
    wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=0.125)
    assert torch.allclose(o, wanted, atol=2e-6)


@pytest.mark.parametrize("kind", BOUND)
@pytest.mark.parametrize("scale", [0.0, -0.0, -0.25])
@pytest.mark.parametrize("device", ["cpu", "vm", *THREADS, "emulator", *CARDS])
def test_scales_of_any_sign(device: str, scale: float, kind: type) -> None:
    """Under 0 all keys that are seen count alike; below it the least product has the largest score."""
    q, k, v = problem(2, 1, 21, 35, 16, kind)
    o = np.full_like(q, 7)
    example.attention(q, k, v, o, scale, D=16, causal=True, BM=16, BN=16, **on(device))
    exact = example.reference(q, k, v, scale, True)
    assert np.abs(o.astype(np.float64) - exact).max() <= BOUND[kind]


def test_values_of_another_width() -> None:
    q, k, v = problem(2, 1, 21, 35, 32, np.float32)
    v = np.ascontiguousarray(v[..., :24])
    o = np.full((*q.shape[:3], 24), 7, np.float32)
    example.attention(q, k, v, o, 0.2, D=32, BM=16, BN=16)
    assert np.abs(o - example.reference(q, k, v, 0.2)).max() <= BOUND[np.float32]


@pytest.mark.parametrize(
    ("q", "k", "v", "depth", "says"),
    [
        ((1, 2, 5, 32), (1, 2, 7, 16), (1, 2, 7, 32), 32, "dim E is 32 in q"),
        ((1, 2, 5, 32), (1, 2, 7, 32), (1, 2, 7, 32), 16, "D is at least what a head has"),
        ((1, 3, 5, 16), (1, 2, 7, 16), (1, 2, 7, 16), 16, "heads come in groups of as many"),
    ],
)
def test_what_does_not_go_together(q: tuple, k: tuple, v: tuple, depth: int, says: str) -> None:
    """Numbers of a head were left out, and heads without keys got 0."""
    given = [np.zeros(shape, np.float32) for shape in (q, k, v, (*q[:3], v[3]))]
    with pytest.raises(TileError, match=says):
        example.attention(*given, 0.2, D=depth, BM=16, BN=16, device="vm")
