"""Where the arguments of a call live, and whether a device reaches them."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.backend import ANYWHERE, FAMILIES
from tilevm.runtime.arguments import Seen, Trait
from tilevm.source import TileError

HOST = "cpu"


def home(names: Sequence[str], seen: Sequence[Seen]) -> str | None:
    """The card that the tensors of a call live on, any of them where all are anywhere; None where they are the host's,
    or there are none.

    Raises TileError where they live in several places.
    """
    found = living(names, seen)
    if len(found) > 1:
        (here, first), (there, second) = list(found.items())[:2]
        name, card = (first, there) if here == HOST else (second, here)
        raise TileError(
            f"{first} lives on {here} and {second} on {there}, and a kernel runs in one place",
            help=f"copy one of them to where the other is, as in {moved(name, card, names, seen)}",
        )
    device = next(iter(found), HOST)
    return None if device == HOST else device


def belong(device: str, names: Sequence[str], seen: Sequence[Seen]) -> None:
    """Raises TileError where a device does not reach the memory of some argument. Cards take copies of the host's."""
    where = home(names, seen)
    if where in (None, ANYWHERE, device) or device == "nowhere":
        return
    name = next(n for n, s in zip(names, seen, strict=True) if isinstance(s, Trait) and s.device == where)
    card = device.partition(":")[0] in FAMILIES
    mend = f"copy it there, as in {moved(name, device, names, seen)}"
    mend = mend if card else f"pass {moved(name, HOST, names, seen)}"
    raise TileError(
        f"{name} lives on {where}, and the kernel is to run on {device}",
        help=f"{mend}; or leave out device=, and it runs on {where}",
    )


def moved(name: str, device: str, names: Sequence[str], seen: Sequence[Seen]) -> str:
    """How the tensor called ``name`` is written on another device."""
    if seen[names.index(name)].packed:  # type: ignore[union-attr]  # it is a tensor
        return f"{name}.to({device!r})"
    return f"{name}.cpu(), of torch" if device == HOST else f"{name}.to({device!r}) of torch"


def living(names: Sequence[str], seen: Sequence[Seen]) -> dict[str, str]:
    """The devices that tensors live on, each with the first of them. What is anywhere is where the others are."""
    found: dict[str, str] = {}
    for name, one in zip(names, seen, strict=True):
        if isinstance(one, Trait):
            found.setdefault(one.device, name)
    if len(found) > 1:
        found.pop(ANYWHERE, None)
    return found
