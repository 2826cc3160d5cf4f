"""Every matrix instruction against formulas of its fragments that were written down independently of the layouts."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from tests.target.facts import MFMA, NVIDIA, Held, alike, amd, fragments, names, table, value
from tilevm.layout import Layout, LayoutError, local, replicate, row_major, spatial
from tilevm.target import TARGETS, MmaAtom, target
from tilevm.types import DType, bf16, dtype, f8e4m3, f8e5m2, f16, f32

PTX = [name for name in TARGETS if target(name).vendor == "nvidia"]
GFX = [name for name in TARGETS if target(name).vendor == "amd"]
Pair = tuple[np.ndarray, np.ndarray]
Factors = tuple[Pair, Pair]


def multiplied(atom: MmaAtom, held: dict[str, Held], factors: Factors | None = None) -> None:
    """The machine, which knows the facts, multiplies what the layouts put into registers, and they find the product.

    ``factors`` are what a and b are multiplied with element by element, and what arrives of these.
    """
    random = np.random.default_rng(0)
    found = {}
    for letter, (_, _, layout, shape) in zip("abc", atom.operands(), strict=True):
        matrix = random.integers(-9, 10, shape).astype(np.float64)
        there = matrix if layout is None else held[letter].gather(table(layout).scatter(matrix), shape)
        found[letter] = matrix, there
    (a, a_there), (b, b_there), (c, c_there) = found.values()
    if factors is not None:
        (of_a, of_a_there), (of_b, of_b_there) = factors
        a, a_there, b, b_there = a * of_a, a_there * of_a_there, b * of_b, b_there * of_b_there
    result = held["c"].scatter(a_there @ b_there + c_there)
    assert np.array_equal(result, table(atom.c).scatter(a @ b + c)), atom.name


def distinct(name: str) -> list[MmaAtom]:
    """The atoms of a machine, one for each set of fragments."""
    atoms = {(a.a, a.b, a.c, a.a_dtype.bits, a.c_dtype.bits): a for a in target(name).mma_atoms}
    return list(atoms.values())


@pytest.mark.parametrize("name", PTX)
def test_every_atom_of_nvidia_has_the_fragments_of_the_facts(name: str) -> None:
    """Each lane and slot of each operand, of wgmma's every n too."""
    for atom in distinct(name):
        for letter, fact in fragments(atom):
            assert alike(getattr(atom, letter), fact), (atom.name, letter)


@pytest.mark.parametrize("name", PTX)
def test_every_atom_of_nvidia_multiplies(name: str) -> None:
    for atom in target(name).mma_atoms:
        multiplied(atom, dict(fragments(atom)))


INVERTED = {name: fact for name, fact in NVIDIA["fragments"].items() if "inverse" in fact and name.startswith("mma")}


@pytest.mark.parametrize("name", INVERTED)
def test_the_owners_are_those_of_the_inverse_formulas(name: str) -> None:
    """Where the facts tell lane and register of a row and column too."""
    fact = INVERTED[name]
    layout = next(
        getattr(atom, letter)
        for atom in target("sm_90a").mma_atoms
        if atom.threads == 32
        for letter, key in names(atom).items()
        if key == name
    )
    for row, col in np.ndindex(*layout.shape):
        lane, reg, sub = (value(fact["inverse"][x], row=row, col=col) for x in ("lane", "reg", "sub"))
        assert layout.owners((row, col)) == ((lane, reg * fact["elements"] + sub),)


# MFMA ---------------------------------------------------------------------------------------------------------

TYPES = {"xf32": "tf32", "e4m3": "f8e4m3", "e5m2": "f8e5m2", "e2m3": "f6e2m3", "e3m2": "f6e3m2", "e2m1": "f4e2m1"}
EIGHTS = {"gfx942": ("f8e4m3fnuz", "f8e5m2fnuz"), "gfx950": ("f8e4m3", "f8e5m2")}


def called(word: str, machine: str) -> DType:
    """The number type that AMD's ``word`` means on a machine."""
    if word in ("fp8", "bf8"):
        return dtype(EIGHTS[machine][word == "bf8"])
    return dtype(TYPES.get(word, word))


def atom_of(fact: dict, machine: str) -> MmaAtom:
    a, b, c = (called(word, machine) for word in fact["types"])
    found = [atom for atom in target(machine).atoms_for(a, b, c) if atom.builtin == fact["builtin"]]
    assert len(found) == 1, fact["name"]
    return found[0]


CASES = [(fact, machine) for fact in MFMA for machine in fact["machines"]]


@pytest.mark.parametrize("machine", GFX)
def test_the_machines_of_amd_have_these_instructions_and_no_others(machine: str) -> None:
    told = {atom_of(fact, machine) for fact, there in CASES if there == machine}
    extra = set(target(machine).mma_atoms) - told
    assert all(atom.scales is not None and atom.a_dtype != atom.b_dtype for atom in extra), "only mixed types are extra"
    assert len(extra) == (40 if machine == "gfx950" else 0)


@pytest.mark.parametrize(("fact", "machine"), CASES, ids=lambda x: x if isinstance(x, str) else x["builtin"][23:])
def test_facts_of_an_mfma(fact: dict, machine: str) -> None:
    atom = atom_of(fact, machine)
    assert [*atom.shape, atom.blocks] == fact["shape"]
    assert list(atom.words) == fact["registers"]
    assert atom.name == (fact["name"] if machine != "gfx90a" else fact["builtin"].replace("__builtin_amdgcn", "v"))
    assert atom.cycles == fact["cycles"].get(machine)
    assert (atom.codes or (None,))[0] == fact.get("code")


def dims(letter: str, atom: MmaAtom) -> str:
    """The letters of an operand's index."""
    return ("b" if atom.blocks > 1 else "") + {"a": "ik", "b": "kj", "c": "ij"}[letter]


def held_by(fact: dict, atom: MmaAtom) -> dict[str, Held]:
    layouts = {"a": atom.a, "b": atom.b, "c": atom.c}
    return {x: amd(fact, x, dims(x, atom), layout.registers) for x, layout in layouts.items() if layout is not None}


def once() -> list[dict]:
    """One fact of each set of formulas and shape."""
    return list({str((f["shape"], f["a"], f["b"], f["c"])): f for f in MFMA}.values())


@pytest.mark.parametrize("fact", once(), ids=lambda fact: fact["name"] + "_".join(fact["types"][:2]))
def test_fragments_of_an_mfma(fact: dict) -> None:
    """Both ways: the element in a slot, and the slot of an element."""
    atom = atom_of(fact, fact["machines"][-1])
    held = held_by(fact, atom)
    for letter, layout in (("a", atom.a), ("b", atom.b), ("c", atom.c)):
        assert layout is not None and alike(layout, held[letter]), letter
        for at in np.ndindex(*layout.shape):
            seen = {"b": 0, **dict(zip(dims(letter, atom), at, strict=True))}
            assert layout.owners(at) == ((value(fact[letter]["lane"], **seen), value(fact[letter]["elem"], **seen)),)


@pytest.mark.parametrize("machine", GFX)
def test_every_atom_of_amd_multiplies(machine: str) -> None:
    """The mixed types of scaled forms too: the facts of each operand are those of its own type."""
    told = [(atom_of(fact, machine), fact) for fact, there in CASES if there == machine]
    for atom in target(machine).mma_atoms:
        same = [(other, fact) for other, fact in told if other.builtin == atom.builtin]
        of_a = next(fact for other, fact in same if other.a_dtype == atom.a_dtype)
        of_b = next(fact for other, fact in same if other.b_dtype == atom.b_dtype)
        held = {**held_by(of_a, atom), "b": held_by(of_b, atom)["b"]}
        multiplied(atom, held, factors(atom, of_a["scales"]) if atom.scales is not None else None)


def factors(atom: MmaAtom, rule: dict[str, str]) -> Factors:
    """Random block scales, as they are and as they arrive: ``rule`` names the lane whose scale an element gets."""
    assert atom.scales is not None
    random = np.random.default_rng(1)
    i, k = np.arange(atom.m), np.arange(atom.k)
    made = []
    for layout, formula in ((atom.scales.a, rule["a"]), (atom.scales.b, rule["b"])):
        scales = 2.0 ** random.integers(-3, 4, layout.shape)
        lanes = table(layout).scatter(scales)[:, 0]
        by_columns = layout is atom.scales.b
        row, step = (k[:, None], i[None, :]) if by_columns else (i[:, None], k[None, :])
        seen = {"k": row, "j": step} if by_columns else {"i": row, "k": step}
        along = 0 if by_columns else 1
        made.append((np.repeat(scales, atom.scales.block, axis=along), lanes[value(formula, **seen)]))
    return made[0], made[1]


def test_each_operand_of_a_scaled_form_has_the_layout_of_its_own_type() -> None:
    atoms = [atom for atom in target("gfx950").mma_atoms if atom.scales is not None]
    alike = {(atom.shape, atom.a_dtype): atom for atom in atoms if atom.a_dtype == atom.b_dtype}
    for atom in atoms:
        assert atom.a == alike[atom.shape, atom.a_dtype].a and atom.b == alike[atom.shape, atom.b_dtype].b
        assert atom.codes is not None
        assert atom.codes[1] == (alike[atom.shape, atom.b_dtype].codes or ())[1]
        slow = alike[atom.shape, f8e4m3].cycles
        assert (atom.cycles == slow) == (8 in (atom.a_dtype.bits, atom.b_dtype.bits))


def test_scales_lie_where_the_facts_say() -> None:
    for fact in MFMA:
        if "scales" in fact:
            scales = atom_of(fact, "gfx950").scales
            assert scales is not None and scales.block == fact["scales"]["block"] and scales.dtype.name == "f8e8m0"
            for i, step in np.ndindex(*scales.a.shape):
                seen = {"i": i, "j": i, "k": 32 * step}
                assert scales.a.owners((i, step)) == ((value(fact["scales"]["a"], **seen), 0),)
                assert scales.b.owners((step, i)) == ((value(fact["scales"]["b"], **seen), 0),)


# the proof at construction ------------------------------------------------------------------------------------

SOUND = target("sm_80").atoms_for(f16, f16, f32)[1]
A = spatial(8, 4) * local(2, 4)  # not the instruction's, but complete


def test_a_complete_fragment_is_taken() -> None:
    assert replace(SOUND, a=A).a == A


WRONG = {
    "too few rows": (
        {"a": spatial(8, 4) * local(1, 4)},
        r"operand a: .* shape \(8, 16\), the instruction takes \(16, 16\)",
    ),
    "transposed": ({"b": SOUND.a}, r"operand b: .* has shape \(16, 16\), the instruction takes \(16, 8\)"),
    "half a warp": ({"a": spatial(4, 4) * local(4, 4)}, "is of 16 threads, the instruction of 32"),
    "memory": ({"c": row_major(16, 8)}, "accumulator: a fragment lies in registers of threads, .* moves on mem"),
    "shared without majors": ({"b": None}, "majors are told of operands in shared memory"),
    "majors without shared": ({"majors": ("k",)}, "majors are told of operands in shared memory"),
}


@pytest.mark.parametrize(("change", "says"), WRONG.values(), ids=WRONG)
def test_an_incomplete_atom_is_refused(change: dict, says: str) -> None:
    with pytest.raises(LayoutError, match=says):
        replace(SOUND, **change)


def test_half_a_register_is_refused() -> None:
    with pytest.raises(LayoutError, match="operand b: 2 slots of 8 bits do not fill registers of 32 bits"):
        replace(SOUND, m=16, n=8, k=8, a=SOUND.c, b=local(2, 1) * spatial(4, 8), b_dtype=f8e5m2)


def test_replicas_are_taken() -> None:
    """Every element twice: in both halves of a warp."""
    doubled = replicate(2) * spatial(8, 2) * local(2, 8)
    assert replace(SOUND, a=doubled).words[0] == 8


def test_scales_are_checked() -> None:
    atom = next(atom for atom in target("gfx950").mma_atoms if atom.scales is not None)
    assert atom.scales is not None
    with pytest.raises(LayoutError, match=r"scales of b: .* the instruction takes"):
        replace(atom, scales=replace(atom.scales, b=atom.scales.a))
    with pytest.raises(LayoutError, match="not a multiple of the 24 under one scale"):
        replace(atom, scales=replace(atom.scales, block=24))


def test_an_atom_that_lies_would_be_found() -> None:
    """The multiplication tells a layout with two registers exchanged from the right one."""
    assert SOUND.a is not None
    exchanged = local(2, 2) * spatial(8, 4) * local(1, 2)
    assert exchanged.shape == SOUND.a.shape
    with pytest.raises(AssertionError):
        multiplied(replace(SOUND, a=exchanged), dict(fragments(SOUND)))


# selection ----------------------------------------------------------------------------------------------------


def test_atoms_are_found_by_types() -> None:
    assert [a.shape for a in target("sm_80").atoms_for(f16, f16, f32)] == [(16, 8, 8), (16, 8, 16)]
    assert target("sm_80").atoms_for(f8e4m3, f8e4m3, f32) == ()
    assert [a.shape for a in target("sm_89").atoms_for(f8e4m3, f8e5m2, f32)] == [(16, 8, 32), (16, 8, 16)]
    wide = [a for a in target("sm_90a").atoms_for(bf16, bf16, f32) if a.threads == 128]
    assert {a.n for a in wide} == set(range(8, 257, 8)) and {a.a is None for a in wide} == {True, False}
    assert all(a.b is None and a.words[1] == 0 and a.majors == ("k", "mn") for a in wide)
    assert {a.cycles for a in wide if a.n == 256} == {128}


def test_integers_of_wgmma() -> None:
    signs = ("i8", "u8")
    for a, b in product(signs, repeat=2):
        found = target("sm_90a").atoms_for(dtype(a), dtype(b), dtype("i32"))
        assert {x.n for x in found if x.threads == 128} == set(NVIDIA["wgmma_n_integers"])
        assert {x.since for x in found if x.threads == 128} == {(8, 0) if a == b else (8, 4)}


@pytest.mark.parametrize("name", TARGETS)
def test_columns_that_an_instruction_repeats(name: str) -> None:
    """Who holds column j + r · columns of the instruction holds column j; threads and slots of b stay."""
    for atom in target(name).mma_atoms:
        if atom.a is None or atom.b is None or atom.blocks > 1 or atom.scales is not None:
            continue
        for columns in (count for count in range(1, atom.n) if atom.n % count == 0):
            b, c = atom.narrowed(columns)
            assert b is not None and atom.divides(atom.m, columns, atom.k) and not atom.divides(atom.m, 3, atom.k)
            for whole, part in ((atom.b, b), (atom.c, c)):
                assert part.shape == (*whole.shape[:1], columns) and part.threads == whole.threads
                for thread, slot in product(range(whole.threads), range(whole.registers)):
                    row, column = index(whole, thread, slot)
                    holders = part.owners((row, column % columns))
                    assert any(owner[0] == thread for owner in holders)
            assert b.registers == atom.b.registers


def index(layout: Layout, thread: int, slot: int) -> tuple[int, ...]:
    found = layout.index_at(thread, slot)
    assert found is not None
    return found
