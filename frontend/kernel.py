"""``@tv.kernel``: a Python function that is compiled for what it is called with."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property, update_wrapper
from types import FunctionType
from typing import Any, overload

from tilevm.backend import Argument
from tilevm.compiling import COMPILING
from tilevm.debug import debugging
from tilevm.driver import Build, choose, compile_func
from tilevm.runtime.arguments import Seen, for_threads, read
from tilevm.runtime.compiled import Compiled
from tilevm.runtime.conform import conforms
from tilevm.runtime.contract import Contract
from tilevm.runtime.grid import Grid, counts, symbols, trace_grid
from tilevm.runtime.home import belong, home
from tilevm.runtime.keep import kept
from tilevm.runtime.launch.bind import bind
from tilevm.runtime.launch.counting import counted, frozen
from tilevm.runtime.launch.repeats import Repeats, nothing
from tilevm.runtime.launch.sketch import Call as Written
from tilevm.runtime.specialise import Specs, declared, specialise
from tilevm.signature import PointerSpec, Signature, TensorSpec, parse
from tilevm.source import TileError, nearest
from tilevm.target import TARGETS
from tilevm.types import Type

from .call import Call, Parameters
from .captures import helpers
from .fingerprint import fingerprint
from .reading import keep_lines
from .trace import trace
from .values import with_article
from .watch import Place, guards, marks, places


class Kernel:
    """A kernel. ``kernel(*args, **constexprs)`` compiles what is not compiled yet, and runs.

    ``kernel[grid](*args, num_warps=4, target=None, device=None, stream=None, **constexprs)`` says the grid too: one
    to three counts, or a function of dims, integer arguments and constants. Any thread may call it.
    """

    __slots__ = ("__call__", "__dict__", "__weakref__")  # calls go to what the first slot holds, native code by and by

    __name__: str
    __qualname__: str
    __call__: Callable[..., None]

    def __init__(self, function: FunctionType, signature: Signature, grid: Grid | None) -> None:
        update_wrapper(self, function)
        self.__call__ = self._otherwise(None)
        self.signature, self.grid, self._function = signature, grid, function
        self.parameters = Parameters.of(function)
        self._specs = specs(self.parameters, signature)
        self._watched: dict[tuple[FunctionType, ...], tuple[Place, ...]] = {}
        self._known: dict[Hashable, Compiled] = {}  # by what is seen of a call
        self._made: dict[Hashable, Compiled] = {}  # by the types that follow from it
        self._repeats = Repeats(self.__name__, self._otherwise)
        self._find_on: Callable[[Grid], Callable[..., None] | None] = nothing  # finds a launcher by its grid

    def __repr__(self) -> str:
        return f"<kernel {self.__name__}({', '.join(self.parameters.names)})>"

    def __reduce__(self) -> str:
        """Pickled and copied as functions are: by name, so another process compiles its own."""
        return self.__qualname__

    def __getitem__(self, grid: Grid) -> Callable[..., None]:
        """A launcher on ``grid``: counts along x, y, z, or a function of what is bound."""
        return self._find_on(grid) or self._new(grid)

    def _new(self, grid: Grid) -> Callable[..., None]:
        repeats = self.gridless._repeats
        self._find_on = repeats.find
        return repeats.launcher(grid)

    def _otherwise(self, grid: Grid | None) -> Callable[..., None]:
        """A launcher that goes through Python."""
        return lambda *args, **keywords: self._launch(grid, args, keywords)

    @cached_property
    def gridless(self) -> Kernel:
        """The kernel without its own grid: accesses proved to lie inside for that one may not on a larger one."""
        return self if self.grid is None else Kernel(self._function, self.signature, None)

    @property
    def prepare(self) -> Preparing:
        """``kernel.prepare(*args, **constexprs)`` gives a launcher without arguments, which runs the kernel on these:
        for loops. ``kernel.prepare[grid](…)`` says the grid. What is passed is looked at once, and kept alive."""
        return Preparing(self)

    def compile(self, *args: Any, **keywords: Any) -> Compiled:
        """The kernel compiled, not run, for example arguments or for one string: a signature without type variables.

        ``target``, ``device``, ``num_warps`` and constexprs are given as in a call. From a signature alone, rows are
        taken to be contiguous, addresses multiples of an element, and tensors of any size, unless
        ``{strides=…, align=…, small}`` say otherwise.
        """
        if args and isinstance(args[0], str):
            return self._declare(parse(args[0]), args[1:], keywords)
        call = self.parameters.sort(args, keywords)
        return self._find(call, self._read(call)[1])

    def _launch(self, grid: Grid | None, args: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        call = self.parameters.sort(args, keywords)
        arguments, seen = self._read(call)
        compiled = self._find(call, seen)
        compiled.run(grid, arguments, call.stream)
        if self._repeats.often(compiled, grid, args, keywords):
            written = self._written(args, keywords, call)
            written = counted(written, grid, lambda: self._symbols(call, types_of(compiled))) if written else None
            artifact = compiled.build.artifact
            if written and self._repeats.prepare(artifact, compiled, grid, written, seen) and grid is None:
                self.__call__ = self._repeats.own()

    def _written(self, args: Sequence[Any], keywords: Mapping[str, Any], call: Call) -> Written | None:
        """A call as native code sees it; None where what it reads from outside is not for that to see."""
        watched = guards(self._outside(call))
        if watched is None:
            return None
        number = {name: i for i, name in enumerate(self.parameters.runtime)}
        places = [number.get(name) for name in (*self.parameters.names[: len(args)], *keywords)]
        return Written((*args, *keywords.values()), tuple(keywords), places, watched, call.stream)

    def _bind(self, grid: Grid | None, args: Sequence[Any], keywords: Mapping[str, Any]) -> Callable[[], None]:
        call = self.parameters.sort(args, keywords)
        arguments, seen = self._read(call)
        return bind(self._find(call, seen), grid, arguments, call.stream)

    def _read(self, call: Call) -> tuple[list[Argument], tuple[Seen, ...]]:
        pairs = [read(value, name) for value, name in zip(call.values, self.parameters.runtime, strict=True)]
        asked = call.options
        if (asked.target or asked.device) and choose(asked.device, asked.target).target in TARGETS:
            pairs = [(argument, for_threads(argument, seen)) for argument, seen in pairs]
        return [argument for argument, _ in pairs], tuple(seen for _, seen in pairs)

    def _find(self, call: Call, seen: tuple[Seen, ...]) -> Compiled:
        """What was compiled for such a call, or is now."""
        key = self._key(call, seen)
        return self._known.get(key) or self._specialise(call, seen)

    def _key(self, call: Call, what: Hashable) -> Hashable:
        return what, call.mark, call.options, debugging(), marks(self._outside(call))

    def _outside(self, call: Call, again: bool = False) -> tuple[Place, ...]:
        """Where values stand that the kernel and the helpers given to it read from outside."""
        roots: tuple[FunctionType, ...] = (self._function, *(h for v in call.constants.values() for h in helpers(v)))
        found = None if again else self._watched.get(roots)
        if found is None:
            found = self._watched[roots] = places(roots)
        return found

    def _specialise(self, call: Call, seen: tuple[Seen, ...]) -> Compiled:
        types = specialise(self.parameters.runtime, self._specs, seen)
        settled = self._settle(call, seen)
        with COMPILING:
            compiled = self._compile(settled, types, self._specs)
            self._known[self._key(call, seen)] = compiled
        return compiled

    def _settle(self, call: Call, seen: tuple[Seen, ...]) -> Call:
        """What decides the code of a call, without its arguments, which are not to live as long as code does: its
        device is named, where nobody says and they live on a card."""
        asked = call.options
        device = asked.device or home(self.parameters.runtime, seen)
        if device is not None:
            device = choose(device, asked.target).name
            belong(device, self.parameters.runtime, seen)
        return call._replace(values=(), stream=None, options=asked._replace(device=device))

    def _declare(self, signature: Signature, args: Sequence[Any], keywords: Mapping[str, Any]) -> Compiled:
        """Compile for a signature alone."""
        if args:
            raise TileError("after a signature, compile takes constants by name only", help="write BM=128, …")
        said = specs(self.parameters, signature)
        types = declared(self.parameters.runtime, said)
        conforms(self.parameters.runtime, self._specs, said, tuple(types.values()))
        call = self.parameters.sort((), {**dict.fromkeys(self.parameters.runtime), **keywords})
        with COMPILING:
            return self._compile(call, types, said)

    def _compile(self, call: Call, types: dict[str, Type], said: Specs) -> Compiled:
        self._outside(call, again=True)
        key = self._key(call, (tuple(types.values()), tuple(said)))
        if key not in self._made:
            self._made[key] = Compiled(*self._build(call, types, said), call.constants, call.options.num_warps)
        return self._made[key]

    def _build(self, call: Call, types: dict[str, Type], said: Specs) -> tuple[Build, Contract]:
        """The code for these types, and what it asks of calls: from the disk where it was made before."""
        where, grid = choose(call.options.device, call.options.target), self._grid(call, types)

        def fresh() -> tuple[Build, Contract]:
            func = trace(self._function, types, call.constants, grid)
            return compile_func(func, where, call.options.num_warps), Contract.of(func, said)

        decided_by = fingerprint(
            self._function, self._outside(call), call.constants, types, said, grid, call.options.num_warps, debugging()
        )
        return kept(decided_by, where, fresh)

    def _grid(self, call: Call, types: Mapping[str, Type]) -> Any:
        return None if self.grid is None else trace_grid(self.grid, self._symbols(call, types))

    def _symbols(self, call: Call, types: Mapping[str, Type]) -> dict[str, Any]:
        """What the names of a grid function stand for."""
        dims = {s.name: s.dims for s in self.signature if isinstance(s, TensorSpec)}
        return {**call.constants, **symbols(types, dims)}


def types_of(compiled: Compiled) -> dict[str, Type]:
    return {p.name: p.type for p in compiled.abi.params}


class Preparing:
    """``kernel.prepare``."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def __call__(self, *args: Any, **keywords: Any) -> Callable[[], None]:
        return self._kernel._bind(None, args, keywords)

    def __getitem__(self, grid: Grid) -> Callable[..., Callable[[], None]]:
        now = frozen(grid)
        return lambda *args, **keywords: self._kernel.gridless._bind(now, args, keywords)


def specs(parameters: Parameters, signature: Signature) -> Specs:
    """What is said of each run-time parameter. Raises TileError where the signature speaks of others."""
    for spec in signature:
        if spec.name in parameters.constexprs:
            raise TileError(
                f"{spec.name} is a compile-time parameter, and the signature gives it a type",
                spec.span,
                help="leave it out of the signature: its value is given when compiling",
            )
        if spec.name not in parameters.names:
            near = nearest(spec.name, parameters.runtime)
            mend = f"did you mean {near!r}?" if near else f"its parameters are {', '.join(parameters.runtime)}"
            raise TileError(f"{parameters.kernel} has no parameter {spec.name}", spec.span, help=mend)
    free = {name: PointerSpec(name, None) for name in parameters.pointers}
    return tuple(signature.get(name) or free.get(name) for name in parameters.runtime)


@overload
def kernel(function: FunctionType, /) -> Kernel: ...
@overload
def kernel(signature: str | None = None, /, *, grid: Grid | None = None) -> Callable[[Callable[..., Any]], Kernel]: ...
def kernel(what: Any = None, /, *, grid: Grid | None = None) -> Any:
    """Make a kernel of a function.

    ``@tv.kernel``, or ``@tv.kernel("a: f16[M, K], n: i32", grid=lambda M, BM, **_: tv.cdiv(M, BM))``. Both parts may
    be left out: a parameter that the signature does not speak of takes its type from the argument, and a kernel
    without a grid is called as ``kernel[grid](…)``. A grid is one to three counts, or a function that gives them: it
    is called with expressions for dims, integer arguments and tensors' ``.shape``, and with the constants. Where a
    count is 0 or less, nothing runs.
    """
    if what is None or isinstance(what, str):
        return lambda function: make(function, what, grid)
    return make(what, None, grid)


def make(function: Any, signature: str | None, grid: Grid | None) -> Kernel:
    if not isinstance(function, FunctionType):
        raise TileError(
            f"@tv.kernel marks a function written with def, not {with_article(type(function).__name__)}",
            help="put it above a def",
        )
    if grid is not None and not callable(grid):
        counts(grid, {})  # a wrong one is told here, not at the first call
    keep_lines(function)
    said = parse(signature, f"<signature of {function.__name__}>") if signature is not None else Signature()
    return Kernel(function, said, grid)
