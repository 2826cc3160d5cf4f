"""Pictures of layouts: every element once, where the layout has it, in colours that can be told apart."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.conftest import Golden
from tests.layout.strategies import layouts, register_layouts, swizzled_layouts
from tilevm.layout import Layout, LayoutError, Swizzle, Xor, local, replicate, row_major, spatial
from tilevm.layout.picture import Cell, Key, Panel, Picture, draw, html, svg
from tilevm.layout.picture.colours import COUNT, grouped, spread
from tilevm.layout.picture.draw import Memory

GOLDEN = Path(__file__).parent / "pictures"
SPACE = "{http://www.w3.org/2000/svg}"
INDEX = re.compile(r"element \[([\d, ]*)\]")
SMALL = {
    "registers": spatial(2, 2) * local(1, 2),
    "replicas": (spatial(2, 2) * local(2, 1)).reduce(1),
    "memory": row_major(2, 4).swizzle(Xor(((0, 1 << 2),))),
    "three_dims": spatial(2, 2, 2),
    "unit": Layout(),
}


def index_of(cell: Cell) -> tuple[int, ...]:
    found = INDEX.match(cell.facts)
    assert found, cell.facts
    return tuple(map(int, found[1].split(", "))) if found[1] else ()


def cells_of(picture: Picture) -> list[Cell]:
    return [cell for panel in picture.panels for cell in panel.cells]


@pytest.mark.parametrize("name", SMALL)
def test_svg(name: str, golden: Golden) -> None:
    golden(GOLDEN / f"{name}.svg", SMALL[name].to_svg())


@given(layouts())
def test_every_element_is_drawn_once(layout: Layout) -> None:
    found = [index_of(cell) for cell in cells_of(draw(layout))]
    assert sorted(found) == sorted(itertools.product(*map(range, layout.shape)))
    for panel in draw(layout).panels:
        places = [(cell.row, cell.column) for cell in panel.cells]
        assert len(set(places)) == len(places)
        assert all(row < len(panel.rows) and column < len(panel.columns) for row, column in places)


@given(register_layouts())
def test_labels_name_the_owners(layout: Layout) -> None:
    for cell in cells_of(draw(layout)):
        owners = layout.owners(index_of(cell))
        thread, register = owners[0]
        words = dict(re.findall(r"(thread|register) (\d+)", cell.facts))
        assert int(words.get("thread", 0)) == thread and int(words.get("register", 0)) == register
        label = re.fullmatch(r"(?:T(\d+)(?:([-+])(\d+))?)?:?(?:R(\d+))?", cell.lines[0])
        assert label, cell.lines
        first, sign, more, slot = label.groups()
        assert int(first or 0) == thread and int(slot or 0) == register
        copies = int(more or 0) if sign != "-" else int(more) - thread
        assert copies + 1 == len(owners)
        if sign == "-":
            assert [owner for owner, _ in owners] == list(range(thread, int(more) + 1))


@given(register_layouts())
def test_cells_belong_together_where_threads_do(layout: Layout) -> None:
    held: dict[str, set[int]] = {}
    for cell in cells_of(draw(layout)):
        [owner] = cell.owners
        threads = {thread for thread, _ in layout.owners(index_of(cell))}
        if owner.startswith("thread"):
            assert held.setdefault(owner, threads) == threads
    assert sum(map(len, held.values())) == len(set().union(*held.values()))


@given(swizzled_layouts(rank=2), st.sampled_from([4, 8, 16, 32]), st.sampled_from([32, 64]))
def test_memory_has_offsets_and_banks(layout: Layout, bits: int, banks: int) -> None:
    picture = draw(layout, Memory(bits, banks))
    last = picture.panels[-1]
    if not layout.axes:
        return
    for cell in last.cells:
        offset = layout(index_of(cell))
        bank = offset * bits // 32 % banks
        assert cell.lines[0] == str(offset) and cell.lines[1].startswith(f"b{bank}")
        assert cell.owners[0] == f"bank{bank}" and cell.colour == grouped(bank, banks)
    if layout.xor:
        plain, _ = picture.panels
        without = replace(layout, xor=Xor())
        assert [int(cell.lines[0]) for cell in plain.cells] == [without(index_of(cell)) for cell in plain.cells]


def test_vectors_are_one_cell() -> None:
    [_, panel] = draw(row_major(8, 64).swizzle(Swizzle(3, 3, 3)), Memory(vector=8)).panels
    assert [cell.lines for cell in panel.cells if cell.row == 1][:2] == [("72", "b4–7"), ("64", "b0–3")]
    assert len(panel.cells) == 64 and panel.columns == tuple(map(str, range(0, 64, 8)))
    with pytest.raises(LayoutError, match=r"from \(0, 0\) on are no neighbours"):
        row_major(8, 64).swizzle(Swizzle(3, 0, 3)).permute((1, 0)).to_svg(vector=2)
    with pytest.raises(LayoutError, match="whose last dim they divide"):
        row_major(8, 6).to_svg(vector=4)
    with pytest.raises(LayoutError, match="whose last dim they divide"):
        spatial(8, 8).to_svg(vector=4)


@pytest.mark.parametrize("name", ["bits", "banks", "vector"])
def test_numbers_below_one_are_refused(name: str) -> None:
    with pytest.raises(LayoutError, match=f"{name} is 0: a picture needs"):
        row_major(2, 2).to_svg(**{name: 0})
    with pytest.raises(LayoutError, match="at most 0 cells"):
        row_major(2, 2).to_svg(limit=0)


@given(layouts(), st.integers(1, 40))
def test_what_is_left_out_is_noted(layout: Layout, limit: int) -> None:
    picture = draw(layout, limit=limit)
    cells = cells_of(picture)
    assert 1 <= len(cells) <= limit
    expected = "" if len(cells) == layout.size else f"{len(cells)} of {layout.size} cells are drawn"
    assert picture.note == expected


def test_a_large_tile_is_cut_before_it_is_drawn() -> None:
    picture = draw(spatial(2**20, 2**10) * local(2**20, 1))
    [panel] = picture.panels
    assert (len(panel.rows), len(panel.columns)) == (64, 64)
    assert picture.note == f"4096 of {2**50} cells are drawn"


def test_one_dim_stands_in_lines() -> None:
    [panel] = draw(local(70)).panels
    assert panel.rows == ("0", "32", "64") and len(panel.cells) == 70
    assert (panel.cells[-1].row, panel.cells[-1].column) == (2, 5)


def test_copies_in_words() -> None:
    [cell] = cells_of(draw(replicate(4)))
    assert (cell.lines, cell.facts) == (("T0-3",), "element []: thread 0 to 3")
    scattered = cells_of(draw(spatial(2, 2, 2).reduce((0, 2))))
    assert [cell.lines[0] for cell in scattered] == ["T0+3", "T2+3"]
    assert scattered[1].facts == "element [1]: thread 2, 3, 6, 7"
    [many] = cells_of(draw(spatial(2, 2, 8).reduce((0, 2))))[:1]
    assert many.facts.endswith("…, 16 in all")


# the drawings -------------------------------------------------------------------------------------------------


@given(layouts())
def test_the_svg_has_what_the_picture_has(layout: Layout) -> None:
    picture = draw(layout)
    tree = ElementTree.fromstring(svg(picture))
    drawn = [group for group in tree.iter(f"{SPACE}g") if group.get("data-row")]
    assert [group.findtext(f"{SPACE}title") for group in drawn] == [cell.facts for cell in cells_of(picture)]
    assert [rect.get("fill") for group in drawn for rect in group.iter(f"{SPACE}rect")] == [
        cell.colour for cell in cells_of(picture)
    ]
    rects = [rect for group in drawn for rect in group.iter(f"{SPACE}rect")]
    boxes = [tuple(float(rect.get(side, 0)) for side in ("x", "y", "width", "height")) for rect in rects]
    assert len({box[:2] for box in boxes}) == len(boxes), "no cell lies on another"
    wide, high = float(tree.get("width", 0)), float(tree.get("height", 0))
    assert all(x >= 0 and y >= 0 and x + w <= wide and y + h <= high for x, y, w, h in boxes)


def test_words_are_escaped() -> None:
    cell = Cell(0, 0, ("<&",), "#ffffff", ("a",), '<script>"</script>', marked=True)
    picture = Picture("</style>&", ("<b>",), (Panel("<p>", ("<",), (">",), (cell,)),), (Key("#fff", "<k>"),), "<n>")
    tree = ElementTree.fromstring(svg(picture))
    assert tree.get("aria-label") == "</style>&"
    page = html(picture)
    assert page.count("<script>") == 1 and page.count("</style>") == 2


@given(st.text(), st.text())
def test_any_title_is_xml(title: str, name: str) -> None:
    tree = ElementTree.fromstring(local(2).to_svg(title=title))
    assert tree.tag == f"{SPACE}svg"
    html(draw(local(2), title=name)).encode()


def test_the_page_loads_nothing() -> None:
    page = html(draw(row_major(4, 4)))
    assert re.findall(r"https?://[^\"]+", page) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"\b(src|href|@import|url\()", page)


# colours ------------------------------------------------------------------------------------------------------

# What people with the three kinds of dichromacy see: Machado, Oliveira and Fernandes, "A physiologically-based model
# for simulation of color vision deficiency" (2009), severity 1, on linear RGB.
SEEN = {
    "all cones": np.eye(3),
    "no long cones": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no middle cones": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "no short cones": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_CONES = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]])
TO_LAB = np.array([[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]])


def linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def oklab(seen: np.ndarray) -> np.ndarray:
    """Ottosson's OKLab, in which distances are about as eyes judge them."""
    lab: np.ndarray = TO_LAB @ np.cbrt(TO_CONES @ np.clip(seen, 0, 1))
    return lab


@pytest.mark.parametrize("eyes", SEEN)
def test_neighbours_differ_for_all_eyes(eyes: str) -> None:
    labs = [oklab(SEEN[eyes] @ linear(spread(thread))) for thread in range(COUNT)]
    near = min(float(np.linalg.norm(a - b)) for a, b in itertools.pairwise(labs))
    assert near > 0.06, "two neighbours look alike"


def test_the_threads_of_a_warp_differ() -> None:
    assert COUNT == 64 and len({spread(thread) for thread in range(COUNT)}) == COUNT
    assert [len({grouped(bank, count) for bank in range(count)}) for count in (1, 8, 32, 64)] == [1, 8, 32, 64]


def test_black_is_readable_on_every_colour() -> None:
    ink = linear("#111111") @ [0.2126, 0.7152, 0.0722] + 0.05
    for thread in range(COUNT):
        assert (linear(spread(thread)) @ [0.2126, 0.7152, 0.0722] + 0.05) / ink >= 4.5
