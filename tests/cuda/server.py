"""Runs tests in processes that have the stand-in as their driver: each in a fork of its own, so none sees another's.

Requests come on standard input and answers leave on standard output, pickled: of a test its file, name and arguments,
and back what it printed, what it would compare with golden files, and the page of its failure.
"""

from __future__ import annotations

import importlib.util
import io
import os
import pickle
import sys
import traceback
import warnings
from contextlib import redirect_stdout
from typing import Any, BinaryIO

import tilevm  # noqa: F401  # before the first fork, so that no test pays for it
from tests.cuda.standin import Stub
from tilevm.optional import require

require("cuda.bindings.driver", "the stand-in", "cuda")


def perform(path: str, name: str, arguments: dict[str, Any]) -> tuple[str, list[tuple[str, str]], str]:
    """What a test prints, shows to golden files, and how it fails."""
    spec = importlib.util.spec_from_file_location("case", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    golden: list[tuple[str, str]] = []
    out, page = io.StringIO(), ""
    given = {"stub": Stub(), "golden": lambda *pair: golden.append(pair), **arguments}
    try:
        with redirect_stdout(out):
            spec.loader.exec_module(module)
            test = getattr(module, name)
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


def main() -> None:
    warnings.simplefilter("error")
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
