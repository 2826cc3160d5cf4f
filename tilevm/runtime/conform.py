"""Whether a signature written for compiling keeps what the kernel's own signature promises."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.runtime.arguments import SPECIALISED, Seen, Trait
from tilevm.runtime.specialise import Specs, specialise
from tilevm.signature import TensorSpec
from tilevm.source import Note, TileError
from tilevm.types import Dim, Pointer, Scalar, Tensor, Type


def conforms(names: Sequence[str], own: Specs, said: Specs, types: Sequence[Type]) -> None:
    """Raises TileError unless all that ``said`` admits, ``own`` admits too. ``types`` follow from ``said``."""
    specialise(names, own, [as_seen(kind) for kind in types])
    meanings: dict[str, tuple[str, str]] = {}
    for mine, theirs in zip(own, said, strict=True):
        if isinstance(mine, TensorSpec) and isinstance(theirs, TensorSpec):
            for wanted, found in zip(mine.dims, theirs.dims, strict=True):
                conform_dim(mine, theirs, wanted, found, meanings)
            conform_memory(mine, theirs)


def conform_dim(
    mine: TensorSpec, theirs: TensorSpec, wanted: Dim, found: Dim, meanings: dict[str, tuple[str, str]]
) -> None:
    """One extent: the same number, divided alike, and what had one name has one meaning."""
    if wanted.size is not None and wanted.size != found.size:
        raise broken(mine, theirs, f"the extent {wanted.size}")
    if (found.divisor if found.size is None else found.size) % wanted.divisor:
        raise broken(mine, theirs, f"the extent {wanted}")
    if wanted.name is not None:
        word = str(found.name if found.size is None else found.size)
        first, owner = meanings.setdefault(wanted.name, (word, theirs.name))
        if first != word:
            message = f"dim {wanted.name} of the kernel is {first} in {owner} and {word} in {theirs.name}"
            raise TileError(message, help="write the same there: the kernel takes these extents to be equal")


def conform_memory(mine: TensorSpec, theirs: TensorSpec) -> None:
    """Strides, alignment and span that the kernel asks for are asked for again."""
    if theirs.align % mine.align:
        raise broken(mine, theirs, f"align={mine.align}")
    if mine.small and not theirs.small:
        raise broken(mine, theirs, "small")
    anything = (None,) * len(mine.dims)
    for wanted, found in zip(mine.strides or anything, theirs.strides or anything, strict=True):
        if wanted is not None and (found is None or (isinstance(wanted, int) and wanted != found)):
            raise broken(mine, theirs, f"the stride {wanted}")


def broken(mine: TensorSpec, theirs: TensorSpec, what: str) -> TileError:
    return TileError(
        f"{mine.name} lacks {what}, which the kernel's own signature asks for",
        notes=[Note(f"the kernel: {mine}"), Note(f"for compiling: {theirs}")],
        help="write it here too",
    )


def as_seen(kind: Type) -> Seen:
    """An argument of a type, as specialisation would see it."""
    assert isinstance(kind, Tensor | Pointer | Scalar)
    if isinstance(kind, Scalar):
        return kind.dtype
    units = tuple(s == 1 for s in kind.strides) if isinstance(kind, Tensor) else ()
    packed = isinstance(kind, Tensor) and kind.packed
    return Trait(kind.dtype, units, min(kind.align, SPECIALISED), packed=packed)
