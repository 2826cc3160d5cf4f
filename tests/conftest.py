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
ASKED, CARD = "TILEVM_TEST_CARD", "cuda:0"  # the variable that tells tests/devices.py of the card, before it is read
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


def pytest_configure(config: pytest.Config) -> None:
    """``-m gpu`` asks for the tests that run on every machine to run on a card as well.

    Where the variable is set already it names what stands in for the card, as the emulator may.
    """
    words = config.getoption("markexpr").split()
    if "gpu" in words and "not" not in words:
        os.environ.setdefault(ASKED, CARD)


def pytest_report_header() -> str:
    asked = os.environ.get(ASKED)
    told = f"agreement tests run on {asked}" if asked else "`pytest -m gpu` runs the agreement tests on one"
    return f"GPUs of NVIDIA: {device_count('nvidia')}; {told}"


@pytest.hookimpl(tryfirst=True)  # before the expression of marks chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    card = os.environ.get(ASKED, CARD)
    for item in items:
        params = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if any(isinstance(value, str) and value == card for value in params):  # arrays compare otherwise
            item.add_marker(pytest.mark.gpu("nvidia"))
        if item.get_closest_marker("slow") and not TEST_ALL:
            item.add_marker(pytest.mark.skip(reason="slow: `make test-all` runs it"))
        for vendor in (vendor for mark in item.iter_markers("gpu") for vendor in mark.args):
            if card == CARD and not device_count(vendor):
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
