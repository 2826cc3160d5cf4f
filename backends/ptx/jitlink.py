"""nvJitLink, an assembler of PTX that is a library, by ctypes."""

from __future__ import annotations

import ctypes
import ctypes.util
import sysconfig
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tilevm.source import TileError

PTX = 2  # the kind of input
RELEASES = tuple(f"{major}_{minor}" for major, minor in ((13, m) for m in range(9, -1, -1)))
RELEASES += tuple(f"12_{minor}" for minor in range(9, -1, -1))


@cache
def linker() -> Path | None:
    """The library: of the package nvidia-nvjitlink, or the system's; None where there is none."""
    packages = Path(sysconfig.get_path("purelib")) / "nvidia"
    for part in ("cu*/lib", "nvjitlink/lib"):
        if found := sorted(packages.glob(f"{part}/libnvJitLink.so*")):
            return found[-1]
    name = ctypes.util.find_library("nvJitLink")
    return Path(name) if name else None


@cache
def library() -> Any:
    """Raises TileError where the library is there and cannot be loaded."""
    path = linker()
    assert path is not None, "there is no nvJitLink"
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise TileError(f"{path} cannot be loaded: {error}", help="repair or uninstall nvidia-nvjitlink") from error


@cache
def function(name: str) -> Any:
    """One of its functions, whose names end with the release that they came with."""
    held = library()
    for end in RELEASES:
        if hasattr(held, found := f"__nvJitLink{name}_{end}"):
            return getattr(held, found)
    raise TileError(f"{linker()} has no nvJitLink{name}", help="install nvidia-nvjitlink 12 or newer")


def knows(machine: str) -> bool:
    """Whether the library makes code for a machine such as sm_90."""
    handle, option = ctypes.c_void_p(), (ctypes.c_char_p * 1)(f"-arch={machine}".encode())
    if function("Create")(ctypes.byref(handle), 1, option):
        return False
    function("Destroy")(ctypes.byref(handle))
    return True


@cache
def major() -> int:
    """The major number of the CUDA that the library is of, which its names end with."""
    held = library()
    found = next((end for end in RELEASES if hasattr(held, f"__nvJitLinkCreate_{end}")), None)
    if found is None:
        raise TileError(f"{linker()} has no nvJitLinkCreate", help="install nvidia-nvjitlink 12 or newer")
    return int(found.partition("_")[0])


def link(text: str, target: str, options: Sequence[str] = ()) -> tuple[str, bytes | None]:
    """What the library says, and the machine code unless it refuses.

    Raises TileError where it does not take the options.
    """
    given = [f"-arch={target}", "-verbose", *options]
    handle, source = ctypes.c_void_p(), text.encode("ascii")
    passed = (ctypes.c_char_p * len(given))(*(option.encode() for option in given))
    if function("Create")(ctypes.byref(handle), len(given), passed):
        raise TileError(f"nvJitLink does not take {' '.join(given)}", help="install a newer nvidia-nvjitlink")
    try:
        refused = function("AddData")(handle, PTX, source, len(source) + 1, b"kernel.ptx")
        refused = refused or function("Complete")(handle)
        if refused:
            return fetched(handle, "ErrorLog").decode(errors="replace"), None
        return fetched(handle, "InfoLog").decode(errors="replace"), fetched(handle, "LinkedCubin")
    finally:
        function("Destroy")(ctypes.byref(handle))


def fetched(handle: ctypes.c_void_p, what: str) -> bytes:
    """One of the things that the library hands out by size and content."""
    size = ctypes.c_size_t()
    function(f"Get{what}Size")(handle, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(max(1, size.value))
    function(f"Get{what}")(handle, buffer)
    return buffer.raw[: size.value].rstrip(b"\0") if what.endswith("Log") else buffer.raw[: size.value]
