"""The Kronecker product of layouts and its two quotients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from tilevm.layout.error import LayoutError
from tilevm.layout.form import Form
from tilevm.layout.mode import MEM, Mode, Modes, cut, merge
from tilevm.layout.normal import live
from tilevm.layout.xor import PLAIN, Xor

F = TypeVar("F", bound=Form)
Reach = Callable[[str], int]


def kronecker(outer: F, inner: F) -> F:
    """``outer`` laid out in steps of ``inner``: (outer*inner)(i) = outer(i div n)·cosize(inner) + inner(i mod n).

    Tilus' product, on every axis alike. The shorter rank is padded on the left.
    """
    outer, inner = whole(outer), whole(inner)
    rank = max(outer.rank, inner.rank)
    pairs = zip(padded(inner, rank), padded(outer, rank), strict=True)
    dims = tuple(low + scaled(high, inner.cosize_of) for low, high in pairs)
    replicas = inner.replicas + scaled(outer.replicas, inner.cosize_of)
    return replace(inner, dims=dims, replicas=replicas, xor=both(outer, inner))


def both(outer: Form, inner: Form) -> Xor:
    """The swizzle of a product: the inner one below, the outer one on multiples of the inner storage.

    Raises LayoutError where the steps between inner copies would change bits that the inner swizzle reads, or would not
    keep the bits of the outer one apart.
    """
    if not (outer.xor or inner.xor):
        return PLAIN
    storage = inner.cosize_of(MEM)
    low = inner.xor
    if storage % low.period and outer.cosize_of(MEM) > 1:
        raise LayoutError(
            f"a product repeats {inner} every {storage} offsets, but its swizzle repeats every {low.period}: "
            f"pad it to a multiple of {low.period}"
        )
    high = outer.xor
    if high and storage & (storage - 1):
        raise LayoutError(f"the swizzle {high} cannot count steps of {storage} offsets: only steps of powers of two")
    return Xor(low.rows + high.shifted(storage.bit_length() - 1).rows)


def right_quotient(product: F, inner: F) -> F:
    """The ``outer`` with outer * inner == product. Raises LayoutError when there is none."""
    try:
        outer = outer_part(whole(product), inner)
        exact = kronecker(outer, inner) == product
    except LayoutError as reason:
        raise LayoutError(f"{product} is no product with {inner} on the right: {reason}") from None
    if not exact:
        raise LayoutError(f"{product} is no product with {inner} on the right: the inner part differs")
    return outer


def left_quotient(product: F, outer: F) -> F:
    """The ``inner`` with outer * inner == product. Raises LayoutError when there is none."""
    try:
        inner = inner_part(whole(product), outer)
        exact = kronecker(outer, inner) == product
    except LayoutError as reason:
        raise LayoutError(f"{product} is no product with {outer} on the left: {reason}") from None
    if not exact:
        raise LayoutError(f"{product} is no product with {outer} on the left: the outer part differs")
    return inner


def whole(form: F) -> F:
    """``form``, canonical where swizzled: then its dims and its swizzle can be cut one by one."""
    return form.canonical() if form.xor else form


def outer_part(product: F, inner: F) -> F:
    """The only layout that can be the right quotient: what lies above the cut at the inner extents and cosizes."""
    extents = ratio(product, inner)[1]
    highs = [cut(modes, extent)[1] for modes, extent in zip(product.dims, extents, strict=True)]
    dims = tuple(shrunk(modes, inner.cosize_of) for modes in highs)
    held = merge(split_at(mode, inner.cosize_of(mode.axis))[1] for mode in product.key[1])
    replicas = shrunk(held, inner.cosize_of)
    xor = above(live(tuple(highs), product.xor) if product.xor else PLAIN, inner.cosize_of(MEM))
    return replace(product, dims=trimmed(dims, inner.rank), replicas=replicas, xor=xor)


def above(xor: Xor, storage: int) -> Xor:
    """What of a product's swizzle is the outer factor's, over an inner one of ``storage`` offsets."""
    if not xor:
        return xor
    bits = storage.bit_length() - 1
    rows = Xor(tuple((target, sources >> bits << bits) for target, sources in xor.rows))
    if rows and storage & (storage - 1):
        raise LayoutError(f"the swizzle {rows} cannot count steps of {storage} offsets: only steps of powers of two")
    return rows.shifted(-bits)


def inner_part(product: F, outer: F) -> F:
    """The only layout that can be the left quotient: what lies below the cut.

    Replicas stand on dense axes alone, where cosizes multiply, so the inner cosize is known beforehand.
    """
    extents = ratio(product, outer)[0]
    dims = tuple(cut(modes, extent)[0] for modes, extent in zip(product.dims, extents, strict=True))
    replicas = [
        split_at(mode, product.cosize_of(mode.axis) // outer.cosize_of(mode.axis))[0] for mode in product.key[1]
    ]
    xor = live(dims, product.xor) if product.xor else PLAIN
    return replace(product, dims=trimmed(dims, outer.rank), replicas=merge(replicas), xor=xor)


def ratio(product: Form, factor: Form) -> tuple[list[int], list[int]]:
    """The extents of the other factor and of this one, at the rank of the product."""
    if factor.rank > product.rank:
        raise LayoutError(f"rank {factor.rank} is more than rank {product.rank}")
    extents = [1] * (product.rank - factor.rank) + list(factor.shape)
    for dim, (whole, part) in enumerate(zip(product.shape, extents, strict=True)):
        if whole % part:
            raise LayoutError(f"extent {whole} of dim {dim} is not a multiple of {part}")
    return [whole // part for whole, part in zip(product.shape, extents, strict=True)], extents


def trimmed(dims: tuple[Modes, ...], rank: int) -> tuple[Modes, ...]:
    """``dims``, or none when nothing is left in them and the other factor, of ``rank``, brings the rank.

    A factor without dims and one with unit dims then have the same product; the former is how replicas alone are
    written, so that (replicate(8) * b) / (replicate(2) * b) == replicate(4).
    """
    return dims if any(dims) or rank < len(dims) else ()


def padded(form: Form, rank: int) -> tuple[Modes, ...]:
    return ((),) * (rank - form.rank) + form.dims


def scaled(modes: Modes, reach: Reach) -> Modes:
    return tuple([stretched(mode, reach(mode.axis)) for mode in modes])


def stretched(mode: Mode, by: int) -> Mode:
    return mode if by == 1 else Mode(mode.extent, mode.axis, mode.stride * by)


def shrunk(modes: Modes, reach: Reach) -> Modes:
    """The inverse of ``scaled``. Raises LayoutError where a stride does not divide."""
    for mode in modes:
        if mode.stride % reach(mode.axis):
            raise LayoutError(f"{mode} does not step over the inner {reach(mode.axis)} on {mode.axis}")
    return tuple(Mode(mode.extent, mode.axis, mode.stride // reach(mode.axis)) for mode in modes)


def split_at(mode: Mode, coordinate: int) -> tuple[Mode, Mode]:
    """A replica below and above ``coordinate`` on its axis. Raises LayoutError when it straddles."""
    fit = min(mode.extent, max(1, coordinate // mode.stride))
    if mode.extent % fit:
        raise LayoutError(f"replica {mode} straddles coordinate {coordinate} on {mode.axis}")
    return Mode(fit, mode.axis, mode.stride), Mode(mode.extent // fit, mode.axis, mode.stride * fit)
