"""Pictures of layouts: every element once, what the labels say, and the page in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, strategies as st

from tests.conftest import Golden
from tests.layout.strategies import memory_layouts, register_layouts, swizzled_layouts
from tilevm.cli import main
from tilevm.layout import Layout, LayoutError, Swizzle, column_local, local, replicate, row_major, spatial
from tilevm.layout.expression import NAMES, layout_of
from tilevm.layout.picture.colours import colour
from tilevm.layout.picture.grid import picture
from tilevm.report.accesses import access_picture, told
from tilevm.report.docs import ROOT
from tilevm.report.figures import FIGURES
from tilevm.target import shared_access, target

HERE = Path(__file__).parent
ATOM = column_local(2, 2) * spatial(8, 4) * local(1, 2)
SVG = "{http://www.w3.org/2000/svg}"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@given(st.one_of(register_layouts(), memory_layouts(), swizzled_layouts()))
def test_every_element_once(layout: Layout) -> None:
    cells = {cell.index: cell for cell in picture(layout, 16).cells()}
    assert list(cells) == list(product(*map(range, layout.shape)))
    for index, cell in cells.items():
        if layout.axes == ("mem",):
            assert cell.label == (str(layout(index)), f"b{layout(index) * 16 // 32 % 32}")
        else:
            owners = layout.owners(index)
            assert cell.label[0].rstrip("+") == f"T{owners[0][0]}" and cell.label[1] == f"R{owners[0][1]}"
            assert set(cell.keys) == {f"t{thread}" for thread, _ in owners}


@given(register_layouts(2))
def test_drawings_are_sound(layout: Layout) -> None:
    root = ElementTree.fromstring(layout.to_svg())
    drawn = root.findall(f"{SVG}g[@class='at']")
    assert len(drawn) == layout.size
    width, height = (int(root.attrib[name]) for name in ("width", "height"))
    for box in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(box.attrib.get(name, 0)) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width and 0 <= y <= y + h <= height
    places = [
        (box.attrib["x"], box.attrib["y"]) for box in root.iter(f"{SVG}rect") if box.attrib.get("class") == "cell"
    ]
    assert len(set(places)) == len(places)


def test_neighbouring_threads_differ_in_colour_and_text_is_read() -> None:
    """The contrast of dark text: at least 4.5 (WCAG 2, success criterion 1.4.3)."""
    assert len({colour(thread) for thread in range(32)}) == 32
    for thread in range(32):
        parts = [int(colour(thread)[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert (light + 0.05) / (0.0159 + 0.05) > 4.5


def test_large_tiles_are_cut() -> None:
    shown = picture(local(8, 8) * spatial(32, 32), limit=1000)
    assert len(list(shown.cells())) <= 1000 and shown.note == "the first 768 of 65536 elements"
    assert "the first" in (local(8, 8) * spatial(32, 32)).to_svg()


@pytest.mark.parametrize(
    ("layout", "message"),
    [(Layout.parse("4:1@block"), "pictures are of threads and registers, or of memory")],
)
def test_what_has_no_picture(layout: Layout, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        layout.to_svg()
    with pytest.raises(LayoutError, match="both count from 1"):
        spatial(4).to_svg(bits=0)


def test_an_access_with_conflicts() -> None:
    registers, memory, machine = local(2, 8) * spatial(8, 4) * local(1, 2), row_major(16, 64), target("sm_80")
    shown = access_picture(registers, memory, 16, machine, "read")
    asked = [cell for cell in shown.cells() if cell.label[0]]
    assert len(asked) == 32 and all("8 words of this bank" in cell.told for cell in asked)
    free = access_picture(registers, memory.swizzle(Swizzle(3, 3, 3)), 16, machine, "read")
    assert all("1 word of this bank" in cell.told for cell in free.cells() if cell.label[0])
    rows = told(shared_access(registers, memory, 16, machine))
    assert len(rows) == 16 and sum(row.wavefronts for row in rows) == 128 and sum(row.least for row in rows) == 16


# the command and its expressions ------------------------------------------------------------------------------

COMMANDS = {
    "fragment": ["column_local(2, 1) * spatial(4, 2) * local(1, 2)"],
    "replicas": ["(local(2, 1) * spatial(2, 4)).reduce(1)"],
    "cube": ["spatial(2, 2, 2)"],
    "swizzle": ["row_major(4, 8).swizzle(Swizzle(2, 1, 2))", "--bits", "16"],
    "text": ["(2,2):(1@reg,4@thread) 4:1@thread"],
    "access": ["row_major(8, 64)", "--bits", "16", "--access", "local(1, 8) * spatial(8, 4) * local(1, 2)"],
    "json": ["spatial(2)", "--json"],
    "misspelt": ["spacial(8, 4)"],
    "no_method": ["spatial(8, 4).transpose()"],
    "no_layout": ["8 * spatial(4)"],
    "no_expression": ["spatial(8, 4"],
    "wrong_text": ["(8,2):(4@thread)"],
    "other_axis": ["4:1@block"],
    "unknown_machine": ["row_major(8, 64)", "--access", "spatial(8, 4)", "--target", "sm_81"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command(name: str, golden: Golden) -> None:
    done = CliRunner().invoke(main, ["layout", *COMMANDS[name]])
    assert done.exit_code in (0, 1), (done.output, done.exception)
    golden(HERE / "shown" / f"{name}.txt", done.output)


def test_files_are_written(tmp_path: Path) -> None:
    svg, html = tmp_path / "a.svg", tmp_path / "a.html"
    done = CliRunner().invoke(main, ["layout", "spatial(8, 4) * local(1, 2)", "--svg", str(svg), "--html", str(html)])
    assert done.exit_code == 0 and not done.output
    assert svg.read_text(encoding="utf-8") == (spatial(8, 4) * local(1, 2)).to_svg()
    page = html.read_text(encoding="utf-8")
    assert page == (spatial(8, 4) * local(1, 2)).to_html()
    assert not re.search(r"(src|href)=|url\(|@import|https?://(?!www\.w3\.org/2000/svg)", page), "self-contained"


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("spatial(8, 4) * local(1, 2)", spatial(8, 4) * local(1, 2)),
        ("spatial(2, 4, order=(0, 1)) * replicate(2)", spatial(2, 4, order=(0, 1)) * replicate(2)),
        ("(spatial(8, 4) * local(1, 2)) / local(1, 2)", spatial(8, 4)),
        ("Sw<3,3,3> o 0 o (8,64):(64,1)", row_major(8, 64).swizzle(Swizzle(3, 3, 3))),
        ("'8:1@thread' * local(2)", spatial(8) * local(2)),
        ("row_major(4, 8).permute((1, 0))", row_major(4, 8).permute((1, 0))),
        ("coalesce('(2,4):(1,2)')", Layout.parse("8:1")),
    ],
)
def test_expressions(text: str, layout: Layout) -> None:
    assert layout_of(text) == layout


WORDS = st.sampled_from(
    [*NAMES, "(", ")", ",", "*", "/", "8", "4", "-", ".reduce", ".swizzle", "'8:1'", "x", "[", "]", ":"]
)


@given(st.one_of(st.text(max_size=30), st.lists(WORDS, max_size=12).map("".join)))
def test_any_text_is_a_layout_or_refused(text: str) -> None:
    try:
        assert isinstance(layout_of(text), Layout)
    except LayoutError:
        return


# in a browser -------------------------------------------------------------------------------------------------

PROBE = """
<script>
const at = [...document.querySelectorAll(".at")];
const seen = {};
const look = () => ({
  told: document.getElementById("told").textContent,
  same: at.filter((cell) => cell.classList.contains("same")).length,
  here: at.findIndex((cell) => cell.classList.contains("here")),
  dim: Number(getComputedStyle(at.find((cell) => !cell.classList.contains("same"))).opacity),
});
at[17].dispatchEvent(new MouseEvent("mouseenter"));
seen.pointed = look();
at[17].focus();
at[17].dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
seen.right = look();
document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
seen.down = look();
document.querySelector("svg").dispatchEvent(new MouseEvent("mouseleave"));
seen.left = at.filter((cell) => cell.matches(".same, .here")).length;
seen.box = at[0].getBoundingClientRect().width;
document.body.innerHTML = "<pre id=seen></pre>";
document.getElementById("seen").textContent = JSON.stringify(seen);
</script>
"""


@pytest.mark.skipif(BROWSER is None, reason="no browser is installed")
def test_the_page_lights_up(tmp_path: Path) -> None:
    """Pointing and stepping, in a real browser without a screen."""
    assert BROWSER is not None
    file = tmp_path / "page.html"
    file.write_text(ATOM.to_html().replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run([BROWSER, *options, file.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout)
    assert found, done.stdout[-500:]
    seen = json.loads(found[1].replace("&amp;", "&"))
    index = (1, 1)  # cell 17 of 16 x 16
    thread, slot = ATOM.owners(index)[0]
    assert seen["pointed"]["told"] == f"element (1, 1): register {slot} of thread {thread}"
    assert seen["pointed"]["same"] == ATOM.registers and seen["pointed"]["dim"] < 0.5
    assert (seen["pointed"]["here"], seen["right"]["here"], seen["down"]["here"]) == (17, 18, 34)
    assert seen["left"] == 0 and seen["box"] > 20


# the pictures of the documents --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIGURES)
def test_pictures_of_the_documents_are_current(name: str) -> None:
    path = ROOT / "docs" / "pictures" / f"{name}.svg"
    assert path.read_text(encoding="utf-8") == FIGURES[name](), "make docs renews it"
    assert f"pictures/{name}.svg" in (ROOT / "docs" / "layouts.md").read_text(encoding="utf-8")
