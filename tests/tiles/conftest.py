"""Which of the many types are tried on which machines, unless everything is asked for."""

from __future__ import annotations

import pytest

from tests.conftest import TEST_ALL
from tests.machines import TILES

TYPES = {"i32", "u8", "f16", "f32", "bool"}  # that machines with threads hold in different ways
EVERY = 6  # of the scaled products one in so many


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if TEST_ALL:
        return
    left = [item for number, item in enumerate(items) if skipped(item, number)]
    items[:] = [item for item in items if item not in set(left)]
    config.hook.pytest_deselected(items=left)


def skipped(item: pytest.Item, number: int) -> bool:
    """Whether a test on threads is left to ``make test-all``."""
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    if "tests/tiles" not in item.nodeid or params.get("device") in (None, *TILES):
        return False
    if "dtype" in params:
        return params["dtype"] not in TYPES
    return "block" in params and number % EVERY > 0
