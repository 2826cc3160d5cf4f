"""Packages that tilevm can do without, loaded by name when they are first needed."""

import importlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from tilevm.source import TileError


@cache
def optional(name: str) -> ModuleType | None:
    """The module, or None where it is not installed.

    A package that is installed but cannot be imported is an error: to pass over it would hide the cause.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            return None
        raise broken(name, error) from error
    except (ImportError, OSError, RuntimeError) as error:  # the last two: a shared library does not load
        raise broken(name, error) from error


def require(name: str, why: str, extra: str | None = None) -> ModuleType:
    """The module, or an error that says what it is needed for and how to get it.

    ``extra`` names the extra of tilevm that brings it; without one the package bears the module's own name.
    """
    module = optional(name)
    if module is None:
        package = f'"tilevm[{extra}]"' if extra else top(name)
        raise TileError(f"{why} needs {top(name)}, which is not installed", help=f"pip install {package}")
    return module


def loaded(name: str) -> ModuleType | None:
    """The module if something has imported it already; never imports it.

    A value can only be a torch tensor where torch is loaded, so asking costs nothing elsewhere.
    """
    return sys.modules.get(name)


def broken(name: str, error: Exception) -> TileError:
    """What to say of a package that is there but does not work."""
    return TileError(
        f"{top(name)} is installed, but importing {name} fails: {error}",
        help=f"repair or uninstall {top(name)}: without it tilevm goes on as if it were not needed",
    )


def top(name: str) -> str:
    """The outermost package of a dotted name."""
    return name.partition(".")[0]


def load_file(path: str) -> ModuleType:
    """The module in a Python file of the user's, run under its own name."""
    name = Path(path).stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)
    spec.loader.exec_module(module)
    return module
