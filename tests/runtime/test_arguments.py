"""Arguments taken in: addresses, strides and bounds are those of the memory itself."""

import ctypes
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from tilevm.backend import Array
from tilevm.runtime.arguments import Trait, Weak, read
from tilevm.source import TileError
from tilevm.types import DType, bf16, bool_, f8e4m3, f16, f32, f64, i32, i64, u8
from tilevm.types.foreign import FOREIGN

BASE = np.arange(24, dtype=np.float32).reshape(4, 6)


def take(value: Any) -> tuple[Array, Trait]:
    array, seen = read(value, "x")
    assert isinstance(array, Array) and isinstance(seen, Trait)
    return array, seen


def elements(array: Array, kind: type) -> list[Any]:
    """Every element, fetched through address and strides as a kernel would."""
    size = ctypes.sizeof(kind)
    where = (sum(i * s for i, s in zip(index, array.strides, strict=True)) for index in np.ndindex(array.shape))
    return [kind.from_address(array.address + size * offset).value for offset in where]  # type: ignore[attr-defined]


VIEWS = {
    "whole": BASE,
    "transposed": BASE.T,
    "every other row": BASE[::2],
    "every other column": BASE[:, 1::2],
    "backwards": BASE[::-1, ::-1],
    "a column": BASE[:, 2],
    "one element": BASE[2, 3, ...],
    "broadcast": np.broadcast_to(BASE[0], (3, 6)),
    "new axis": BASE[:, None, :],
    "empty": BASE[2:2],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_numpy_views(view: Any) -> None:
    array, seen = take(view)
    assert (array.dtype, array.shape) == (f32, view.shape)
    assert elements(array, ctypes.c_float) == view.ravel().tolist()
    assert array.owner is view and array.writable == view.flags.writeable
    first = (array.address - BASE.ctypes.data) // 4
    assert (array.lowest, array.highest) == (-first, BASE.size - first)
    assert len(seen.units) == view.ndim


UNITS = {
    "rows": (BASE, (False, True)),
    "columns": (BASE.T, (True, False)),
    "neither": (BASE[:, ::2], (False, False)),
    "backwards": (BASE[:, ::-1], (False, False)),
    "one column": (BASE[:, :1], (False, True)),
    "one row": (BASE[:1], (False, True)),
    "one of a strided row": (BASE[0, ::7], (True,)),
    "a row as a column": (BASE[0][:, None], (True, True)),
    "0-d": (BASE[0, 0, ...], ()),
}


@pytest.mark.parametrize(("view", "units"), UNITS.values(), ids=UNITS)
def test_unit_strides(view: Any, units: tuple[bool, ...]) -> None:
    assert take(view)[1].units == units


def aligned(count: int) -> Any:
    """f32 elements from a multiple of 64 bytes on."""
    buffer = np.zeros(count * 4 + 64, np.uint8)
    start = -buffer.ctypes.data % 64
    return buffer[start : start + count * 4].view(np.float32)


def test_alignment_is_looked_at_modulo_16_bytes() -> None:
    rows = aligned(64).reshape(8, 8)
    assert take(rows)[1].align == 16
    assert take(rows[:, 4:])[1].align == 16
    assert take(rows[:, 1:])[1].align == 4, "begins between"
    assert take(aligned(56).reshape(8, 7))[1].align == 4, "rows begin between"
    assert take(aligned(56).reshape(8, 7)[:1])[1].align == 16, "one row has no next"
    assert take(rows[:, ::4])[1].align == 16
    assert take(rows[:, ::2])[1].align == 4, "columns are rows too, where they do not touch"


@given(hnp.arrays(np.int16, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)), st.data())
def test_any_view(base: Any, data: st.DataObject) -> None:
    steps = st.tuples(*[st.sampled_from([1, -1, 2, -2])] * base.ndim)
    view = base[(..., *(slice(None, None, s) for s in data.draw(steps)))].transpose()
    array, _ = take(view)
    assert elements(array, ctypes.c_int16) == view.ravel().tolist()
    offsets = [sum(i * s for i, s in zip(x, array.strides, strict=True)) for x in np.ndindex(array.shape)]
    assert all(array.lowest <= offset < array.highest for offset in offsets)


@pytest.mark.parametrize("name", FOREIGN)
def test_each_number_type(name: str) -> None:
    kind = np.dtype(name) if hasattr(np, name) else np.dtype(getattr(ml_dtypes, name))
    array, seen = take(np.zeros((2, 3), kind))
    assert array.dtype == seen.dtype == FOREIGN[name]
    assert array.dtype.numpy_bytes == kind.itemsize


NUMBERS: list[tuple[Any, Any, Weak | DType]] = [
    (True, True, Weak(bool_)),
    (7, 7, Weak(i32)),
    (-(2**31), -(2**31), Weak(i32)),
    (2**31, 2**31, Weak(i64)),
    (0.5, 0.5, Weak(f32)),
    (np.float64(0.5), 0.5, f64),
    (np.float16(0.5), 0.5, f16),
    (np.uint8(7), 7, u8),
    (np.bool_(True), True, bool_),
    (ml_dtypes.bfloat16(1.5), 1.5, bf16),
]


@pytest.mark.parametrize(("value", "number", "seen"), NUMBERS, ids=lambda v: repr(v)[:24])
def test_numbers(value: Any, number: Any, seen: Weak | DType) -> None:
    found = read(value, "n")
    assert found == (number, seen) and type(found[0]) is type(number)


class Exporter:
    """Another library's array."""

    def __init__(self, array: Any, device: int = 1) -> None:
        self.array, self.device = array, device

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)


def test_dlpack() -> None:
    array, seen = take(Exporter(BASE))
    assert array.address == BASE.ctypes.data and seen.dtype == f32
    with pytest.raises(TileError, match="x lives on opencl"):
        read(Exporter(BASE, 4), "x")
    with pytest.raises(TileError, match="x cannot be taken over by DLPack"):
        read(Exporter(np.zeros(2, "datetime64[s]")), "x")


REFUSED: dict[str, tuple[Any, str]] = {
    "list": ([1.0], "x is a list"),
    "none": (None, "x is a NoneType"),
    "text": ("x", "x is a str"),
    "complex number": (1j, "x is a complex"),
    "huge int": (2**64, "fits no integer type"),
    "large negative int": (-(2**63) - 1, "fits no integer type"),
    "big-endian": (np.zeros(2, ">f4"), "in the other byte order"),
    "complex": (np.zeros(2, np.complex64), "x holds complex64"),
    "object": (np.array([None]), "x holds object"),
    "dates": (np.zeros(2, "datetime64[s]"), r"x holds datetime64\[s\]"),
    "records": (np.zeros(2, [("a", "f4")]), "x holds "),
    "a float of no name": (np.zeros(2, ml_dtypes.float8_e4m3b11fnuz), "x holds float8_e4m3b11fnuz"),
    "masked": (np.ma.masked_array([1.0], [True]), "x is a masked array"),
    "part of a record": (np.zeros(3, [("a", "f4"), ("b", "i1")])["a"], "not whole elements"),
    "between addresses": (np.zeros(9, np.uint8)[1:].view(np.float32), "no multiple"),
}


@pytest.mark.parametrize(("value", "says"), REFUSED.values(), ids=REFUSED)
def test_refused(value: Any, says: str) -> None:
    with pytest.raises(TileError, match=says) as caught:
        read(value, "x")
    assert caught.value.help


class TestTorch:
    """Tensors of torch; where it is not installed these step aside visibly."""

    @pytest.fixture
    def torch(self) -> Any:
        return pytest.importorskip("torch")

    def test_views(self, torch: Any) -> None:
        base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
        for view in (base, base.T, base[1::2, 2:], base[0, 0], base[2:2], base[0].expand(3, 6)):
            array, _ = take(view)
            assert array.shape == tuple(view.shape) and array.writable
            assert elements(array, ctypes.c_float) == view.flatten().tolist()
            if view.numel():
                first = view.storage_offset()
                assert (array.lowest, array.highest) == (-first, 24 - first)

    def test_number_types(self, torch: Any) -> None:
        assert take(torch.zeros(2, dtype=torch.bfloat16))[1].dtype == bf16
        assert take(torch.zeros(2, dtype=torch.bool))[1].dtype == bool_
        assert take(torch.zeros(2).to(torch.float8_e4m3fn))[1].dtype == f8e4m3
        bits = torch.tensor([1.5], dtype=torch.bfloat16)
        assert elements(take(bits)[0], ctypes.c_uint16) == [0x3FC0]

    def test_numpy_and_torch_look_alike(self, torch: Any) -> None:
        assert take(torch.from_numpy(BASE))[1] == take(BASE)[1]

    def test_gradients(self, torch: Any) -> None:
        weight = torch.nn.Parameter(torch.zeros(2))
        with pytest.raises(TileError, match="requires a gradient"):
            read(weight, "x")
        with torch.no_grad():
            assert take(weight)[1].dtype == f32
        assert take(weight.detach())[1].dtype == f32

    @pytest.mark.filterwarnings("ignore:Accessing the data pointer")
    def test_without_memory(self, torch: Any) -> None:
        with pytest.importorskip("torch._subclasses.fake_tensor").FakeTensorMode():
            fake = torch.zeros(2)
        with pytest.raises(TileError, match="x is a FakeTensor without memory"):
            read(fake, "x")

    def test_refused(self, torch: Any) -> None:
        cases = {
            "is a meta tensor": torch.zeros(2, device="meta"),
            "layout torch.sparse_coo": torch.zeros(2, 2).to_sparse(),
            "lazy negation": torch.zeros(2, dtype=torch.complex64).conj().imag,
            "holds torch.complex64": torch.zeros(2, dtype=torch.complex64),
        }
        for says, tensor in cases.items():
            with pytest.raises(TileError, match=says):
                read(tensor, "x")

    def test_inside_what_torch_transforms(self, torch: Any) -> None:
        """Such a tensor stands for many, and has no memory of its own."""

        def refused(x: Any) -> Any:
            with pytest.raises(TileError, match="x is a Tensor without memory"):
                read(x, "x")
            return x

        torch.vmap(refused)(torch.zeros(2, 3))

    @pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
    def test_nested(self, torch: Any) -> None:
        with pytest.raises(TileError, match="x is a nested tensor"):
            read(torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]), "x")
