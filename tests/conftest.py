"""What all tests share: golden files, slow and GPU tests that step aside visibly, hypothesis profiles."""

import ctypes
import difflib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ["TILEVM_CACHE"] = "0"  # tests compile what they test; those of the cache have folders of their own
TEST_ALL = os.environ.get("TILEVM_TEST_ALL") == "1"
GOLDEN = Path(__file__).parent / "golden"
DRIVERS = {  # library, its initialiser, what counts devices
    "nvidia": ("libcuda.so.1", "cuInit", "cuDeviceGetCount"),
    "amd": ("libamdhip64.so", "hipInit", "hipGetDeviceCount"),
}

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "ci", deadline=None, max_examples=60, derandomize=os.environ.get("CI") == "true", suppress_health_check=QUIET
)
settings.register_profile("thorough", deadline=None, max_examples=1000, suppress_health_check=QUIET)
settings.load_profile("thorough" if TEST_ALL else "ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files instead of comparing with them")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") and not TEST_ALL:
            item.add_marker(pytest.mark.skip(reason="slow: `make test-all` runs it"))
        for vendor in (vendor for mark in item.iter_markers("gpu") for vendor in mark.args):
            if not device_count(vendor):
                item.add_marker(pytest.mark.skip(reason=f"no {vendor} device here"))


@cache
def device_count(vendor: str) -> int:
    """Devices that the vendor's driver reports; none without a driver."""
    library, initialise, count_devices = DRIVERS[vendor]
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if getattr(driver, initialise)(0) or getattr(driver, count_devices)(ctypes.byref(count)):
        return 0
    return count.value


Golden = Callable[[str | Path, str], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """``golden(name, text)``: the text equals the file, or becomes it under ``--update-golden``.

    A name is taken under ``tests/golden``, an absolute path as it stands. Files end with one newline.
    """
    update = request.config.getoption("--update-golden")

    def compare(name: str | Path, text: str) -> None:
        path, actual = GOLDEN / name, text.rstrip("\n") + "\n"
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(actual, encoding="utf-8", newline="\n")
        elif not path.exists():
            pytest.fail(f"{path} does not exist; --update-golden writes it", pytrace=False)
        elif (expected := path.read_text(encoding="utf-8")) != actual:
            lines = difflib.unified_diff(expected.splitlines(), actual.splitlines(), "golden", "now", lineterm="")
            pytest.fail("\n".join([f"{path} differs; --update-golden renews it", *lines]), pytrace=False)

    return compare
