"""Lists changed in place: ``xs[i] = …`` and ``xs.append(…)``.

A list is a value like a tuple, so a change gives its name another value. In Python every other name of the list would
see the change; here a list that has another name is not changed at all.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from .calls.sequences import limit, sequence
from .dispatch import expression
from .exits import HIDDEN
from .frame import Frame
from .operators import BINARY, binary
from .values import List, Stream, describe, is_int, like

Path = tuple[int, ...]


def assign_item(target: ast.Subscript, value: object, frame: Frame) -> None:
    """``xs[i] = value``."""
    root, path, held = find(target.value, frame)
    at = index_in(held, target.slice, frame)
    change(root, path, held, (*held[:at], value, *held[at + 1 :]), frame)


def augment_item(node: ast.AugAssign, target: ast.Subscript, frame: Frame) -> None:
    """``xs[i] += …``."""
    root, path, held = find(target.value, frame)
    at = index_in(held, target.slice, frame)
    after = augment(node, held[at], expression(node.value, frame), frame, (root, (*path, at)))
    root, path, held = find(target.value, frame)  # the value may have changed the list
    change(root, path, held, (*held[:at], after, *held[at + 1 :]), frame)


def augment(node: ast.AugAssign, before: object, by: object, frame: Frame, at: tuple[str, Path]) -> object:
    """What ``before`` becomes; a list is changed in place, and whatever gives parts may be added to it."""
    if not isinstance(before, List):
        return binary(frame.builder, BINARY[type(node.op)], before, by)
    alone(*at, before, frame)
    if isinstance(node.op, ast.Add):
        by = List(sequence(frame.builder, "+= on a list", by))
    after = binary(frame.builder, BINARY[type(node.op)], before, by)
    assert isinstance(after, List), "+ and * of a list give a list"
    frame.changes += 1
    return like(before, after)


def method_call(node: ast.Call, frame: Frame) -> bool:
    """Whether the statement is a call of a list's method, which is then done."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in METHODS:
        return False
    if not isinstance(expression(node.func.value, frame), List):
        return False
    name = node.func.attr
    if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
        raise frame.error(
            f"{name} of a list takes its arguments by position", help="write the arguments out, without names and *"
        )
    given = [expression(a, frame) for a in node.args]
    takes, made = METHODS[name]
    if len(given) != takes:
        raise frame.error(
            f"{name} of a list takes {takes} argument{'s' * (takes != 1)}, and {len(given)} are given",
            help=f"write xs.{name}({', '.join('…' * takes)})",
        )
    root, path, held = find(node.func.value, frame)
    change(root, path, held, made(frame, held, *given), frame)
    return True


def extended(frame: Frame, held: List, more: object) -> tuple[object, ...]:
    return (*held, *sequence(frame.builder, "extend", more))


def inserted(frame: Frame, held: List, at: object, value: object) -> tuple[object, ...]:
    if not is_int(at):
        raise frame.error(
            f"insert takes a compile-time index, not {describe(at)}",
            help="take it from a tv.constexpr parameter, or choose the part with if",
        )
    parts: list[object] = list(held)
    parts.insert(at, value)
    return tuple(parts)


METHODS: dict[str, tuple[int, Callable[..., tuple[object, ...]]]] = {
    "append": (1, lambda frame, held, value: (*held, value)),
    "extend": (1, extended),
    "insert": (2, inserted),
    "clear": (0, lambda frame, held: ()),
    "reverse": (0, lambda frame, held: tuple(reversed(held))),
}


def find(node: ast.expr, frame: Frame) -> tuple[str, Path, List]:
    """The list that ``node`` names: the name at its root, the way from there, and the list."""
    if isinstance(node, ast.Name):
        held = expression(node, frame)
        return node.id, (), whole(held, node, frame)
    if not isinstance(node, ast.Subscript):
        raise frame.error("only a list that has a name can be changed", node, help="give it a name first")
    root, path, outer = way(node, frame)
    return root, path, whole(outer, node, frame)


def way(node: ast.expr, frame: Frame) -> tuple[str, Path, object]:
    """The same through lists and tuples, to whatever stands there."""
    if isinstance(node, ast.Name):
        return node.id, (), expression(node, frame)
    if not isinstance(node, ast.Subscript):
        raise frame.error("only a list that has a name can be changed", node, help="give it a name first")
    root, path, outer = way(node.value, frame)
    if not isinstance(outer, tuple):
        raise frame.error(
            f"{describe(outer)} has no parts that can be changed",
            node.value,
            help="keep the values in a list, or in a tuple that holds lists",
        )
    at = index_in(outer, node.slice, frame)
    return root, (*path, at), outer[at]


def whole(held: object, node: ast.expr, frame: Frame) -> List:
    """``held``, which must be a list."""
    if isinstance(held, List):
        return held
    if isinstance(held, tuple):
        raise frame.error("a tuple cannot be changed", node, help="write a list, [a, b], or make one with list(…)")
    raise frame.error(
        f"elements of {describe(held)} cannot be assigned one by one",
        node,
        help="write a tensor with a.store(offsets, tile); change parts of a tile with tv.where",
    )


def index_in(owner: tuple[object, ...], index: ast.expr, frame: Frame) -> int:
    """Where in ``owner`` an element stands."""
    noun = "list" if isinstance(owner, List) else "tuple"
    if isinstance(index, ast.Slice):
        raise frame.error(f"a slice of a {noun} cannot be assigned", index, help="assign its elements one by one")
    at = expression(index, frame)
    if not is_int(at):
        raise frame.error(
            f"a {noun} is indexed by a compile-time int, not {describe(at)}",
            index,
            help="a loop over tv.static_range counts at compile time",
        )
    if not -len(owner) <= at < len(owner):
        last = len(owner) - 1
        help = f"its parts are 0 to {last}, or -{last + 1} to -1 from the end" if owner else "it has no parts"
        raise frame.error(f"index {at} of a {noun} of {len(owner)}", index, help=help)
    return at % len(owner)


def change(root: str, path: Path, held: List, parts: tuple[object, ...], frame: Frame) -> None:
    """Put a list with other parts where ``held`` stands."""
    alone(root, path, held, frame)
    limit(frame.builder, root, len(parts))
    frame.changes += 1
    frame.names[root] = replaced(frame.names[root], path, like(held, parts))
    assert frame.builder.span is not None, "statements have a place"
    frame.places[root] = frame.builder.span


def replaced(value: object, path: Path, new: object) -> object:
    """``value`` with ``new`` at the end of ``path``."""
    if not path:
        return new
    assert isinstance(value, tuple), "the way leads through lists and tuples"
    at, *rest = path
    return like(value, (*value[:at], replaced(value[at], tuple(rest), new), *value[at + 1 :]))


def alone(root: str, path: Path, held: List, frame: Frame) -> None:
    """Raises TileError where the list at the end of ``path`` can be reached by another way too."""
    if root not in frame.names:
        raise frame.error(f"{root} is not a list of this function", help=f"copy it first: {root} = list({root})")
    for place, other, words in ways(held, frame):
        if (place, other) == ((frame, root), path):
            continue
        if place[0] is not frame:
            raise frame.error(
                f"{root} is the list {words} of the code that calls this, which a helper cannot change",
                help=f"return the new list, or copy it first: {root} = list({root})",
            )
        raise frame.error(
            f"{written(root, path)} and {words} may be one list, so a change of one would show in the other",
            help=f"copy it first: {root} = list({words})" if not path else "make a list of its own for each: [… for …]",
        )


def ways(held: List, frame: Frame) -> Iterator[tuple[tuple[Frame, str], Path, str]]:
    """Every place from which a list can be reached that may be ``held``."""
    for each in frame.stack():
        for name, value in each.names.items():
            if name not in HIDDEN:
                for path in paths(value, held.origins):
                    yield (each, name), path, written(name, path)
        for parts in each.ahead:
            for path in paths(parts, held.origins):
                yield (each, ""), path, "a part that the loop has still to come to"


def paths(value: object, origins: frozenset[object]) -> Iterator[Path]:
    """The ways inside ``value`` to lists that share an origin."""
    if isinstance(value, List) and value.origins & origins:
        yield ()
    if isinstance(value, tuple):
        for at, part in enumerate(value):
            yield from ((at, *rest) for rest in paths(part, origins))


def written(root: str, path: Path) -> str:
    return root + "".join(f"[{at}]" for at in path)


def refuse_stream(value: object, node: ast.expr, frame: Frame) -> None:
    """Raises TileError where something that gives its parts once would be kept."""
    if isinstance(value, Stream):
        raise frame.error(
            f"{value.what} gives its parts only once, so it cannot be kept", node, help="keep them in list(…)"
        )
