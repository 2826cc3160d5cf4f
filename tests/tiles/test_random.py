"""Random numbers: published answers, and the same bits on every machine."""

import numpy as np
import pytest

import tilevm as tv
from tests.devices import goes_round, on
from tests.tiles.cases import DEVICES, INTEGERS, same
from tilevm.types.philox import philox

each_device = pytest.mark.parametrize("device", DEVICES)
KNOWN = (  # counter, key and block: the known answers that come with Random123
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)


@pytest.mark.parametrize(("counter", "key", "block"), KNOWN)
def test_known_answers(counter: tuple[int, ...], key: tuple[int, int], block: tuple[int, ...]) -> None:
    assert tuple(map(int, philox([np.array(w) for w in counter], key))) == block


@tv.kernel
def words(i: tv.Tensor, w: tv.Tensor, f: tv.Tensor, seed: tv.Tile, N: tv.constexpr) -> None:
    index = i.load((0, 0), (3, N))
    w.store((0, 0), tv.randint(seed, index))
    f.store((0, 0), tv.rand(seed, index))


@each_device
def test_the_stream_begins_with_the_known_block(device: str) -> None:
    i = np.arange(12, dtype=np.int32).reshape(3, 4)
    w, f = np.empty((3, 4), np.uint32), np.empty((3, 4), np.float32)
    words[1](i, w, f, 0, N=4, **on(device))
    assert tuple(w[0].tolist()) == KNOWN[0][2]
    assert same(f, (w >> 8).astype(np.float32) * np.float32(2.0**-24))


@goes_round
@pytest.mark.parametrize("seed", [0, 1, -1, 2**31 - 1, 2**40 + 12345])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_machines_agree(dtype: str, seed: int) -> None:
    kind = INTEGERS[dtype]
    info = np.iinfo(kind)
    i = np.random.default_rng(0).integers(info.min, info.max, (3, 37), dtype=kind, endpoint=True)
    i[0, :4] = info.min, info.max, 0, 1
    found = {}
    for device in DEVICES:
        w, f = np.empty((3, 37), np.uint32), np.empty((3, 37), np.float32)
        words[1](i, w, f, seed, N=37, **on(device))
        found[device] = w, f
    assert all(same(found["vm"][0], w) and same(found["vm"][1], f) for w, f in found.values())
    key, wide = seed & (2**64 - 1), [int(v) & (2**64 - 1) for v in i.ravel()]
    for n, v in enumerate(wide[:6]):
        block = philox([np.array(x) for x in ((v >> 2) & 0xFFFFFFFF, v >> 34, 0, 0)], (key & 0xFFFFFFFF, key >> 32))
        assert int(found["cpu"][0].ravel()[n]) == int(block[v & 3])


@tv.kernel(grid=lambda **_: 8)
def filled(x: tv.Tensor) -> None:
    start = tv.program_id(0) * 8192
    x.store(start, tv.rand(42, start + tv.arange(8192)))
    x.store(65536, tv.full((1,), tv.rand(42, 3), tv.f32))


@each_device
def test_numbers_are_spread_evenly(device: str) -> None:
    x = np.zeros(65537, np.float32)
    filled(x, **on(device))
    assert x.min() >= 0 and x.max() < 1 and x[65536] == x[3]
    counts, _ = np.histogram(x[:65536], 64, (0, 1))
    assert np.sum((counts - 1024.0) ** 2 / 1024) < 120  # chi-squared with 63 degrees: 99.998 %
    assert abs(np.corrcoef(x[:65535], x[1:65536])[0, 1]) < 0.02


def test_no_number_comes_twice() -> None:
    x = np.zeros(65537, np.float32)
    filled(x, device="cpu")
    assert np.unique(x[:65536]).size > 65000  # of 2**24 numbers; 65408 are expected
