"""Fixtures of launches."""

from collections.abc import Iterator

import pytest

from tests.kernel.fake import NativeBackend
from tests.launch.calls import behind
from tilevm.runtime.launch import repeats
from tilevm.runtime.launch.objects import known


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/launch" in str(item.path) and not known():
            item.add_marker(pytest.mark.skip(reason="launches are not prepared on this interpreter"))


@pytest.fixture
def backend() -> Iterator[NativeBackend]:
    """Behind every device; calls are prepared after the first."""
    with pytest.MonkeyPatch.context() as patch:
        yield behind(patch)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are prepared after the first."""
    monkeypatch.setattr(repeats, "WORTH", range(1, 1000))
