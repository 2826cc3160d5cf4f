"""Paged decoding: the pages that are chosen, and attention restricted to them."""

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from tests.devices import EVERYWHERE, on
from tilevm.optional import load_file

paged = load_file(str(Path(__file__).parents[2] / "examples" / "paged_decode.py"))
BOUND = {np.float32: 2e-6, ml_dtypes.bfloat16: 2e-2}
LENGTHS = [(1,), (16,), (17,), (100, 37), (300, 16, 411)]


def decode(problem: tuple, topk: int, device: str = "cpu") -> tuple[np.ndarray, np.ndarray]:
    """What is found, and the pages that were chosen."""
    q, k, v, length = problem
    o = np.full_like(q, 7)
    chosen = paged.decode(q, paged.Cache.of(k, v, length, np.random.default_rng(1)), topk, 0.25, o, **on(device))
    return o.astype(np.float64), chosen


def exact(problem: tuple, topk: int) -> np.ndarray:
    q, k, v, length = problem
    pages = [paged.chosen_pages(q[b], k[b], n, topk) for b, n in enumerate(length)]
    return np.stack([paged.reference(q[b], k[b], v[b], n, pages[b], 0.25) for b, n in enumerate(length)])


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_is_attention_to_the_chosen_pages(lengths: tuple[int, ...]) -> None:
    problem = paged.problem(np.random.default_rng(0), lengths)
    for topk in (1, 3):
        assert np.abs(decode(problem, topk)[0] - exact(problem, topk)).max() < BOUND[np.float32]


@pytest.mark.parametrize("heads", [(3, 1), (2, 2), (8, 1)], ids=str)
def test_any_sharing_of_heads(heads: tuple[int, int]) -> None:
    problem = paged.problem(np.random.default_rng(0), (100, 37), *heads, 16)
    assert np.abs(decode(problem, 3)[0] - exact(problem, 3)).max() < BOUND[np.float32]


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_enough_pages_are_dense_attention(lengths: tuple[int, ...]) -> None:
    q, k, v, length = problem = paged.problem(np.random.default_rng(0), lengths)
    everything = [np.arange(30)] * 2
    dense = np.stack([paged.reference(q[b], k[b], v[b], n, everything, 0.25) for b, n in enumerate(length)])
    assert np.abs(decode(problem, 99)[0] - dense).max() < 2e-6


@pytest.mark.parametrize("kind", BOUND)
@pytest.mark.parametrize("device", EVERYWHERE)
def test_number_types(device: str, kind: type) -> None:
    problem = paged.problem(np.random.default_rng(0), (50, 33), 2, 1, 8, kind)
    assert np.abs(decode(problem, 2, device)[0] - exact(problem, 2)).max() < BOUND[kind]


def test_of_equal_pages_the_earlier_are_chosen() -> None:
    q, k, v, length = paged.problem(np.random.default_rng(0), (160,), 2, 1, 16)
    k[:] = np.tile(k[:, :16], (1, 10, 1, 1))  # ten equal pages
    k[:, 112:128] = q.mean(axis=1)[:, None, None]  # and one that is better than all
    _, chosen = decode((q, k, v, length), 4)
    assert chosen[0, 0].tolist() == [7, 0, 1, 2]


def test_chosen_pages_are_the_best() -> None:
    q, k, v, length = paged.problem(np.random.default_rng(3), (411,), 4, 2, 16)
    _, chosen = decode((q, k, v, length), 5)
    wanted = paged.chosen_pages(q[0], k[0], 411, 5)
    assert [sorted(row) for row in chosen[0].tolist()] == [row.tolist() for row in wanted]


def test_pages_that_are_not_chosen_are_not_read() -> None:
    q, k, v, _ = problem = paged.problem(np.random.default_rng(0), (100,), 2, 1, 16)
    (best,) = paged.chosen_pages(q[0], k[0], 100, 2)
    dropped = [p for p in range(6) if p not in best]
    for page in dropped:
        v[:, page * 16 : page * 16 + 16] = np.nan
    found, _ = decode(problem, 2)
    assert np.isfinite(found).all()


def test_a_sequence_of_no_tokens_gives_zero() -> None:
    problem = paged.problem(np.random.default_rng(0), (0, 20), 2, 1, 16)
    found, _ = decode(problem, 2)
    assert (found[0] == 0).all() and (found[1] != 0).all()
