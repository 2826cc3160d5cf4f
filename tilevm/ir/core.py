"""The shape of the IR: values, instructions, blocks, functions.

An instruction is one class. Its fields say what it takes (``operand``, ``operands``, ``optional``), what is
fixed when it is built (``attribute``) and what it contains (``region``); ``infer`` says what it yields. Printer,
reader, verifier and rewriter read the fields and never name an instruction.

Everything is frozen and compared by identity: a pass returns a new function and shares what it did not change.
Control flow is structured (regions with carried values), so dominance is nesting and there are no phi nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum, auto
from typing import Any, ClassVar, Self, dataclass_transform

from tilevm.layout import Layout
from tilevm.source import Span, TileError
from tilevm.symbolic import Expr
from tilevm.types import Tile, Type


class Value:
    """What an instruction yields or a block is given. ``owner`` is the instruction, None for a parameter."""

    __slots__ = ("hint", "owner", "type")

    def __init__(self, type: Type, hint: str = "", owner: Op | None = None) -> None:
        self.type, self.hint, self.owner = type, hint, owner

    def __repr__(self) -> str:
        return f"%{self.hint or '_'}: {self.type}"


@dataclass(frozen=True, eq=False)
class Block:
    """Parameters, and instructions of which the last hands values on."""

    params: tuple[Value, ...]
    ops: tuple[Op, ...]

    @property
    def end(self) -> Op:
        return self.ops[-1]

    def with_ops(self, ops: Iterable[Op]) -> Block:
        """Other instructions under the same parameters; the block itself where they are its own."""
        made = tuple(ops)
        return self if made == self.ops else Block(self.params, made)


@dataclass(frozen=True, eq=False)
class Func:
    """A kernel. ``grid`` counts the programs along each axis, or None when only the launch knows.

    ``warps`` and ``target``: at thread level, how many warps a block has, and of which machine; at tile level None.
    """

    name: str
    body: Block
    grid: tuple[Expr, ...] | None = None
    span: Span | None = None
    warps: int | None = None
    target: str | None = None

    @property
    def params(self) -> tuple[Value, ...]:
        return self.body.params


class Effect(Enum):
    """What an instruction does besides yielding values."""

    PURE = auto()
    READ = auto()  # sees memory: may be dropped, not moved over a WRITE
    WRITE = auto()  # changes memory: stays, in order


class Role(Enum):
    """What a field of an instruction is."""

    OPERAND = auto()
    OPERANDS = auto()
    OPTIONAL = auto()
    ATTRIBUTE = auto()
    REGION = auto()


def operand() -> Any:
    """One value."""
    return field(metadata={"role": Role.OPERAND})


def operands() -> Any:
    """A tuple of values."""
    return field(metadata={"role": Role.OPERANDS})


def optional() -> Any:
    """A value or None."""
    return field(default=None, metadata={"role": Role.OPTIONAL})


def attribute(default: Any = ..., read: Callable[[Any], Any] = lambda x: x) -> Any:
    """A constant; ``read`` makes it from what the text form holds."""
    metadata = {"role": Role.ATTRIBUTE, "read": read}
    return field(metadata=metadata) if default is ... else field(default=default, metadata=metadata)


def region() -> Any:
    """A block of instructions."""
    return field(metadata={"role": Role.REGION})


LARGEST = 1 << 28  # elements of a tile
OPS: dict[str, type[Op]] = {}  # instructions of the tile level; some stand at thread level too
THREAD_OPS: dict[str, type[Op]] = {}  # of the thread level alone
VALUE_ROLES = (Role.OPERAND, Role.OPERANDS, Role.OPTIONAL)


@dataclass_transform(
    frozen_default=True,
    eq_default=False,
    kw_only_default=True,
    field_specifiers=(operand, operands, optional, attribute, region),
)
@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Op:
    """One instruction. A subclass with ``name=`` defines it everywhere at once; one without is a family."""

    name: ClassVar[str]
    effect: ClassVar[Effect] = Effect.PURE
    terminator: ClassVar[bool] = False
    thread: ClassVar[bool] = False  # of the thread level alone
    roles: ClassVar[dict[str, Role]]
    readers: ClassVar[dict[str, Callable[[Any], Any]]]
    names: ClassVar[tuple[str, ...]]  # of all fields
    takes: ClassVar[tuple[tuple[str, Role], ...]]  # fields that hold values
    contains: ClassVar[tuple[str, ...]]  # fields that hold blocks

    span: Span | None = None
    hints: tuple[str, ...] = ()
    layouts: tuple[Layout | None, ...] = ()  # of the results, once assigned

    def __init_subclass__(
        cls, *, name: str = "", effect: Effect | None = None, terminator: bool = False, **rest: Any
    ) -> None:
        super().__init_subclass__(**rest)
        dataclass(frozen=True, eq=False, kw_only=True, repr=False)(cls)
        marked = [f for f in fields(cls) if "role" in f.metadata]
        cls.roles = {f.name: f.metadata["role"] for f in marked}
        cls.readers = {f.name: f.metadata["read"] for f in marked if "read" in f.metadata}
        cls.names = tuple(f.name for f in fields(cls))
        cls.takes = tuple((n, r) for n, r in cls.roles.items() if r in VALUE_ROLES)
        cls.contains = tuple(n for n, r in cls.roles.items() if r is Role.REGION)
        cls.effect = effect or cls.effect
        cls.terminator = terminator
        if name:
            assert name not in {**OPS, **THREAD_OPS}, f"instruction {name!r} is defined twice"
            cls.name = name
            (THREAD_OPS if cls.thread else OPS)[name] = cls

    # what every pass asks again and again, set once for each instruction
    operands: ClassVar[tuple[Value, ...]]  # every value taken, in order
    regions: ClassVar[tuple[Block, ...]]
    results: ClassVar[tuple[Value, ...]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "operands", tuple(values_in(self)))
        object.__setattr__(self, "regions", tuple([getattr(self, name) for name in self.contains]))
        types = self.infer()
        self.refuse_large(types)
        hints = self.hints or ("",) * len(types)
        layouts = self.layouts or (None,) * len(types)
        made = [Value(lying(t, at), h, self) for t, at, h in zip(types, layouts, hints, strict=True)]
        object.__setattr__(self, "results", tuple(made))

    def refuse_large(self, types: Sequence[Type]) -> None:
        """Raises TileError for a tile of more elements than machines count."""
        for found in types:
            if isinstance(found, Tile) and found.size > LARGEST:
                raise TileError(
                    f"{self.name}: a tile {found} would have {found.size} elements, and the most is {LARGEST}",
                    self.span,
                    help="give each program a smaller tile, and loop over the rest or run more programs",
                )

    def infer(self) -> tuple[Type, ...]:
        """The types of the results. Raises TileError, at ``span``, for operands that do not fit."""
        raise AssertionError(f"{type(self).__name__} has no type rule")

    @property
    def result(self) -> Value:
        (value,) = self.results
        return value

    def part(self, *roles: Role) -> Iterator[tuple[str, Any]]:
        """Names and contents of the fields with these roles, in order of declaration."""
        return ((n, getattr(self, n)) for n, r in self.roles.items() if r in roles)

    @property
    def attributes(self) -> tuple[tuple[str, Any], ...]:
        return tuple([(name, getattr(self, name)) for name in self.readers])

    def with_parts(self, values: Sequence[Value], blocks: Sequence[Block]) -> Self:
        """The same instruction on other operands and regions, both in order of declaration."""
        left, regions = iter(values), iter(blocks)
        new = {name: getattr(self, name) for name in self.names}  # layouts stay as they are
        for name, role in self.takes:
            if role is Role.OPERANDS:
                new[name] = tuple([next(left) for _ in new[name]])
            elif new[name] is not None:
                new[name] = next(left)
        new |= {name: next(regions) for name in self.contains}
        new["hints"] = tuple([r.hint for r in self.results])
        return type(self)(**new)


def values_in(op: Op) -> Iterator[Value]:
    """What the fields of an instruction hold of values, in order of declaration."""
    for name, role in op.takes:
        held = getattr(op, name)
        if role is Role.OPERANDS:
            yield from held
        elif held is not None:
            yield held


def lying(found: Type, layout: Layout | None) -> Type:
    """A type as it lies: a tile in ``layout``, or in none yet."""
    if not isinstance(found, Tile) or found.layout is layout:
        return found
    return replace(found, layout=layout)
