"""Tests that take ``stub`` run in a process whose driver is the stand-in; see server.py."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.cuda.driver import ROOT, environment


class Server:
    """A process that runs tests."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, str(Path(__file__).with_name("server.py"))]
        told = environment(folder)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=told, cwd=ROOT)

    def run(self, path: Path, name: str, arguments: dict[str, Any]) -> tuple[str, list[tuple[str, str]], str]:
        """What a test prints, shows to golden files, and how it fails."""
        assert self._process.stdin is not None and self._process.stdout is not None
        pickle.dump((str(path), name, arguments), self._process.stdin)
        self._process.stdin.flush()
        found: tuple[str, list[tuple[str, str]], str] = pickle.load(self._process.stdout)
        return found

    def close(self) -> None:
        with self._process:
            pass


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here to make the stand-in for the driver")
    if sys.platform != "linux":
        pytest.skip("the stand-in for the driver is a library of Linux")
    if find_spec("cuda") is None or find_spec("cuda.bindings") is None:
        pytest.skip("cuda-python is not installed")
    made = Server(tmp_path_factory.mktemp("stub"))
    yield made
    made.close()


@pytest.fixture
def stub(server: Server) -> Server:
    return server


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Have the server run a test that takes ``stub``."""
    if "stub" not in pyfuncitem.fixturenames:
        return None
    arguments = pyfuncitem.callspec.params if hasattr(pyfuncitem, "callspec") else {}
    name = getattr(pyfuncitem, "originalname", pyfuncitem.name)
    out, golden, page = pyfuncitem.funcargs["stub"].run(pyfuncitem.path, name, dict(arguments))
    print(out, end="")
    if page:
        pytest.fail(page, pytrace=False)
    for pair in golden:
        pyfuncitem.funcargs["golden"](*pair)
    return True
