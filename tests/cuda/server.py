"""Runs tests in processes that have the stand-in as their driver: each in a fork of its own, so none sees another's.

Requests come on standard input and answers leave on standard output, pickled: of a test its file, name and arguments,
and back what it printed, what it would compare with golden files, and the page of its failure.
"""

from __future__ import annotations

import io
import os
import pickle
import sys
import traceback
import warnings
from contextlib import redirect_stdout
from typing import Any, BinaryIO

from tests.cuda.kernels import add_one
from tests.cuda.standin import Stub
from tilevm.optional import load_file, require


def perform(path: str, name: str, arguments: dict[str, Any]) -> tuple[str, list[tuple[str, str]], str]:
    """What a test prints, shows to golden files, and how it fails."""
    golden: list[tuple[str, str]] = []
    out, page = io.StringIO(), ""
    given = {"stub": Stub(), "golden": lambda *pair: golden.append(pair), **arguments}
    try:
        with redirect_stdout(out):
            test = getattr(load_file(path), name)
            test(**{n: v for n, v in given.items() if n in test.__code__.co_varnames[: test.__code__.co_argcount]})
    except BaseException as error:  # whatever it is, the answer tells it
        page = traceback.format_exc() + local(error)
    return out.getvalue(), golden, page


def local(error: BaseException) -> str:
    """What the names stand for where an assertion failed: here nobody rewrites assertions to tell it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not isinstance(error, AssertionError):
        return ""
    return "\n".join(f"{n} = {v!r:.2000}" for n, v in trace.tb_frame.f_locals.items())


def answer(request: Any, to: BinaryIO) -> None:
    """Run a test in a fork, and hand its answer on."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "wb") as out:
            pickle.dump(perform(*request), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as back:
        content = back.read()
    _, status = os.waitpid(child, 0)
    pickle.dump(pickle.loads(content) if content else ("", [], f"the process ended with status {status}"), to)
    to.flush()


def warm() -> None:
    """Load before the first fork what every test needs: all but the driver."""
    for name in ("cuda.bindings.driver", "llvmlite.binding"):
        require(name, "the stand-in", "cuda")
    assert "ptx" in add_one.compile("x: f32[N], y: f32[N]", target="sm_89").stages


def main() -> None:
    warnings.simplefilter("error")
    warm()
    to = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer(request, to)


if __name__ == "__main__":
    main()
