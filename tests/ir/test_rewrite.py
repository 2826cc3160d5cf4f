"""The rewriter shares what did not change; tables find the rule of the nearest family."""

from collections.abc import Sequence

import pytest

from tilevm.ir import OPS, Op, Table, Value
from tilevm.ir.build import Builder
from tilevm.ir.core import Effect, Role
from tilevm.ir.ops import Add, Binary, Exp, FloatUnary, If, Mul, Neg, Sqrt, Store, Unary
from tilevm.ir.rewrite import Substitution, rewrite, uses, walk
from tilevm.ir.verify import verify
from tilevm.text import print_func, read_func

TEXT = """func @k(%n: i32, %c: bool, %p: ptr<i32>) {
  %a = neg %n : i32
  if %c () {
    %x = add %n, %n : i32
    pointer_store %p, %x, %n
    yield []
  } () {
    %y = mul %n, %n : i32
    pointer_store %p, %y, %a
    yield []
  }
  yield []
}
"""


def keep(op: Op, builder: Builder) -> None:
    return None


def add_becomes_mul(op: Op, builder: Builder) -> Sequence[Value] | None:
    return [builder.add(Mul, a=op.a, b=op.b).result] if isinstance(op, Add) else None


def test_nothing_changed_is_the_same_object() -> None:
    func = read_func(TEXT)
    assert rewrite(func, keep) is func


def test_unchanged_parts_are_shared() -> None:
    func = read_func(TEXT)
    made = verify(rewrite(func, add_becomes_mul))
    before, after = func.body.ops[1], made.body.ops[1]
    assert isinstance(before, If) and isinstance(after, If)
    assert made.body.ops[0] is func.body.ops[0]
    assert after.otherwise is before.otherwise
    assert after.then is not before.then
    assert print_func(made) == TEXT.replace("%x = add", "%x = mul")
    assert print_func(func) == TEXT


def test_span_of_what_a_rule_makes() -> None:
    func = read_func(TEXT)
    made = rewrite(func, add_becomes_mul)
    old = next(op for op in walk(func.body) if isinstance(op, Add))
    new = next(op for op in walk(made.body) if isinstance(op, Mul))
    assert new.span == old.span


def test_values_of_the_input_keep_their_names() -> None:
    func = read_func("func @k(%0: i32) {\n  %a = neg %0 : i32\n  %b = neg %a : i32\n  yield [%b]\n}\n")

    def drop(op: Op, builder: Builder) -> Sequence[Value] | None:
        return [op.x] if isinstance(op, Neg) else None

    made = rewrite(func, drop)
    assert func.params[0].hint == ""
    assert made.body.end.operands == func.params


def test_uses_counts_operands_everywhere() -> None:
    func = read_func(TEXT)
    count = {value.hint: n for value, n in uses(func.body).items()}
    assert count == {"n": 6, "c": 1, "p": 2, "x": 1, "y": 1, "a": 1}


def test_substitution_keeps_an_instruction_it_does_not_touch() -> None:
    func = read_func(TEXT)
    now = Substitution()
    (neg, branch, _) = func.body.ops
    assert now.apply(branch) is branch
    now[func.params[0]] = neg.result
    assert now.apply(neg).operands == (neg.result,)


def test_a_family_serves_its_members() -> None:
    table: Table[[], str] = Table("test")
    table.rule(Unary)(lambda op: "unary")
    table.rule(FloatUnary)(lambda op: "float")
    table.rule(Sqrt)(lambda op: "sqrt")
    (neg, exp, root) = read_func(
        "func @k(%x: f32) {\n %a = neg %x : f32\n %b = exp %x : f32\n %c = sqrt %x : f32\n yield [] }"
    ).body.ops[:3]
    assert [table(neg), table(exp), table(root)] == ["unary", "float", "sqrt"]
    assert Exp in table and Add not in table and Unary in table


def test_missing_names_what_has_no_rule() -> None:
    table: Table[[], int] = Table("test")
    table.rule(Unary, Binary)(lambda op: 0)
    covered = {n for n, kind in OPS.items() if issubclass(kind, Unary | Binary)}
    assert {"add", "erf"} <= covered
    assert table.missing() == set(OPS) - covered
    assert table.missing([Add, Store]) == {"store"}


def test_no_rule_and_two_rules_are_faults() -> None:
    table: Table[[], int] = Table("count")
    table.rule(Add)(lambda op: 0)
    op = read_func(TEXT).body.ops[0]
    with pytest.raises(AssertionError, match="count: no rule for neg"):
        table(op)
    with pytest.raises(AssertionError, match="count: two rules for Add"):
        table.rule(Add)(lambda op: 1)


@pytest.mark.parametrize("kind", OPS.values(), ids=lambda k: k.name)
def test_every_instruction_is_declared_in_full(kind: type[Op]) -> None:
    assert kind.__doc__
    assert set(kind.readers) == {n for n, r in kind.roles.items() if r is Role.ATTRIBUTE}
    writes = {"store", "scatter", "pointer_store", "atomic", "atomic_cas", "print", "assert", "yield"}
    writes |= {"stage", "fetch", "sent", "landed"}
    assert (kind.effect is Effect.WRITE) == (kind.name in writes)
    assert (kind.effect is Effect.READ) == (kind.name in {"load", "gather", "pointer_load", "staged"})


def test_with_parts_keeps_attributes_and_hints() -> None:
    func = read_func("func @k(%n: i32) {\n  %v = splat %n {shape = [2]} : i32[2]\n  yield []\n}\n")
    op = func.body.ops[0]
    made = op.with_parts(func.params, ())
    assert made is not op
    assert (made.attributes, made.result.hint, made.span) == (op.attributes, "v", op.span)
    assert made.result is not op.result
