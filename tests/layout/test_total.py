"""Whatever is asked, an answer or a LayoutError comes, and soon; a TypeError only where a Python type is wrong."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.conftest import TEST_ALL
from tilevm import layout as algebra
from tilevm.layout import Layout, LayoutError, Mode, Xor
from tilevm.layout.bitview import check_view, recast

CALLS = 100_000 if TEST_ALL else 3_000
EACH = 10  # calls of one example, each on the answers of those before
LIMIT = 2.0  # seconds a call; 50 ms are meant, the rest is for busy machines
AXES = ("thread", "reg", "block", "mem", "d0", "d1", "lane", "", 3)
SMALL = (1, 1, 2, 2, 3, 4, 4, 6, 8, 16, 32)
ODD = (0, -1, -7, True, 10**9, 2**40, 2**64 - 1, 2**70, 3**44, 2**4096, 10**5000, -(10**5000))
WRONG = (None, 1.0, 2.5, "2", b"2", (), [], {}, float("nan"))
TAKE_NUMBERS = ("index_at",)
TAKE_LAYOUTS = ("left_divide", "composition", "coalesce", "left_inverse", "right_inverse")
TAKE_LAYOUT_FIRST = ("complement", "logical_divide", "zipped_divide", "logical_product")
TAKE_SEQUENCES = ("permute", "reshape", "expand", "spatial", "local")
TOKENS = (
    "(",
    ")",
    ":",
    ",",
    "@",
    " ",
    "rep",
    "1",
    "2",
    "4",
    "0",
    "8",
    "thread",
    "reg",
    "mem",
    "d0",
    "x",
    "é",
    "٣",
    "-",
)
DEEP: Any = 8
for _ in range(5000):
    DEEP = (DEEP,)
TEXTS = ("8:1", "(8,2):(4@thread,2@reg) 8:1@thread rep 2:32@thread", "((2,2),8):((1,4),16)", "2:1@reg", "1:0", "():()")


class Draw:
    """Arguments at random: mostly sound ones, so that calls come far, and some of every kind of nonsense."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.pool: list[Layout] = [Layout(), algebra.local(4), algebra.row_major(4, 8), algebra.spatial(8, 4)]

    def number(self) -> Any:
        share = self.random.random()
        kinds = SMALL if share < 0.85 else ODD if share < 0.97 else WRONG
        return self.random.choice(kinds)

    def numbers(self, most: int = 4) -> Any:
        found = [self.number() for _ in range(self.random.randrange(most))]
        return tuple(found) if self.random.random() < 0.9 else found

    def nested(self, depth: int = 3) -> Any:
        if self.random.random() < 0.002:
            return DEEP
        if not depth or self.random.random() < 0.6:
            return self.number()
        return tuple(self.nested(depth - 1) for _ in range(self.random.randrange(4)))

    def dims(self) -> Any:
        return self.random.choice([0, 1, -1, 2, 5, 2**70, (0, 1), (1, 0), (0, 0), (), (2, 0, 1), [0], (0, 1.0), None])

    def index(self, layout: Layout, kept: float = 0.0) -> Any:
        """An index of a layout, or nearly; ``kept`` is the share of None."""
        if self.random.random() < 0.2:
            return self.random.choice([self.number, self.numbers, lambda: self.nested(2)])()
        index = tuple(self.random.choice([0, extent - 1, extent // 2]) for extent in layout.shape)
        return tuple(None if self.random.random() < kept else each for each in index)

    def shape_of(self, layout: Layout) -> Any:
        """The shape of a layout, or nearly."""
        shape = list(layout.shape)
        self.random.shuffle(shape)
        return tuple(shape) if self.random.random() < 0.7 else self.numbers()

    def text(self) -> Any:
        text = self.random.choice(TEXTS)
        for _ in range(self.random.randrange(4)):
            place = self.random.randrange(len(text) + 1)
            text = text[:place] + self.random.choice(TOKENS) + text[place + self.random.randrange(3) :]
        absurd = ["9" * 4300 + ":1", "(" * 3000, f"({'9' * 4000},2):(1,{'9' * 4000})", None, 3, b"8:1", "\x00"]
        return text if self.random.random() < 0.95 else self.random.choice(absurd)

    def layout(self) -> Layout:
        return self.random.choice(self.pool)

    def memory(self) -> Layout:
        """A new layout on mem, of a few modes."""
        pick = self.random.choice
        dims = []
        for _ in range(self.random.randrange(4)):
            extents = SMALL if self.random.random() < 0.9 else (2**40, 2**70, 3**44)
            modes = [Mode(pick(extents), "mem", pick((0, *SMALL, 2**41, 12))) for _ in range(self.random.randrange(4))]
            dims.append(tuple(modes))
        return Layout(tuple(dims))

    def operand(self) -> Any:
        """A layout, old or new; at times something else."""
        if self.random.random() < 0.02:
            return self.number()
        return self.random.choice([self.layout, self.memory])()

    def tiler(self) -> Any:
        item = self.random.choice([self.number, self.layout, self.memory])
        return item() if self.random.random() < 0.6 else tuple(item() for _ in range(self.random.randrange(4)))

    def keep(self, layout: Layout) -> None:
        """Later calls build on the answers of earlier ones."""
        if len(self.pool) < 200:
            self.pool.append(layout)
        else:
            self.pool[self.random.randrange(4, 200)] = layout


Call = tuple[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def build(draw: Draw) -> Call:
    """A constructor."""
    name = draw.random.choice(["spatial", "local", "column_spatial", "column_local", "row_major", "column_major"])
    options = {"order": draw.dims()} if name in ("spatial", "local") and draw.random.random() < 0.3 else {}
    return name, getattr(algebra, name), tuple(draw.numbers()), options


def build_otherwise(draw: Draw) -> Call:
    name = draw.random.choice(["replicate", "strided", "Mode", "parse", "memory"])
    arguments: dict[str, Callable[[], tuple[Any, ...]]] = {
        "replicate": lambda: (draw.number(),),
        "strided": lambda: (draw.nested(), draw.nested()),
        "Mode": lambda: (draw.number(), draw.random.choice(AXES), draw.number()),
        "parse": lambda: (draw.text(),),
        "memory": lambda: (),
    }
    made = {"parse": Layout.parse, "memory": draw.memory}
    return name, made.get(name) or getattr(algebra, name), arguments[name](), {}


def of_cute(draw: Draw) -> Call:
    """A function of CuTe."""
    one = {name: lambda: () for name in ("coalesce", "left_inverse", "right_inverse")}
    tilers = {name: lambda: (draw.tiler(),) for name in ("logical_divide", "zipped_divide", "logical_product")}
    more: dict[str, Callable[[], tuple[Any, ...]]] = {
        **one,
        **tilers,
        "complement": lambda: (draw.number(),),
        "composition": lambda: (draw.operand(),),
    }
    name = draw.random.choice(list(more))
    layout = draw.operand()
    return name, getattr(algebra, name), (layout, *more[name]()), {}


def of_layout(draw: Draw) -> Call:
    """A method of a layout."""
    layout = draw.layout()
    more: dict[str, Callable[[], tuple[Any, ...]]] = {
        "__call__": lambda: (draw.index(layout),),
        "owners": lambda: (draw.index(layout),),
        "index_at": lambda: (draw.number(), draw.number()),
        "__mul__": lambda: (draw.layout(),),
        "__truediv__": lambda: (draw.layout(),),
        "left_divide": lambda: (draw.operand(),),
        "permute": lambda: (draw.dims(),),
        "reshape": lambda: (draw.shape_of(layout),),
        "flatten": lambda: (draw.random.choice([0, 1, 2**70]), draw.random.choice([-1, 1, -5, 2**70])),
        "squeeze": lambda: (draw.dims(),),
        "unsqueeze": lambda: (draw.dims(),),
        "reduce": lambda: (draw.dims(), draw.random.random() < 0.5),
        "slice": lambda: (draw.index(layout, 0.5),),
        "expand": lambda: (draw.shape_of(layout), draw.random.choice([None, None, "mem", "reg", "lane"])),
        "cute": lambda: (),
        "canonical": lambda: (),
        "cosize_of": lambda: (draw.random.choice(AXES),),
        "__str__": lambda: (),
        "__eq__": lambda: (draw.layout(),),
        "__hash__": lambda: (),
    }
    name = draw.random.choice(list(more))
    return name, getattr(type(layout), name), (layout, *more[name]()), {}


def of_pair(draw: Draw) -> Call:
    """What relates two layouts, and what swizzles one."""
    first, second = draw.layout(), draw.layout()
    bits = draw.random.choice([1, 4, 8, 16, 32, 0, -1, 2**70])
    more: dict[str, Callable[[], tuple[Any, ...]]] = {
        "covers": lambda: (first, second),
        "convert": lambda: (first, second, bits, draw.random.choice([32, 64, 1, 3, 0])),
        "check_view": lambda: (first, bits, second, draw.random.choice([1, 4, 8, 16])),
        "recast": lambda: (first, bits, draw.random.choice([1, 3, 4, 8, 16])),
        "Swizzle": lambda: (draw.number(), draw.number(), draw.number()),
        "swizzle": lambda: (first, Xor(((draw.random.choice([0, 1, 3]), draw.random.choice([0, 16, 48, 2**70])),))),
        "bits": lambda: (first,),
    }
    functions = {"check_view": check_view, "recast": recast, "swizzle": Layout.swizzle, "bits": Layout.bits}
    name = draw.random.choice(list(more))
    return name, functions.get(name) or getattr(algebra, name), more[name](), {}


def short(value: object) -> str:
    try:
        return repr(value)[:200]
    except (ValueError, RecursionError):  # ints of more than 4300 digits, deep tuples
        return "absurd"


def check(draw: Draw, call: Call, seen: Counter[str]) -> None:
    """Makes a call and fails, telling of it, where it raises something else or takes long."""
    name, function, arguments, options = call
    told = f"{name}({', '.join(map(short, arguments))}, {options})"
    begin = time.perf_counter()
    try:
        found = function(*arguments, **options)
        seen[name] += 1
    except LayoutError as error:
        assert str(error), told
        found = None
    except TypeError as error:
        assert wrong_type(name, [*arguments, *options.values()]), f"{told} raised {error!r}"
        found = None
    except Exception as error:
        pytest.fail(f"{told} raised {type(error).__name__}: {error}")
    assert time.perf_counter() - begin < LIMIT, f"{told} took {time.perf_counter() - begin:.1f} s"
    results = found if isinstance(found, tuple) else (found,)
    for layout in results:
        if isinstance(layout, Layout):
            draw.keep(layout)


def wrong_type(name: str, arguments: Sequence[Any]) -> bool:
    """Whether an argument is of a type that it must not have."""
    if name in TAKE_SEQUENCES:
        listed = arguments[-1 if name in ("spatial", "local") else 1]
        return not isinstance(listed, tuple | list) or not all(isinstance(each, int) for each in listed)
    if name == "parse":
        return not isinstance(arguments[0], str)
    if name in TAKE_LAYOUTS:
        return not all(isinstance(each, Layout) for each in arguments)
    if name in TAKE_NUMBERS:
        return not all(isinstance(each, int) for each in arguments[1:])
    layout_missing = name in TAKE_LAYOUT_FIRST and not isinstance(arguments[0], Layout)
    return layout_missing or any(map(not_ours, arguments))


def not_ours(value: object) -> bool:
    """Whether it is, or holds, what is no index, extent, shape or layout."""
    if isinstance(value, tuple | list):
        return any(map(not_ours, value))
    return not isinstance(value, int | Layout)


KINDS = (build, build_otherwise, of_cute, of_cute, of_layout, of_layout, of_layout, of_pair)
SEEN: Counter[str] = Counter()


@settings(max_examples=CALLS // EACH, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_every_call_ends_well(random: Random) -> None:
    """Hypothesis takes each decision, so that what fails shrinks to the call that fails."""
    draw = Draw(random)
    for _ in range(EACH):
        check(draw, random.choice(KINDS)(draw), SEEN)


def test_calls_come_far() -> None:
    """Runs after the one above: nonsense alone would prove little."""
    assert len(SEEN) > 40, f"only these ever answered: {sorted(SEEN)}"
