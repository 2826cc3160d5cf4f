"""The records of machines: look-up, limits, copies, loads of matrices."""

import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from tests.target.facts import NVIDIA, nvidia, value
from tilevm.layout import LayoutError, local, spatial
from tilevm.source import TileError
from tilevm.target import TARGETS, MatrixCopy, target

KIB = 1024


@pytest.mark.parametrize(
    ("name", "help"),
    [
        ("sm_8O", "did you mean 'sm_80'?"),
        ("sm80", "did you mean 'sm_80'?"),
        ("sm_90", "did you mean 'sm_90a'?"),
        ("gfx940", "did you mean 'gfx942'?"),
        ("H200", "did you mean 'sm_90a'?"),
        ("MI300X", "did you mean 'gfx942'?"),
        ("vax", f"one of {', '.join(TARGETS)}"),
    ],
)
def test_unknown_names(name: str, help: str) -> None:
    with pytest.raises(TileError) as caught:
        target(name)
    assert caught.value.message == f"no machine is called {name!r}" and caught.value.help == help


@pytest.mark.parametrize("name", TARGETS)
def test_a_record_is_one_frozen_value(name: str) -> None:
    machine = target(name)
    assert machine.name == name and target(name) is machine and repr(machine) == f"target({name!r})"
    with pytest.raises(FrozenInstanceError):
        machine.lanes = 16  # type: ignore[misc]
    again = pickle.loads(pickle.dumps(machine))
    assert again == machine and hash(again) == hash(machine) and again.mma_atoms == machine.mma_atoms
    assert len({target(n) for n in TARGETS}) == len(TARGETS)


SHARED = {  # a block may ask for, a processor has, in KiB
    **{"sm_80": (163, 164), "sm_86": (99, 100), "sm_89": (99, 100), "sm_90a": (227, 228), "sm_100a": (227, 228)},
    **{"gfx90a": (64, 64), "gfx942": (64, 64), "gfx950": (160, 160)},
}
THREADS = {"sm_86": 1536, "sm_89": 1536}
BLOCKS = {"sm_80": 32, "sm_86": 16, "sm_89": 24, "sm_90a": 32, "sm_100a": 32}


@pytest.mark.parametrize("name", TARGETS)
def test_limits(name: str) -> None:
    machine, limits = target(name), target(name).limits
    assert (limits.shared_per_block, limits.shared_per_processor) == tuple(KIB * x for x in SHARED[name])
    assert limits.threads_per_processor == THREADS.get(name, 2048)
    assert limits.blocks_per_processor == BLOCKS.get(name, 16)
    assert limits.threads_per_block == 1024 == machine.warps_per_block * machine.lanes
    assert machine.warps_per_processor == limits.threads_per_processor // machine.lanes
    nvidia = machine.vendor == "nvidia"
    assert (machine.lanes, limits.registers_per_thread) == ((32, 255) if nvidia else (64, 512))
    assert limits.registers_per_processor == (65536 if nvidia else 131072)
    assert limits.shared_static == (48 * KIB if nvidia else limits.shared_per_block)


@pytest.mark.parametrize("name", TARGETS)
def test_an_atom_fits_its_machine(name: str) -> None:
    machine = target(name)
    for atom in machine.mma_atoms:
        assert sum(atom.words) <= machine.limits.registers_per_thread, atom.name
        assert (atom.since is None) == (machine.vendor == "amd") == bool(atom.builtin)
    assert len(set(machine.mma_atoms)) == len(machine.mma_atoms)


def test_machines_grow() -> None:
    """What sm_80 has, the later ones have."""
    names = {name: {(atom.name, atom.a is None) for atom in target(name).mma_atoms} for name in TARGETS}
    assert names["sm_80"] == names["sm_86"] < names["sm_89"] < names["sm_100a"] < names["sm_90a"]


# copies -------------------------------------------------------------------------------------------------------


def test_copies_into_shared_memory() -> None:
    direct = {name: {c.widths for c in target(name).copies if c.together} for name in ("gfx942", "gfx950")}
    assert direct == {"gfx942": {(1, 2, 4)}, "gfx950": {(1, 2, 4, 12, 16)}}
    found = target("sm_80").copy("cp.async.cg.shared.global")
    assert found is not None and found.widths == (16,) and found.wait == "group" and found.fills
    assert target("gfx942").copy("cp.async.cg.shared.global") is None
    assert {c.name for c in target("gfx950").copies if c.transposes} == {
        *("ds_read_b64_tr_b16", "ds_read_b64_tr_b8", "ds_read_b64_tr_b4", "ds_read_b96_tr_b6")
    }


def test_bulk_copies_are_of_hopper_and_later() -> None:
    assert {name for name in TARGETS if target(name).bulk_copies} == {"sm_90a", "sm_100a"}
    boxes = [copy.box for copy in target("sm_90a").bulk_copies if copy.box is not None]
    assert {(box.ranks[-1], box.extent, box.row_bytes, box.swizzles) for box in boxes} == {
        (5, 256, 16, (0, 32, 64, 128))
    }


# matrices -----------------------------------------------------------------------------------------------------


def matrix_copy(machine: str, stem: str, count: int, transposed: bool) -> MatrixCopy:
    [found] = [
        copy
        for copy in target(machine).matrix_copies
        if copy.name.startswith(stem) and (copy.count, copy.transposed) == (count, transposed)
    ]
    return found


TILES = {name: rule for name, rule in NVIDIA["ldmatrix"].items() if name != "about"}


@pytest.mark.parametrize("name", TILES)
def test_a_load_gives_the_fragment_of_an_operand(name: str) -> None:
    """Four matrices are one a of m16n8k16, or two b beside each other; told of addresses and of registers apart."""
    rule = TILES[name]
    load = matrix_copy("sm_80", "ldmatrix", 4, rule["trans"])
    fragment = load.fragment()
    operand = nvidia(rule["fragment"], 32)
    stored_turned = name in ("A_by_columns", "B_n_by_k")
    slots = operand.slots[1]
    for lane, slot in np.ndindex(32, 8):
        index = fragment.index_at(lane, slot)
        assert index is not None
        matrix, row, element = index
        [(giver, _)] = load.addresses.owners((matrix, row))
        there = (value(rule["row"], lane=giver), value(rule["col"], lane=giver) + element)
        at = there[::-1] if stored_turned else there
        beside, own = divmod(slot, slots)
        expected = tuple(int(dim[lane, own]) for dim in operand.index)
        assert at == (expected[0], expected[1] + 8 * beside)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_matrices_by_their_words(count: int, transposed: bool) -> None:
    """Lane L receives row L / 4, elements 2(L mod 4) and the next, of matrix i in register i; turned: of columns."""
    load = matrix_copy("sm_90a", "ldmatrix", count, transposed)
    assert load.words == count
    for lane, slot in np.ndindex(32, 2 * count):
        row, element = lane // 4, 2 * (lane % 4) + slot % 2
        assert load.fragment().index_at(lane, slot) == (slot // 2, *((element, row) if transposed else (row, element)))
    store = matrix_copy("sm_90a", "stmatrix", count, transposed)
    assert store.fragment() == load.fragment() and (store.source, store.destination) == ("registers", "shared")


@pytest.mark.parametrize(("bits", "kind"), [(8, "k32.A_8bit"), (4, "k64.A_4bit"), (32, "k8.A_tf32")])
def test_elements_of_other_widths(bits: int, kind: str) -> None:
    """Four matrices of 8 rows of 16 bytes are an a of 16 rows of 32 bytes, whatever the elements."""
    load = matrix_copy("sm_80", "ldmatrix", 4, False)
    fragment, operand = load.fragment(bits), nvidia(f"mma.m16n8{kind}", 32)
    wide = 128 // bits
    assert fragment.shape == (4, 8, wide) and fragment.registers == operand.slots[1]
    for lane, slot in np.ndindex(*operand.slots):
        index = fragment.index_at(lane, slot)
        assert index is not None
        matrix, row, element = index
        assert (row + 8 * (matrix % 2), element + wide * (matrix // 2)) == tuple(
            int(dim[lane, slot]) for dim in operand.index
        )


def test_the_first_matrix_as_products() -> None:
    assert matrix_copy("sm_80", "ldmatrix", 2, False).fragment() == local(2, 1, 1) * spatial(8, 4) * local(1, 2)


def test_widths_that_are_not_moved() -> None:
    with pytest.raises(LayoutError, match=r"x4\.shared\.b16 moves elements of 4, 8, 16 or 32 bits, not of 6"):
        matrix_copy("sm_80", "ldmatrix", 4, False).fragment(6)
    with pytest.raises(LayoutError, match=r"x4\.trans\.shared\.b16 moves elements of 16 bits, not of 8"):
        matrix_copy("sm_80", "ldmatrix", 4, True).fragment(8)


def test_a_kind_of_access_that_is_not_there() -> None:
    with pytest.raises(TileError) as caught:
        target("sm_80").banks_for("read", 12)
    assert caught.value.message == "sm_80 has no read of 12 bytes a lane in shared memory"
    assert caught.value.help == "it has: 1, 2, 4, 8, 16"
    with pytest.raises(TileError, match="gfx950 has no matrix of 16 bytes"):
        target("gfx950").banks_for("matrix", 16)
