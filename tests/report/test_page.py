"""The page of a picture in a real browser: what pointing, keys and the dark do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.report.browser import Browser, installed
from tilevm.layout import Layout, Swizzle, local, row_major, spatial
from tilevm.layout.picture import Picture, draw, html
from tilevm.layout.picture.draw import Memory
from tilevm.report.pictures import access
from tilevm.target import target

PROGRAM = installed()
LOOK = os.environ.get("TILEVM_SCREENSHOTS")  # a folder for pictures of the pages, to be looked at
FRAGMENT = Layout.parse("(8,2):(4@thread,2@reg) (2,4,2):(1@reg,1@thread,4@reg)")
Show = Callable[..., Browser]  # a picture, and whether in the dark
LABELS = "[...document.querySelectorAll('{}')].map(cell => cell.querySelector('text').textContent)"
CONTRAST = """(() => {
    const light = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const fill = element => light(getComputedStyle(element).fill), paper = fill(document.querySelector('.paper'));
    return Math.min(...[...document.querySelectorAll('main text')].map(text => {
        const cell = text.closest('.cell');
        const pair = [fill(text), cell ? fill(cell.querySelector('rect')) : paper].sort((a, b) => b - a);
        return (pair[0] + 0.05) / (pair[1] + 0.05);
    }));
})()"""  # the least ratio of a text to what is behind it, as WCAG 2 defines it

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed (Debian: apt-get install chromium)")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert PROGRAM is not None
    with Browser(PROGRAM, tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Show]:
    def opened(picture: Picture, dark: bool = False) -> Browser:
        path = tmp_path / "page.html"
        path.write_text(html(picture), encoding="utf-8")
        browser.open(path, dark)
        return browser

    yield opened
    assert browser.mistakes() == []


def labels(browser: Browser, selector: str) -> list[str]:
    found: list[str] = browser.value(LABELS.format(selector))
    return found


def at(row: int, column: int) -> str:
    return f".cell[data-row='{row}'][data-column='{column}']"


def look(browser: Browser, name: str) -> None:
    if LOOK:
        browser.screenshot(Path(LOOK) / f"{name}.png")


def test_pointing_shows_all_that_a_thread_holds(show: Show) -> None:
    page = show(draw(FRAGMENT))
    assert labels(page, ".grid .with") == []
    page.point(at(1, 3))
    look(page, "pointed")
    assert labels(page, ".grid .here") == ["T5:R1"]
    assert sorted(labels(page, ".grid .with")) == [f"T5:R{slot}" for slot in range(8)]
    assert page.value("document.getElementById('facts').textContent") == "element [1, 3]: thread 5, register 1"
    faint = page.value("getComputedStyle(document.querySelector('.grid .cell:not(.with)')).opacity")
    assert float(faint) < 0.5
    page.point("#help")
    assert labels(page, ".grid .with") == []
    assert page.value("document.getElementById('facts').textContent") == ""


def test_pointing_shows_the_cells_of_a_bank(show: Show) -> None:
    page = show(draw(row_major(8, 64).swizzle(Swizzle(3, 3, 3)), Memory(vector=8)), dark=True)
    page.point(at(1, 1))
    look(page, "bank_dark")
    found = labels(page, ".grid .with")
    assert len(found) == 16 and {int(offset) % 64 for offset in found} == {8}  # banks 4 to 7, in both panels


def test_a_click_keeps_and_escape_lets_go(show: Show) -> None:
    page = show(draw(FRAGMENT))
    page.point(at(0, 0))
    page.click(at(0, 0))
    page.point("#help")
    assert sorted(labels(page, ".grid .with")) == [f"T0:R{slot}" for slot in range(8)]
    page.press("Escape")
    assert labels(page, ".grid .with") == []


def test_keys_move_through_the_cells(show: Show) -> None:
    page = show(draw(spatial(4, 4) * local(1, 2)))
    for key, label in (("Tab", "T0:R0"), ("ArrowDown", "T4:R0"), ("ArrowRight", "T4:R1"), ("ArrowRight", "T5:R0")):
        page.press(key)
        assert labels(page, ".grid .here") == [label]
    look(page, "keys")
    page.press("ArrowUp")
    page.press("ArrowUp")  # there is nothing above
    assert labels(page, ".grid .here") == ["T1:R0"]
    page.press("Enter")
    page.press("Tab")
    assert sorted(labels(page, ".grid .with")) == ["T1:R0", "T1:R1"]


def test_an_access_shows_the_words_of_a_lane(show: Show) -> None:
    page = show(access(spatial(32, 1) * local(1, 64), row_major(32, 64), target("sm_80")))
    page.point(at(3, 2))
    look(page, "access")
    assert labels(page, ".grid .with") == ["T3"] * 4
    assert "bank 2, pass 3" in page.value("document.getElementById('facts').textContent")


def test_the_page_asks_for_nothing_else(show: Show) -> None:
    page = show(draw(FRAGMENT))
    assert [address.rpartition("/")[2] for address in page.requests()] == ["page.html"]


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_inside_its_cell(show: Show, dark: bool) -> None:
    wide = spatial(2, 64, 16) * local(1, 1, 128)
    page = show(draw(wide, limit=256), dark)
    look(page, f"wide_{'dark' if dark else 'light'}")
    out = """[...document.querySelectorAll('.grid .cell')].filter(cell => {
        const box = cell.querySelector('rect').getBoundingClientRect();
        return [...cell.querySelectorAll('text')].some(text => {
            const own = text.getBoundingClientRect();
            return own.left < box.left || own.right > box.right || own.top < box.top || own.bottom > box.bottom;
        });
    }).length"""
    assert page.value(out) == 0
    assert page.value(CONTRAST) >= 4.5
    paper = page.value("getComputedStyle(document.querySelector('.paper')).fill")
    assert paper == ("rgb(22, 24, 28)" if dark else "rgb(255, 255, 255)")
