"""Tests that need a card and torch: what no stand-in for the driver can show."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilevm.optional import optional

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before the expression of marks chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.gpu("nvidia"))
            if (why := lacking()) is not None:
                item.add_marker(pytest.mark.skip(reason=why))


def lacking() -> str | None:
    """Why torch has no tensors on a card here."""
    torch = optional("torch")
    if torch is None:
        return "torch is not installed"
    return None if torch.backends.cuda.is_built() else "torch was built without CUDA here"
