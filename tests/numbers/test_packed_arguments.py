"""``tv.packed``: what it takes, what kernels make of it, and what callers read when it cannot be."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv
from tests.numbers.launch import DEVICES, random_bytes
from tilevm.abi import Slot
from tilevm.backend import Array
from tilevm.frontend.fingerprint import fingerprint
from tilevm.report.memory import Written
from tilevm.runtime.arguments import Trait, read
from tilevm.source import TileError
from tilevm.types import Dim, Tensor

X = np.arange(-8, 8, dtype=np.int8).reshape(2, 8)
SIGNATURE = "x: T[M, N] packed, y: T[M, N] packed"


def copied(x: tv.Tensor, y: tv.Tensor):
    y.store((0, 0), x.load((0, 0), (4, 8)))


copy = tv.kernel(SIGNATURE, grid=lambda **_: 1)(copied)
free = tv.kernel(copied)


def of(x: np.ndarray, kind: str) -> Any:
    """Numbers, packed."""
    return tv.packed(tv.pack(tv.encode(x, kind), kind), kind, x.shape)


def numbers(p: Any) -> np.ndarray:
    found: np.ndarray = tv.decode(tv.unpack(p.buffer, p.dtype, np.prod(p.shape)), p.dtype).reshape(p.shape)
    return found


@pytest.mark.parametrize("device", DEVICES)
def test_there_and_back(device: str) -> None:
    x, y = of(X, "i4"), of(np.zeros_like(X), "i4")
    copy(x, y, device=device)
    assert (numbers(y) == X).all()
    free[1](of(X[::-1], "i4"), y, device=device)
    assert (numbers(y) == X[::-1]).all()


def test_it_tells_what_it_is() -> None:
    x = of(X, "i4")
    assert (x.shape, x.dtype, x.ndim, x.nbytes) == ((2, 8), tv.i4, 2, 8) and repr(x) == "<packed i4[2, 8] in 8 bytes>"
    assert tv.packed(bytearray(3), "u5", 4).shape == (4,)
    assert tv.packed(b"", tv.u3, (0, 7)).nbytes == 0
    with pytest.raises(AttributeError):
        x.shape = (16,)


def aligned(count: int) -> np.ndarray:
    held = np.zeros(count + 64, np.uint8)
    return held[-held.ctypes.data % 64 :][:count]


@pytest.mark.parametrize(
    ("kind", "shape", "first", "align"),
    [
        ("u4", (4, 32), 0, 16),
        ("u4", (4, 32), 8, 1),
        ("u4", (4, 31), 0, 1),
        ("u3", (4, 32), 0, 1),
        ("u3", (2, 4, 128), 0, 16),
        ("u3", (2, 3, 128), 0, 16),
        ("u3", (2, 3, 64), 0, 1),
        ("u3", (1, 31), 0, 16),
        ("u3", (31,), 0, 16),
        ("u8", (31, 16), 0, 16),
        ("u8", (31, 8), 0, 1),
    ],
)
def test_alignment_counts_address_and_rows(kind: str, shape: tuple[int, ...], first: int, align: int) -> None:
    array, seen = read(tv.packed(aligned(1000)[first:], kind, shape), "x")
    assert isinstance(array, Array) and isinstance(seen, Trait)
    assert seen == Trait(tv.dtype(kind), (False,) * (len(shape) - 1) + (True,), align, packed=True)
    assert array.packed and (array.lowest, array.highest) == (0, (1000 - first) * 8 // array.dtype.bits)


BUFFERS: dict[str, Callable[[], Any]] = {
    "numpy": lambda: random_bytes(0, 8),
    "two dimensions": lambda: random_bytes(0, 8).reshape(2, 4),
    "bytearray": lambda: bytearray(random_bytes(0, 8)),
    "memoryview": lambda: memoryview(random_bytes(0, 8)),
    "longer": lambda: random_bytes(0, 11),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("make", BUFFERS.values(), ids=BUFFERS)
def test_buffers_are_used_in_place(make: Callable[[], Any], device: str) -> None:
    x, y = make(), make()
    np.frombuffer(y, np.uint8).reshape(-1)[:8] = 0
    copy(tv.packed(x, "u4", (2, 8)), tv.packed(y, "u4", (2, 8)), device=device)
    assert bytes(x) == bytes(y)


@pytest.mark.parametrize("device", DEVICES)
def test_torch_tensors(device: str) -> None:
    torch = pytest.importorskip("torch")
    x, y = torch.arange(8, dtype=torch.uint8), torch.zeros(8, dtype=torch.uint8)
    copy(tv.packed(x, "u4", (2, 8)), tv.packed(y, "u4", (2, 8)), device=device)
    assert (x == y).all()
    for wrong, says in ((torch.zeros(4), "not in f32"), (torch.zeros(4, 4, dtype=torch.uint8).T, "without gaps")):
        with pytest.raises(TileError, match=says) as caught:
            tv.packed(wrong, "u4", 4)
        assert "torch" in str(caught.value) or "contiguous" in str(caught.value)


@pytest.mark.parametrize("device", DEVICES)
def test_bytes_may_be_read(device: str) -> None:
    y = bytearray(8)
    copy(tv.packed(bytes(range(8)), "u4", (2, 8)), tv.packed(y, "u4", (2, 8)), device=device)
    assert y == bytes(range(8))


def test_types_and_convention() -> None:
    compiled = copy.compile("x: u3[M, 5] packed, y: u3[M, 5] packed", device="vm")
    x = compiled.abi.params[0].type
    assert x == Tensor(tv.u3, (Dim("M"), Dim(size=5)), (5, 1), packed=True)
    assert [e.slot for e in compiled.abi.entries if e.param == "x"] == [Slot.POINTER, Slot.EXTENT]
    compiled(*(tv.packed(bytearray(8), "u3", (4, 5)) for _ in "xy"))
    with pytest.raises(TileError, match="was compiled for tensor<u3"):
        compiled(np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.uint8))
    open_ = copy.compile("x: u3[M, N] packed, y: u3[M, N] packed", device="vm")
    slots = [e.slot for e in open_.abi.entries if e.param == "x"]
    assert slots == [Slot.POINTER, Slot.EXTENT, Slot.EXTENT, Slot.STRIDE]


def test_what_is_compiled_is_told_apart() -> None:
    kernel, byte = tv.kernel(copied), np.zeros((4, 8), np.uint8)
    made = [
        kernel.compile(*pair, device="vm")
        for pair in (
            (of(X, "i4"), of(X, "i4")),
            (of(X, "i5"), of(X, "i5")),
            (byte, byte),
            (tv.packed(byte, "u8", (4, 8)), tv.packed(byte, "u8", (4, 8))),
        )
    ]
    assert len({id(m) for m in made}) == 4
    assert kernel.compile(of(X, "i4"), of(X, "i4"), device="vm") is made[0]
    kept = {fingerprint(copied, (), {}, tuple(p.type for p in m.abi.params)) for m in made}
    assert len(kept) == 4 and None not in kept, "on disk too"


def test_a_signature_alone_may_say_it_where_the_kernel_says_nothing() -> None:
    compiled = free.compile("x: f6e2m3[M, 8] packed, y: f6e2m3[M, 8] packed{align=16}", device="vm")
    assert [str(p.type) for p in compiled.abi.params] == [
        "tensor<f6e2m3[M, 8], strides=[8, 1], packed>",
        "tensor<f6e2m3[M, 8], strides=[8, 1], align=16, packed>",
    ]


def test_checks_compare_packed_memory() -> None:
    x, y = of(X, "i4"), of(np.zeros_like(X), "i4")
    report = tv.check(copy, None, x, y, every_pass=True)
    assert report.ok and not numbers(y).any(), "the arguments are left as they were"
    array = read(y, "y")[0]
    assert isinstance(array, Array)
    written = Written({"y": array})
    before = written.read()
    y.buffer[5] = 0x90
    difference = written.difference(before, written.read())
    assert str(difference) == "y[1, 3] is -7, not 0"
    written.write(before)
    assert not y.buffer.any()


def signed(text: str) -> Any:
    return tv.kernel(text, grid=lambda **_: 1)(copied)


def at_pointer(x: tv.Pointer):
    x.store(0, 1)


P = of(X, "i4")
CASES: dict[str, Callable[[], Any]] = {
    "buffer too short": lambda: tv.packed(bytearray(7), "u4", (3, 5)),
    "floats": lambda: tv.packed(np.zeros(4, np.float32), "u4", (3, 5)),
    "one element a byte": lambda: tv.packed(X.astype(ml_dtypes.int4), "i4", X.shape),
    "gaps": lambda: tv.packed(np.zeros(16, np.uint8)[::2], "u4", (3, 5)),
    "unknown dtype": lambda: tv.packed(bytearray(8), "f6e2n3", (3, 5)),
    "negative extent": lambda: tv.packed(bytearray(8), "u4", (3, -5)),
    "fraction in a shape": lambda: tv.packed(bytearray(8), "u4", (3, 0.5)),
    "no bytes": lambda: tv.packed([1, 2], "u4", 2),
    "text": lambda: tv.packed("12", "u4", 2),
    "read only": lambda: copy(P, tv.packed(bytes(8), "i4", (2, 8)), device="vm"),
    "not said": lambda: signed("x: i4[M, N]")(P, P, device="vm"),
    "not packed": lambda: signed("x: i4[M, N] packed")(X, P, device="vm"),
    "other type": lambda: signed("x: u4[M, N] packed")(P, P, device="vm"),
    "unequal types": lambda: copy(P, of(X, "i5"), device="vm"),
    "other rank": lambda: signed("x: i4[M] packed")(P, P, device="vm"),
    "other stride": lambda: signed("x: i4[M, N] packed{strides=(1, 2)}")(P, P, device="vm"),
    "not aligned": lambda: signed("x: i3[M, N] packed{align=2}")(of(X % 4, "i3"), of(X % 4, "i3"), device="vm"),
    "pointer": lambda: tv.kernel(at_pointer)[1](P, device="vm"),
    "compiled unpacked": lambda: copy.compile("x: u8[M, N], y: u8[M, N]"),
    "compiled for another": lambda: copy.compile(P, P, device="vm")(of(X, "i5"), P),
}


@pytest.mark.parametrize("case", CASES)
def test_messages(case: str, golden: Callable[[str | Path, str], None]) -> None:
    with pytest.raises(TileError) as caught:
        CASES[case]()
    golden(f"packed/{case.replace(' ', '_')}.txt", re.sub(r"0x[0-9a-f]+", "0x…", str(caught.value)))


def test_a_buffer_of_no_bytes() -> None:
    assert tv.packed(np.zeros((3, 0), np.uint8), "u4", (3, 0)).nbytes == 0
