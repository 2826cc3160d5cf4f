"""Compiled kernels on disk: used again by other processes, and by nobody whose source, values or types differ."""

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tilevm as tv
from tilevm.abi import KernelAbi, Param
from tilevm.frontend import fingerprint, kernel as frontend
from tilevm.optional import load_file
from tilevm.runtime.contract import Contract
from tilevm.runtime.keep import entry, opened
from tilevm.runtime.store import PLACE, SWITCH
from tilevm.source import TileError
from tilevm.store import ENDING, Store
from tilevm.symbolic import Name
from tilevm.types import Dim, Tensor, f32

NOTHING = Contract(("x",), ((0, 0, "N", 9),), (), (), ((0, 0, "N"),), (), (), (), ())

SCALE = 3


@tv.function
def scaled(x):
    return x * SCALE


@tv.kernel("x: T[N], y: T[N]", grid=lambda N, **_: tv.cdiv(N, 32))
def scale(x: tv.Tensor, y: tv.Tensor, more: tv.constexpr = 0):
    at = tv.program_id(0) * 32
    y.store(at, scaled(x.load(at, 32)) + more)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(SWITCH, "1")
    monkeypatch.setenv(PLACE, str(tmp_path / "kernels"))
    return tmp_path / "kernels"


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kernels that are traced from now on."""
    names: list[str] = []
    original = frontend.trace

    def trace(function, *rest):
        names.append(function.__name__)
        return original(function, *rest)

    monkeypatch.setattr(frontend, "trace", trace)
    return names


def run(dtype: type = np.float32, **constants: object) -> tv.Kernel:
    """Call a kernel that knows of no other call."""
    fresh = frontend.Kernel(scale._function, scale.signature, scale.grid)
    x = np.arange(50).astype(dtype)
    y = np.empty_like(x)
    fresh(x, y, **constants)
    assert np.array_equal(y, x * SCALE + constants.get("more", 0))
    return fresh


def test_used_again(folder: Path, traced: list[str]) -> None:
    run()
    run()
    assert traced == ["scale"] and len(list(folder.glob(f"*{ENDING}"))) == 1


def test_texts_of_a_kernel_from_the_disk(folder: Path, traced: list[str]) -> None:
    x = np.zeros(50, np.float32)
    made, again = (run().compile(x, x) for _ in range(2))
    assert traced == ["scale"]
    assert again.binary == made.binary and dict(again.stages) == dict(made.stages)
    assert traced == ["scale", "scale"]


def test_what_decides_the_code(folder: Path, traced: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    run(np.float64)
    run(more=1)
    monkeypatch.setattr(sys.modules[__name__], "SCALE", 5)
    run()
    monkeypatch.setenv("TILEVM_DEBUG", "1")
    run()
    assert len(traced) == 5


HELPERS = """
import tilevm as tv


@tv.function
def twice(x):
    return x * 2


@tv.function
def applied(x, what: tv.constexpr = twice):
    return what(x)


@tv.kernel("x: f32[N], y: f32[N]", grid=lambda N, **_: tv.cdiv(N, 32))
def by_name(x: tv.Tensor, y: tv.Tensor):
    y.store(0, twice(x.load(0, 32)))


@tv.kernel("x: f32[N], y: f32[N]", grid=lambda N, **_: tv.cdiv(N, 32))
def by_default(x: tv.Tensor, y: tv.Tensor):
    y.store(0, applied(x.load(0, 32)))
"""


@pytest.mark.parametrize("name", ["by_name", "by_default"])
def test_the_text_of_a_helper_that_reads_nothing_decides_the_code(folder: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "helpers.py"
    x, y = np.ones(32, np.float32), np.empty(32, np.float32)
    for factor in (2, 3):
        file.write_text(HELPERS.replace("x * 2", f"x * {factor}"))
        vars(load_file(str(file)))[name](x, y)
        assert y[0] == factor


def test_a_default_of_a_helper_is_watched(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "watched.py"
    file.write_text("FACTOR = 2" + HELPERS.replace("x * 2", "x * FACTOR"))
    held = vars(load_file(str(file)))
    x, y = np.ones(32, np.float32), np.empty(32, np.float32)
    for held["FACTOR"] in (2, 3):
        held["by_default"](x, y)
        assert y[0] == held["FACTOR"]


def test_a_damaged_entry_is_made_again(folder: Path, traced: list[str]) -> None:
    run()
    (entry,) = folder.glob(f"*{ENDING}")
    entry.write_bytes(entry.read_bytes()[:-1] + b"?")
    run()
    run()
    assert len(traced) == 2


PARAMS = (Param("x", Tensor(f32, (Dim(name="N"),), (1,))),)
ENTRY = entry(KernelAbi.taking("k", PARAMS, (Name("N"),)), NOTHING, b"code\n\0")


def test_an_entry_reads_back() -> None:
    abi, contract, data = opened(ENTRY) or pytest.fail("not read")
    assert entry(abi, contract, data) == ENTRY and data == b"code\n\0"
    assert abi.params == PARAMS and abi.grid == (Name("N"),) and contract == NOTHING


def test_an_entry_that_is_cut_off_is_none() -> None:
    assert [end for end in range(ENTRY.index(b"\n")) if opened(ENTRY[:end]) is not None] == []


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.fail, ("code was run while an entry was read",)


STRANGE: dict[str, bytes] = {
    "pickle": pickle.dumps(Bomb()),
    "another format": ENTRY.replace(b"[1,", b"[2,"),
    "another class": ENTRY.replace(b'"is":"Name"', b'"is":"Path"'),
    "a class of another field": ENTRY.replace(b'"is":"Tensor"', b'"is":"Name"'),
    "a field less": ENTRY.replace(b'"packed":false', b'"packet":false'),
    "a field more": ENTRY.replace(b'"align":1', b'"align":1,"more":1'),
    "text for a number": ENTRY.replace(b'"bits":32', b'"bits":"32"'),
    "a number for a bool": ENTRY.replace(b'"packed":false', b'"packed":0'),
    "an unknown kind": ENTRY.replace(b'"kind":"float"', b'"kind":"complex"'),
    "no object": b"[1, 2]\n",
    "deep": b"[" * 100_000 + b"\n",
    "no text": b"\xff\xfe\n",
    "a huge number": b"1" * 10_000 + b"\n",
}


@pytest.mark.parametrize("data", STRANGE.values(), ids=STRANGE)
def test_an_entry_that_somebody_else_wrote_is_none(data: bytes) -> None:
    assert data != ENTRY and opened(data) is None


@pytest.mark.parametrize("name", ["pickle", "text for a number"])
def test_a_strange_entry_with_a_digest_is_made_again(folder: Path, traced: list[str], name: str) -> None:
    run()
    (path,) = folder.glob(f"*{ENDING}")
    path.write_bytes(hashlib.sha256(STRANGE[name]).digest() + STRANGE[name])
    run()
    run()
    assert len(traced) == 2


def test_turned_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "0")
    run()
    assert not folder.exists()
    monkeypatch.setenv(SWITCH, "off")
    with pytest.raises(TileError, match="TILEVM_CACHE is 'off'"):
        run()


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv(SWITCH, "1")
    monkeypatch.setenv(PLACE, str(tmp_path / "file"))
    run()
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "not a folder"


def test_nothing_is_left_of_an_entry_that_cannot_be_put_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "replace", refuse)
    Store(tmp_path).put("key", b"data")
    assert list(tmp_path.iterdir()) == []


def test_what_was_used_longest_ago_is_dropped(tmp_path: Path) -> None:
    store = Store(tmp_path, limit=350)
    for n in range(5):
        store.put(str(n), bytes(100))
    assert [store.get(str(n)) is not None for n in range(5)] == [False, False, False, True, True]
    assert store.clear() == 2 and store.entries() == []


def test_another_process(folder: Path) -> None:
    code = (
        "import numpy as np, tests.runtime.test_store as t\n"
        "from tilevm.frontend import kernel as f\n"
        "f.trace = None\n"  # a call of it would fail
        "t.run(); print('restored')"
    )
    run()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "restored\n", done.stderr


def test_command(folder: Path) -> None:
    run()
    outputs = []
    for verb in ("path", "list", "clear"):
        command = [sys.executable, "-m", "tilevm", "cache", verb]
        outputs.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert outputs[0].strip() == str(folder)
    assert "kernels: 1, bytes: " in outputs[1] and outputs[2] == "kernels removed: 1\n"


def test_a_key_is_the_same_whatever_was_computed_before(folder: Path) -> None:
    """A dtype keeps its extremes once they are asked for; they are no part of what it is."""
    f32 = tv.f32
    before = fingerprint.token(f32)
    assert f32.max > 0 and f32.min < 0
    assert fingerprint.token(f32) == before
