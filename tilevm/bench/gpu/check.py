"""Whether a rival computes what it should: poisoned outputs, float64, and room that follows from the arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tilevm.bench.gpu.case import Calls, Expected, Rival

ACC = 2.0**-24  # half a step of f32, in which everything is summed
HALF_STEP = {"bfloat16": 2.0**-8, "float16": 2.0**-11, "float32": 2.0**-24}  # relative, of results


def half_step(tensor: Any) -> float:
    """Half a step of a tensor's type, relative."""
    return HALF_STEP[str(tensor.dtype).removeprefix("torch.")]


def of_product(exact: Any, absolute: Any, k: int, out: float) -> Any:
    """Room of a sum of ``k`` products: 2 ε |ref| + k ε_acc (|A| |B|), the bound of docs and tests alike."""
    return 2.0 * out * exact.abs() + k * ACC * absolute


def of_softmax(exact: Any, terms: int, largest: float, out: float) -> Any:
    """Room of a softmax of ``terms`` numbers up to ``largest``: exponents are rounded, powers have 2 ulp and add up."""
    return (2.0 * out + (2.0 * largest + 8.0 + terms) * ACC) * exact.abs()


def of_attention(exact: Any, weighted: Any, terms: int, scores: float, held: float, out: float) -> Any:
    """Room of a sum weighted by a softmax. ``weighted``: the same sum of |values|; ``scores``: the error of a score;
    ``held``: the relative error of a power, which is rounded for the product."""
    return 2.0 * out * exact.abs() + (2.0 * (scores + held) + (terms + 8.0) * ACC) * weighted


def poison(outs: Iterable[Any]) -> None:
    """Fill what is to be written with what no result holds: NaN, or -1 in integers."""
    for out in outs:
        out.fill_(float("nan") if out.is_floating_point() else -1)


def error(rival: Rival, calls: Calls, expected: Expected) -> float:
    """The largest error of the first call over its room; inf where an element was not written, or is not finite."""
    poison(rival.outs)
    found = calls[0]()
    whole = found if isinstance(found, tuple) else (found,)
    if not all(bool(each.isfinite().all()) for each in whole):
        return float("inf")
    parts = expected.parts(found)
    return max(apart(rival.name, *each) for each in zip(parts, expected.exact, expected.room, strict=True))


def apart(name: str, found: Any, exact: Any, room: Any) -> float:
    assert found.shape == exact.shape, f"{name} gives {tuple(found.shape)}, not {tuple(exact.shape)}"
    return float(((found.double() - exact).abs() / room.clamp_min(1e-300)).max())
