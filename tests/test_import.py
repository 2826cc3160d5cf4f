"""What ``import tilevm`` costs, and what the face offers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "llvmlite", "lark", "rich", "numpy", "ml_dtypes", "importlib.metadata"}
IMPORT = """
import json, sys
before = set(sys.modules)  # what .pth files load as the interpreter starts is not ours
import tilevm
print(json.dumps(sorted(set(sys.modules) - before)))
"""
TOUCH_EVERY_NAME = """
import json, sys
import tilevm
names = [name for name in dir(tilevm) if getattr(tilevm, name) is not None]
print(json.dumps([names, sorted({module.partition(".")[0] for module in sys.modules})]))
"""


def fresh(*arguments: str) -> str:
    """What a new interpreter prints."""
    run = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def printed(code: str) -> Any:
    return json.loads(fresh("-c", code))


def test_the_import_is_light() -> None:
    assert HEAVY & set(printed(IMPORT)) == set()


def test_every_public_name_loads() -> None:
    names, tops = printed(TOUCH_EVERY_NAME)
    assert {"TileError", "__version__"} <= set(names)
    assert "torch" not in tops, "torch is imported where a torch tensor is seen, never before"
    assert {"frontend", "backends"} & set(tops) == set(), "their names are tilevm.frontend and tilevm.backends"


def test_the_command_answers() -> None:
    assert fresh("-m", "tilevm", "--version").startswith("tilevm")
