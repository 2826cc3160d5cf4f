"""A kernel as a flat list of instructions: names made unique, device functions put in place of their calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tilevm.source import TileError, nearest

from .hazards import EmulationError, Hazard
from .kinds import width
from .records import (
    Address,
    Arguments,
    Block,
    Declaration,
    Function,
    Instruction,
    Inverted,
    Label,
    Name,
    Operand,
    Pair,
    Text,
    Vector,
)

DEPTH = 32
BUILTIN = {"vprintf", "__assertfail", "__assert_fail"}


@dataclass(frozen=True)
class Program:
    """A kernel ready to be decoded.

    ``registers`` gives the type of each; ``places`` the space and offset of each shared, local and parameter
    variable; ``outer`` the global and constant variables of the module. Sizes are in bytes.
    """

    function: Function
    module: Text
    instructions: tuple[Instruction, ...]
    labels: dict[str, int]
    registers: dict[str, str]
    places: dict[str, tuple[str, int]]
    outer: dict[str, Declaration]
    shared_bytes: int
    local_bytes: int


def size_of(variable: Declaration) -> int:
    """Bytes of a variable; one that is left open has none of its own."""
    return width(variable.type) // 8 * (variable.count or 0)


def place(size: int, variable: Declaration) -> int:
    """The next offset at or after ``size`` that a variable may lie at."""
    step = max(variable.align, width(variable.type) // 8)
    return (size + step - 1) // step * step


@dataclass
class Scope:
    """Names as they are called within one pair of braces; ``end`` is where ``ret`` leads in an inlined function."""

    names: dict[str, str]
    end: str = ""
    calls: tuple[str, ...] = ()

    def resolve(self, name: str) -> str:
        return self.names.get(name, name)

    def inner(self) -> Scope:
        return replace(self, names=dict(self.names))


@dataclass
class Linker:
    """Collects the parts of a program while it walks a function."""

    module: Text
    instructions: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    registers: dict[str, str] = field(default_factory=dict)
    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    outer: dict[str, Declaration] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=lambda: {"shared": 0, "local": 0})
    open_ended: list[str] = field(default_factory=list)
    scopes: int = 0

    def link(self, function: Function) -> Program:
        for variable in self.module.variables:
            self.declare(variable, variable.name)
        at = 0
        for parameter in function.params:
            at = place(at, parameter)
            self.places[parameter.name] = ("param", at)
            at += size_of(parameter)
        assert function.body is not None, "only kernels with a body are linked"
        self.block(function.body, Scope({}, calls=(function.name,)))
        for name in self.open_ended:  # memory of a size given at launch begins after all other
            self.places[name] = ("shared", (self.sizes["shared"] + 15) // 16 * 16)
        total = (self.sizes["shared"] + 15) // 16 * 16 if self.open_ended else self.sizes["shared"]
        return Program(
            function,
            self.module,
            tuple(self.instructions),
            self.labels,
            self.registers,
            self.places,
            self.outer,
            total,
            self.sizes["local"],
        )

    def declare(self, variable: Declaration, name: str) -> None:
        """A place for a variable, under the name that is its own in the whole program."""
        if variable.space in ("global", "const"):
            self.outer[name] = variable
        elif variable.count is None:
            self.open_ended.append(name)
        else:
            space = "shared" if variable.space == "shared" else "local"  # parameters of calls lie with the thread
            at = place(self.sizes[space], variable)
            self.places[name] = (space, at)
            self.sizes[space] = at + size_of(variable)

    def fresh(self, name: str) -> str:
        """A name of its own: as it is where it is free."""
        taken = (self.registers, self.places, self.labels, self.outer)
        if not any(name in names for names in taken):
            return name
        self.scopes += 1
        return f"{name}@{self.scopes}"

    def block(self, block: Block, scope: Scope) -> None:
        for item in block.items:
            if isinstance(item, Label):
                scope.names[item.name] = self.fresh(item.name)
                self.labels[scope.names[item.name]] = -1
        for item in block.items:
            if isinstance(item, Declaration):
                self.local(item, scope)
            elif isinstance(item, Label):
                self.labels[scope.resolve(item.name)] = len(self.instructions)
            elif isinstance(item, Block):
                self.block(item, scope.inner())
            else:
                self.instruction(item, scope)

    def local(self, item: Declaration, scope: Scope) -> None:
        """A declaration within a function: registers of a type, or a variable."""
        names = [f"{item.name}{i}" for i in range(item.count or 0)] if item.ranged else [item.name]
        for name in names:
            unique = self.fresh(name)
            scope.names[name] = unique
            if item.space == "reg":
                self.registers[unique] = item.type
            else:
                self.declare(item, unique)

    def instruction(self, item: Instruction, scope: Scope) -> None:
        found = replace(item, operands=tuple(rename(o, scope.resolve) for o in item.operands))
        found = replace(found, guard=scope.resolve(item.guard))
        if item.parts[0] == "call":
            self.call(found, scope)
        elif item.parts[0] == "ret" and scope.end:
            self.instructions.append(replace(found, text="bra", operands=(Name(scope.end),)))
        else:
            self.instructions.append(found)

    def call(self, item: Instruction, scope: Scope) -> None:
        """The body of a function in place of its call; functions of the driver are left as they are."""
        returned = item.operands[0].items if isinstance(item.operands[0], Arguments) else ()
        names = [o.name for o in item.operands if isinstance(o, Name)]
        given = [o.items for o in item.operands if isinstance(o, Arguments)]
        arguments = given[-1] if len(given) > bool(returned) else ()
        callee = self.module.functions.get(names[0])
        if callee is None or callee.body is None:
            if names[0] not in BUILTIN:
                message = f"{names[0]} has no body in this module"
                raise EmulationError(Hazard.UNKNOWN, message, item, "link the function into the module")
            self.instructions.append(item)
            return
        if callee.name in scope.calls or len(scope.calls) > DEPTH:
            message = f"{callee.name} calls itself; the emulator puts functions in place of their calls"
            raise EmulationError(Hazard.UNKNOWN, message, item, "write a loop instead of the recursion")
        self.scopes += 1
        end = f"end@{self.scopes}"
        self.labels[end] = -1
        if item.guard:  # those that do not call go round it
            around = replace(item, text="bra", operands=(Name(end),), inverted=not item.inverted)
            self.instructions.append(around)
        pairs = zip((*callee.returns, *callee.params), (*returned, *arguments), strict=True)
        names_in = {own.name: passed.name for own, passed in pairs if isinstance(passed, Name)}
        self.block(callee.body, Scope(names_in, end, (*scope.calls, callee.name)))
        self.labels[end] = len(self.instructions)


def rename(operand: Operand, resolve: Callable[[str], str]) -> Operand:
    """An operand with the names that its scope gives."""
    if isinstance(operand, Name | Inverted):
        return replace(operand, name=resolve(operand.name))
    if isinstance(operand, Address):
        return replace(operand, base=resolve(operand.base))
    if isinstance(operand, Pair):
        return Pair(rename(operand.first, resolve), rename(operand.second, resolve))
    if isinstance(operand, Vector | Arguments):
        return replace(operand, items=tuple(rename(i, resolve) for i in operand.items))
    return operand


def link(module: Text, name: str) -> Program:
    """The kernel ``name`` of a module.

    :raises TileError: there is no such kernel
    :raises EmulationError: a function that is called is missing, or calls itself
    """
    entries = [f.name for f in module.functions.values() if f.entry and f.body is not None]
    if name not in entries:
        near = nearest(name, entries)
        known = f"did you mean {near}?" if near else f"it has {', '.join(sorted(entries)) or 'none'}"
        raise TileError(f"{module.name} has no kernel {name}", help=known)
    return Linker(module).link(module.functions[name])
