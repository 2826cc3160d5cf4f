"""The documents say what the code does: generated parts are current, and snippets run."""

import difflib
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.test_architecture import FLOORS
from tilevm.cli import main as command
from tilevm.ir import OPS, THREAD_OPS
from tilevm.optional import load_file
from tilevm.passes import PIPELINE
from tilevm.report import algebra, docs, language
from tilevm.report.instructions import passes
from tilevm.report.pictures.gallery import GALLERY
from tilevm.report.pictures.words import FUNCTIONS, METHODS
from tilevm.report.samples import OPERATORS, SAMPLES, lowered
from tilevm.source import TileError
from tilevm.text import print_func, read_func

ROOT = docs.ROOT
DOCUMENTS = sorted((ROOT / "docs").glob("*.md"))
LANGUAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
LAYOUTS = (ROOT / "docs" / "layouts.md").read_text(encoding="utf-8")
TYPES = (ROOT / "docs" / "types.md").read_text(encoding="utf-8")
IR = (ROOT / "docs" / "ir.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", LANGUAGE, re.DOTALL)
EXAMPLES = re.findall(r"#### `(\w+)`.*?```\n(.*?)```", IR, re.DOTALL)
IMPORTS = SNIPPETS[0]
NOT_CALLED = {
    "convert",
    "constant",
    "yield",
    "fma",
    "while",
    "if",
    "stage",
    "fetch",
    "sent",
    "landed",
    "staged",
}  # by no call


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.stem)
def test_generated_parts_are_current(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    now = docs.renewed(text)
    if text != now:
        lines = difflib.unified_diff(text.splitlines(), now.splitlines(), "committed", "now", n=1, lineterm="")
        pytest.fail("\n".join([f"{path.name} is old; `make docs` renews it", *lines]), pytrace=False)


def test_every_part_stands_in_a_document() -> None:
    found = re.findall(r"<!-- begin ([\w ]+) -->", "".join(p.read_text(encoding="utf-8") for p in DOCUMENTS))
    assert set(found) == set(docs.PARTS)


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(TileError, match="no part of a document is called 'poems'"):
        docs.renewed("<!-- begin poems -->\n<!-- end poems -->\n")


def test_what_is_old_is_renewed() -> None:
    text = "before\n<!-- begin passes -->\nold\n<!-- end passes -->\nafter\n"
    assert docs.renewed(text) == f"before\n<!-- begin passes -->\n\n{passes()}\n\n<!-- end passes -->\nafter\n"
    assert docs.renewed(docs.renewed(text)) == docs.renewed(text)


# the language -------------------------------------------------------------------------------------------------


def test_every_name_has_a_sample() -> None:
    names = dict(language.face())
    assert set(SAMPLES) == set(names), "tilevm/report/samples.py holds a call of every function, method and property"


def test_samples_use_what_they_stand_for() -> None:
    for name, codes in SAMPLES.items():
        owner, dot, method = name.partition(".")
        called = f".{method}" if dot else f"tv.{owner}("
        assert all(called in code for code in codes), name


def test_samples_reach_every_instruction() -> None:
    codes = (*OPERATORS, *(code for codes in SAMPLES.values() for code in codes))
    reached = {name for code in codes for name in lowered(code).instructions}
    assert reached == set(OPS) - NOT_CALLED


def test_every_public_name_is_told() -> None:
    stub = (ROOT / "tilevm" / "__init__.pyi").read_text(encoding="utf-8")
    names = set(re.findall(r"\b(\w+) as \1\b", stub)) - {"__version__"}
    integers = {f"{sign}{bits}" for sign in "iu" for bits in range(1, 65)}
    assert integers <= names and "`tv.i1` … `tv.i64` and `tv.u1` … `tv.u64`" in LANGUAGE
    missing = {n for n in names - integers if not re.search(rf"\| `{n}` \||\btv\.{n}\b", LANGUAGE + TYPES)}
    assert missing == set()


@pytest.mark.parametrize("number", range(1, len(SNIPPETS)))
def test_snippets_run(number: int, tmp_path: Path) -> None:
    path = tmp_path / f"snippet_{number}.py"
    path.write_text(f"{IMPORTS}\n\n{SNIPPETS[number]}", encoding="utf-8")
    load_file(str(path))
    assert "assert" in SNIPPETS[number]


ON_TYPES = re.findall(r"```python\n(.*?)```", TYPES, re.DOTALL)


@pytest.mark.parametrize("snippet", ON_TYPES, ids=("codec", "packed", "scales"))
def test_the_snippets_on_types_run(snippet: str, tmp_path: Path) -> None:
    path = tmp_path / "types.py"
    path.write_text(snippet, encoding="utf-8")
    load_file(str(path))
    assert "assert" in snippet


ON_LAYOUTS = re.findall(r"```python\n(.*?)```", LAYOUTS, re.DOTALL)


@pytest.mark.parametrize("number", range(1, len(ON_LAYOUTS)))
def test_the_snippets_on_layouts_run(number: int, tmp_path: Path) -> None:
    path = tmp_path / f"layouts_{number}.py"
    path.write_text(f"{ON_LAYOUTS[0]}\n\n{ON_LAYOUTS[number]}", encoding="utf-8")
    load_file(str(path))
    assert "assert" in ON_LAYOUTS[number]


# pictures -----------------------------------------------------------------------------------------------------

PICTURES = ROOT / "docs" / "pictures"


@pytest.mark.parametrize("name", GALLERY)
def test_pictures_are_current(name: str) -> None:
    assert (PICTURES / f"{name}.svg").read_text(encoding="utf-8") == GALLERY[name].svg(), "`make docs` renews it"


def test_every_picture_is_shown() -> None:
    assert {path.stem for path in PICTURES.iterdir()} == set(GALLERY)
    shown = re.findall(r"!\[.*?\]\(pictures/(\w+)\.svg\)", LAYOUTS)
    assert sorted(shown) == sorted(GALLERY)


@pytest.mark.parametrize("name", GALLERY)
def test_the_commands_of_pictures_draw_them(name: str, tmp_path: Path) -> None:
    words = shlex.split(GALLERY[name].command)
    assert words.pop(0) == "tilevm"
    done = CliRunner().invoke(command, [*words, "--svg", str(tmp_path / "it.svg")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "it.svg").read_text(encoding="utf-8") == GALLERY[name].svg()


def test_every_function_of_the_algebra_is_told() -> None:
    told = {each.__name__ for each in (*algebra.CONSTRUCTORS, *algebra.VIEWS, *algebra.CUTE)}
    assert (set(FUNCTIONS) | set(METHODS)) - told == {"Swizzle", "swizzle", "left_divide", "canonical"}
    assert all(re.search(rf"\b{name}\b", LAYOUTS) for name in ("Swizzle", "swizzle", "left_divide", "canonical"))


# the IR -------------------------------------------------------------------------------------------------------


def test_every_instruction_is_told() -> None:
    assert sorted(name for name, _ in EXAMPLES) == sorted([*OPS, *THREAD_OPS])


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_examples_read_back(name: str, text: str) -> None:
    first, _, rest = text.partition("\n")
    given, line = (first.removeprefix("; "), rest) if first.startswith("; ") else ("", text)
    if name == "yield":  # ends a block: it stands in those of the others
        assert any(line in other for n, other in EXAMPLES if n != name)
        return
    layouts = "".join(f"{part}\n" for part in line.splitlines() if part.startswith("layout "))
    body = "".join(f"  {part}\n" for part in line.splitlines() if not part.startswith("layout "))
    whole = f"{layouts}func @k({given}) {{\n{body}  yield []\n}}\n"
    func = read_func(whole)
    assert func.body.ops[0].name == name
    assert print_func(func) == whole


# the architecture ---------------------------------------------------------------------------------------------


def test_the_architecture_names_floors_and_passes() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    there = [n for floor in FLOORS for n in floor if list(ROOT.glob(f"{n.replace('.', '/')}*"))]
    assert [n for n in there if f"`{n.removeprefix('tilevm.')}`" not in page] == []
    order = [page.index(f"| `{p.name}` |") for p in PIPELINE]
    assert order == sorted(order)
