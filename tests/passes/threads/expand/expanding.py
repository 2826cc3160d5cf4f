"""Instructions expanded and run: what the reference machine makes of the basic ones."""

from __future__ import annotations

import numpy as np

from tilevm.backends.vm.codes import codes_of, numbers_of
from tilevm.backends.vm.threads.block import ThreadBlock, act
from tilevm.backends.vm.values import Held, container
from tilevm.ir import Func
from tilevm.ir.rewrite import walk
from tilevm.ir.verify import verify
from tilevm.passes.threads.expand import expand
from tilevm.target import Target, target
from tilevm.text import read_func
from tilevm.types import DType, u32

SM_80 = target("sm_80")


def unary(name: str, of: DType, count: int) -> Func:
    return expanded(f"%y = {name} %x : {of}[{count}]", f"%x: {of}[{count}]")


def expanded(line: str, params: str, machine: Target = SM_80) -> Func:
    """A function of one instruction that makes ``%y``, after the pass."""
    text = f'func @f({params}) warps(4, {machine.name}) {{\n  {line}\n  print [%y] {{text = ["", ""]}}\n  yield []\n}}'
    return verify(expand(verify(read_func(text)), machine))


class Alone(ThreadBlock):
    """A thread by itself, for instructions on its registers."""

    def __init__(self) -> None:
        self.values, self.threads, self.lanes = {}, 1, 1


def run(func: Func, *given: np.ndarray) -> np.ndarray:
    """What became of ``%y``, as the reference machine holds it."""
    thread = Alone()
    thread.values.update(zip(func.params, (Held(x[None]) for x in given), strict=True))
    *made, told = func.body.ops[:-1]
    for op in made:
        thread.values.update(zip(op.results, act(op, thread), strict=True))
    return thread.held(told.operands[0]).data[0]


def cast(codes: np.ndarray, source: DType, to: DType, draws: np.ndarray | None = None, **how: object) -> np.ndarray:
    """Codes of one type cast to another by basic instructions alone."""
    n = codes.size
    said = ", ".join(f"{k} = {str(v).lower() if isinstance(v, bool) else v}" for k, v in how.items())
    random, params = ("", "") if draws is None else (", %w", f", %w: {u32}[{n}]")
    made = f"%y = cast %x{random} {{to = {to}{', ' if said else ''}{said}}} : {to}[{n}]"
    func = expanded(made, f"%x: {source}[{n}]{params}")
    given = numbers_of(source, codes).astype(container(source))
    return codes_of(to, run(func, given, *([] if draws is None else [draws])))


def names(func: Func) -> set[str]:
    return {op.name for op in walk(func.body)}
