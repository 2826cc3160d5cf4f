"""Tokens become counts: as many groups stay pending as every way allows, and none more."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from tests.passes.threads.paths import ways
from tilevm.ir import Func
from tilevm.ir.rewrite import walk
from tilevm.ir.threads import AsyncAwait, AsyncCommit, AsyncWait
from tilevm.ir.verify import verify
from tilevm.passes.threads.waits import settle_waits
from tilevm.text import print_func, read_func
from tilevm.types import Token

HEAD = "func @f(%z: i32, %n: i32, %c: bool) warps(4, sm_80) {"


def settled(body: str) -> str:
    """The lines of a function after the pass, without its head and its last."""
    func = verify(settle_waits(read_func(f"{HEAD}\n{body}\n  yield []\n}}\n")))
    return "\n".join(print_func(func).splitlines()[1:-2])


def pipelined(stages: int) -> str:
    """A loop that begins a copy ``stages - 1`` trips before it waits for it."""
    ahead = range(stages - 1)
    begun = "\n".join(f"  %t{i} = async_commit : token" for i in ahead)
    params = ", ".join(f"%p{i}: token" for i in ahead)
    return f"""{begun}
  %r = for %z, %n, %n, [%z{"".join(f", %t{i}" for i in ahead)}] (%i: i32, %s: i32, {params}) {{
    async_await [%p0]
    %t = async_commit : token
    %next = ring %s {{by = 1, slots = {stages}}} : i32
    yield [%next, {", ".join([*(f"%p{i}" for i in ahead[1:]), "%t"])}]
  }} : i32{", token" * len(ahead)}""".replace("%r =", f"%r{''.join(f', %r{i}' for i in ahead)} =")


@pytest.mark.parametrize("stages", [2, 3, 4, 5])
def test_a_pipeline_leaves_all_but_two_stages_pending(stages: int) -> None:
    wait = f"async_wait {{pending = {stages - 2}}}" if stages > 2 else "async_wait"
    begun = "\n".join(f"  %t{i} = async_commit : token" for i in range(stages - 1))
    got = settled(pipelined(stages)).replace("async_wait {}", "async_wait")
    assert (
        got
        == f"""{begun}
  %r = for %z, %n, %n, [%z] (%i: i32, %s: i32) {{
    {wait}
    %t = async_commit : token
    %next = ring %s {{by = 1, slots = {stages}}} : i32
    yield [%next]
  }} : i32"""
    )


def test_a_branch_counts_what_both_sides_begin() -> None:
    body = """  %t = async_commit : token
  %u = async_commit : token
  %v = if %c () {
    %a = async_commit : token
    %b = async_commit : token
    yield [%a]
  } () {
    %d = async_commit : token
    yield [%t]
  } : token
  async_await [%t]
  async_await [%u]
  async_await [%v]"""
    assert settled(body).splitlines()[-3:] == [
        "  async_wait {pending = 2}",
        "  async_wait {pending = 1}",
        "  async_wait {pending = 1}",
    ]
    assert "if %c () {" in settled(body) and ": token\n  async_wait" not in settled(body)


def test_several_tokens_wait_for_the_youngest() -> None:
    body = """  %t = async_commit : token
  %u = async_commit : token
  %v = async_commit : token
  async_await [%u, %t]"""
    assert settled(body).splitlines()[-1] == "  async_wait {pending = 1}"


def test_a_token_from_before_the_loop_has_its_age_on_the_first_trip() -> None:
    body = """  %t = async_commit : token
  %u = async_commit : token
  for %z, %n, %n, [] (%i: i32) {
    async_await [%t]
    %w = async_commit : token
    yield []
  }
  async_await [%t]"""
    assert settled(body).count("async_wait {pending = 1}") == 2


def test_nested_loops_reach_a_fixed_point() -> None:
    """The token of the outer loop is swapped with a younger one within the inner: its age sinks twice."""
    body = """  %t = async_commit : token
  %u = async_commit : token
  %v = async_commit : token
  %a, %b = for %z, %n, %n, [%t, %u] (%i: i32, %p: token, %q: token) {
    %x, %y = for %z, %n, %n, [%p, %q] (%j: i32, %k: token, %l: token) {
      async_await [%k]
      yield [%l, %l]
    } : token, token
    %w = async_commit : token
    yield [%x, %w]
  } : token, token
  async_await [%a]"""
    waits = [line.strip() for line in settled(body).splitlines() if "async_wait" in line]
    assert waits == ["async_wait {}", "async_wait {pending = 1}"]


def test_a_while_waits_in_its_condition() -> None:
    body = """  %t = async_commit : token
  %u = async_commit : token
  %r = while [%t] (%a: token) {
    async_await [%a]
    yield [%c]
  } (%b: token) {
    %w = async_commit : token
    %v = async_commit : token
    yield [%w]
  } : token"""
    assert (
        settled(body)
        == """  %t = async_commit : token
  %u = async_commit : token
  while [] () {
    async_wait {pending = 1}
    yield [%c]
  } () {
    %w = async_commit : token
    %v = async_commit : token
    yield []
  }"""
    )


def test_without_tokens_nothing_changes() -> None:
    func = read_func(f"{HEAD}\n  %t = async_commit : token\n  async_wait {{pending = 1}}\n  yield []\n}}\n")
    assert settle_waits(func) is func


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Functions of commits, awaits, loops that carry two tokens, and branches."""
    names = iter(range(10_000))

    def block(seen: list[str], depth: int, indent: str) -> list[str]:
        lines: list[str] = []
        seen = list(seen)
        for kind in draw(st.lists(st.sampled_from(KINDS[: 3 if not depth else None]), min_size=1, max_size=4)):
            a, b = (draw(st.sampled_from(seen)) for _ in range(2))
            if kind == "commit":
                lines.append(f"{indent}%v{(n := next(names))} = async_commit : token")
                seen.append(f"%v{n}")
            elif kind == "await":
                lines.append(f"{indent}async_await [{a}, {b}]")
            else:
                lines += nested(kind, seen, depth, indent, (a, b))
        return lines

    def nested(kind: str, seen: list[str], depth: int, indent: str, entry: tuple[str, str]) -> list[str]:
        p, q, r, s, i = (f"%v{next(names)}" for _ in range(5))

        def inner(*more: str) -> str:
            inside = block([*seen, *more], depth - 1, indent + "  ")
            made = [
                line.split(" = ")[0].strip() for line in inside if line.startswith(f"{indent}  %v") and "," not in line
            ]
            out = [draw(st.sampled_from([*seen, *more, *made])) for _ in range(2)]
            return "\n".join([*inside, f"{indent}  yield [{', '.join(out)}]"])

        if kind == "if":
            text = f"{r}, {s} = if %c () {{\n{inner()}\n{indent}}} () {{\n{inner()}\n{indent}}} : token, token"
        elif kind == "for":
            head = f"{r}, {s} = for %z, %n, %n, [{', '.join(entry)}] ({i}: i32, {p}: token, {q}: token)"
            text = f"{head} {{\n{inner(p, q)}\n{indent}}} : token, token"
        else:
            asked = f"({p}.0: token, {q}.0: token) {{\n{indent}  yield [%c]\n{indent}}}"
            head = f"{r}, {s} = while [{', '.join(entry)}] {asked} ({p}: token, {q}: token)"
            text = f"{head} {{\n{inner(p, q)}\n{indent}}} : token, token"
        seen += [r, s]
        return [indent + text]

    KINDS = ("commit", "commit", "await", "if", "for", "while")
    body = ["  %a = async_commit : token", "  %b = async_commit : token", *block(["%a", "%b"], 2, "  ")]
    return "\n".join([HEAD, *body, "  yield []", "}"])


def least_ages(func: Func) -> dict[int, int]:
    """By the place of each await: how many groups at least were begun after the youngest it names, of all ways."""
    awaits = [op for op in walk(func.body) if isinstance(op, AsyncAwait)]
    found: dict[int, int] = {}
    for way in ways(func):
        born: dict[object, int] = {}
        for op, names in way.met:
            if isinstance(op, AsyncCommit):
                born[names[op.result]] = len(born)
            if isinstance(op, AsyncAwait):
                age = min(len(born) - 1 - born[names[t]] for t in op.tokens)
                found[awaits.index(op)] = min(found.get(awaits.index(op), age), age)
    return found


@given(programs())
def test_waits_are_the_longest_that_every_way_allows(text: str) -> None:
    func = verify(read_func(text))
    made = verify(settle_waits(func))
    assert not any(v.type == Token() for op in walk(made.body) for v in op.operands)
    counts = [op.pending for op in walk(made.body) if isinstance(op, AsyncWait)]
    for place, least in least_ages(func).items():
        assert counts[place] <= least
    if len(list(ways(func))) < 400:
        assert counts == [least_ages(func)[place] for place in range(len(counts))]
