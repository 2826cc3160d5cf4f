"""The house rules that a program can check: who imports whom, and how long things are."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = (  # from the ground up; a module imports from its own floor and from those below it
    ("tilevm.source", "tilevm.optional", "tilevm.version", "tilevm.symbolic", "tilevm.store"),
    ("tilevm.compiling", "tilevm.native"),
    ("tilevm.types", "tilevm.layout"),
    ("tilevm.target",),
    ("tilevm.ir",),
    ("tilevm.text", "tilevm.signature", "tilevm.abi", "tilevm.debug"),
    ("tilevm.passes",),
    ("tilevm.backend",),
    ("tilevm.backends",),
    ("tilevm.driver",),
    ("tilevm.runtime",),
    ("tilevm.frontend",),
    ("tilevm.library",),
    ("tilevm.report", "tilevm.demo", "tilevm.bench"),
    ("tilevm.cli",),
    ("tilevm.__main__",),
)
ISLANDS = ("frontend", "backends")  # real folders at the top, links inside the package
LOADER = "tilevm.optional"  # the one module that imports by name
LINES_IN_A_FILE, LINES_IN_A_FUNCTION = 400, 50
MEASURED = ("tilevm", *ISLANDS, "examples", "benchmarks", "tests", ".ci")

Function = ast.FunctionDef | ast.AsyncFunctionDef
ImportNode = ast.Import | ast.ImportFrom


@dataclass(frozen=True)
class Import:
    """One arrow: ``target`` is a dotted name, ``level`` the dots it was written with."""

    line: int
    target: str
    level: int


@dataclass(frozen=True)
class Module:
    """A file of the package under the name it is imported by."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def island(self) -> str | None:
        """The island it stands on; None for the core."""
        part = self.name.split(".")[1]
        return part if part in ISLANDS else None

    def place(self, line: int) -> str:
        return f"{self.path.name}:{line}: {self.name}"

    def imports(self, known: Mapping[str, "Module"]) -> Iterator[Import]:
        """Every import in the file; ``from a import b`` points at ``a.b`` where that is a module."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (Import(node.lineno, alias.name, 0) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                source = self.absolute(node)
                for alias in node.names:
                    inner = f"{source}.{alias.name}"
                    yield Import(node.lineno, inner if inner in known else source, node.level)

    def absolute(self, node: ast.ImportFrom) -> str:
        """The full name behind ``from <dots><name> import ...``."""
        if not node.level:
            return node.module or ""
        package = self.name.split(".")
        keep = len(package) - node.level + (self.path.name == "__init__.py")
        return ".".join([*package[: max(keep, 0)], *filter(None, [node.module])])


Tree = Mapping[str, Module]


def python_files(root: Path, top: str) -> list[Path]:
    """The Python files under a folder at the top, each once: links are not followed."""
    links = {root / "tilevm" / island for island in ISLANDS}
    return [path for path in sorted((root / top).rglob("*.py")) if not links & set(path.parents)]


def read_modules(root: Path) -> dict[str, Module]:
    """Every module of the package but its face."""
    modules = {}
    for path in chain.from_iterable(python_files(root, top) for top in ("tilevm", *ISLANDS)):
        parts = path.relative_to(root).with_suffix("").parts
        full = parts if parts[0] == "tilevm" else ("tilevm", *parts)
        name = ".".join(full).removesuffix(".__init__")
        if name != "tilevm":
            modules[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8")))
    return modules


def under(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def floor(name: str) -> int | None:
    """How high a module stands. The face ``tilevm`` stands on the frontend: only what is above may use it."""
    if name == "tilevm":
        return floor("tilevm.frontend")
    return next((height for height, names in enumerate(FLOORS) if any(under(name, n) for n in names)), None)


def fault(module: Module, found: Import) -> str | None:
    """What is wrong with one import, if anything is."""
    target, here = found.target, floor(module.name)
    home = f"tilevm.{module.island}"
    if target.split(".")[0] in ISLANDS:
        return f"names bare {target}; its name is tilevm.{target}"
    if found.level and not module.island:
        return f"names {target} relatively; the core imports by full name"
    if found.level and not under(target, home):
        return f"reaches {target} with dots; the core has a full name"
    if not under(target, "tilevm"):
        return None
    if module.island and not found.level and under(target, home):
        return f"names {target} in full; neighbours are imported relatively"
    if under(target, "tilevm.backends") and (parts := target.split(".")[:3]) != module.name.split(".")[:3]:
        return f"imports {'.'.join(parts)}; a backend is reached by name only, through tilevm.backend"
    there = floor(target)
    if here is None or there is None:
        return f"{module.name if here is None else target} has no floor; add it to FLOORS"
    if there > here or (target == "tilevm" and there == here):
        return f"imports {target}, which stands higher"
    return None


def faults(modules: Tree) -> list[str]:
    found = ((module, arrow) for module in modules.values() for arrow in module.imports(modules))
    return [f"{module.place(arrow.line)} {text}" for module, arrow in found if (text := fault(module, arrow))]


def homeless(modules: Tree) -> list[str]:
    return [name for name in modules if floor(name) is None]


def circle(modules: Tree) -> list[str]:
    """Some modules that import each other in a ring; empty if there are none."""
    arrows = {name: {arrow.target for arrow in m.imports(modules)} & modules.keys() for name, m in modules.items()}
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        rings = (visit(below, [*path, name]) for below in sorted(arrows[name]))
        ring = next(filter(None, rings), [])
        done.add(name)
        return ring

    return next(filter(None, (visit(name, []) for name in sorted(modules))), [])


def late_imports(modules: Tree) -> list[str]:
    """Imports inside a function, a class, an ``if`` or a ``try``."""
    return [
        module.place(node.lineno)
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ImportNode) and node not in module.tree.body
    ]


def imports_by_name(modules: Tree) -> list[str]:
    """Calls that import a module named by a string, outside the one loader."""
    names = {"import_module", "__import__"}
    return [
        module.place(node.lineno)
        for module in modules.values()
        for node in ast.walk(module.tree)
        if module.name != LOADER
        and isinstance(node, ast.Name | ast.Attribute)
        and (node.id if isinstance(node, ast.Name) else node.attr) in names
    ]


def long_things(root: Path) -> list[str]:
    found = []
    for path in chain.from_iterable(python_files(root, top) for top in MEASURED):
        text, where = path.read_text(encoding="utf-8"), path.relative_to(root)
        if (lines := len(text.splitlines())) > LINES_IN_A_FILE:
            found.append(f"{where}: {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, Function) and (lines := (node.end_lineno or 0) - node.lineno + 1) > LINES_IN_A_FUNCTION:
                found.append(f"{where}:{node.lineno}: {node.name} has {lines} lines")
    return found


@pytest.fixture(scope="module")
def house() -> Tree:
    return read_modules(ROOT)


def test_every_module_has_a_floor(house: Tree) -> None:
    assert homeless(house) == []


def test_imports_run_down(house: Tree) -> None:
    assert faults(house) == []


def test_no_circle(house: Tree) -> None:
    assert circle(house) == []


def test_imports_stand_at_the_top(house: Tree) -> None:
    assert late_imports(house) == []


def test_one_module_imports_by_name(house: Tree) -> None:
    assert imports_by_name(house) == []


def test_nothing_is_long() -> None:
    assert long_things(ROOT) == []


def test_the_islands_are_linked_in() -> None:
    for island in ISLANDS:
        assert (ROOT / "tilevm" / island).readlink() == Path("..") / island


def test_the_face_only_hands_names_on() -> None:
    face = ast.parse((ROOT / "tilevm" / "__init__.py").read_text(encoding="utf-8"))
    kinds = [type(node) for node in face.body]
    assert kinds == [ast.Expr, ast.Import, ast.Assign], "docstring, lazy_loader, and the names it attaches"
    stub = ast.parse((ROOT / "tilevm" / "__init__.pyi").read_text(encoding="utf-8"))
    aliases = [alias for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert all(isinstance(node, ast.ImportFrom) and node.level == 1 for node in stub.body)
    assert all(alias.name == alias.asname for alias in aliases), "`from .x import Y as Y` makes a name public"
    assert len({alias.name for alias in aliases}) == len(aliases)


# The checks are checked on small houses that break one rule each.

SOUND = {
    "tilevm/source.py": "import os",
    "tilevm/ir/core.py": "from tilevm.source import Span",
    "tilevm/ir/__init__.py": "from tilevm.ir.core import Value",
    "tilevm/library/softmax.py": "import tilevm as tv",
    "frontend/scope.py": "from tilevm.ir import core",
    "frontend/kernel.py": "from .scope import Scope",
    "backends/ptx/__init__.py": "from .spell import name",
    "backends/ptx/spell.py": "from tilevm.backend import Backend",
}
BROKEN = {
    "upward": ("tilevm/ir/x.py", "from tilevm.driver import run", "stands higher"),
    "face": ("tilevm/ir/x.py", "import tilevm", "stands higher"),
    "face from the frontend": ("frontend/x.py", "import tilevm", "stands higher"),
    "bare": ("tilevm/cli/x.py", "import frontend.kernel", "bare"),
    "dots in the core": ("tilevm/ir/x.py", "from .core import Value", "full name"),
    "dots out of an island": ("frontend/x.py", "from ..ir import core", "with dots"),
    "island by full name": ("frontend/x.py", "from tilevm.frontend import scope", "relatively"),
    "another backend": ("backends/hip/x.py", "from ..ptx import spell", "by name only"),
    "a backend from above": ("tilevm/cli/x.py", "from tilevm.backends.ptx import spell", "by name only"),
    "a backend reaching up": ("backends/hip/x.py", "from tilevm.driver import run", "stands higher"),
    "no floor": ("tilevm/odd.py", "from tilevm.source import Span", "has no floor"),
}


def build(root: Path, files: Mapping[str, str]) -> Tree:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    return read_modules(root)


def test_a_sound_house_has_no_faults(tmp_path: Path) -> None:
    modules = build(tmp_path, SOUND)
    assert (faults(modules), circle(modules), late_imports(modules), homeless(modules)) == ([], [], [], [])


@pytest.mark.parametrize(("path", "text", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_import_is_found(tmp_path: Path, path: str, text: str, says: str) -> None:
    [found] = faults(build(tmp_path, SOUND | {path: text}))
    assert says in found


def test_a_circle_is_found(tmp_path: Path) -> None:
    modules = build(
        tmp_path,
        SOUND
        | {"tilevm/source.py": "from tilevm.optional import x"}
        | {"tilevm/optional.py": "from tilevm import source"},
    )
    assert circle(modules) == ["tilevm.source", "tilevm.optional", "tilevm.source"]


def test_a_late_import_is_found(tmp_path: Path) -> None:
    late = "def f():\n    import os\nif True:\n    import sys\nasync def g():\n    import re"
    assert len(late_imports(build(tmp_path, {"tilevm/source.py": late}))) == 3


def test_an_import_by_name_is_found(tmp_path: Path) -> None:
    text = "import importlib\nimportlib.import_module('torch')"
    assert len(imports_by_name(build(tmp_path, {"tilevm/source.py": text, "tilevm/optional.py": text}))) == 1


def test_long_things_are_found(tmp_path: Path) -> None:
    build(tmp_path, {"tilevm/source.py": "def f():\n" + "    pass\n" * 401})
    assert len(long_things(tmp_path)) == 2
