"""What the driver's results mean, and what to do about them."""

from __future__ import annotations

from typing import NamedTuple


class Meaning(NamedTuple):
    """A result: what the driver calls it, what it says, and the mend."""

    name: str
    text: str
    mend: str


RESTART = "start the process again: the card's context of this one is lost"
CODES = (
    (
        1,
        "INVALID_VALUE",
        "an argument is none that the driver takes",
        "report it with the notes: tilevm checks what it passes",
    ),
    (2, "OUT_OF_MEMORY", "the card has not that much memory free", "free tensors, or use a card with more"),
    (
        3,
        "NOT_INITIALIZED",
        "the driver was not started here",
        "a child forked after CUDA was used cannot use it: start processes by spawn, or use CUDA in the child alone",
    ),
    (4, "DEINITIALIZED", "the process is ending, and the driver has ended", "launch before the interpreter exits"),
    (34, "STUB_LIBRARY", "libcuda is the stub of the toolkit", "take the toolkit's stubs off LD_LIBRARY_PATH"),
    (46, "DEVICE_UNAVAILABLE", "another process holds the card for itself", "end it, or ask nvidia-smi for -c DEFAULT"),
    (100, "NO_DEVICE", "no card is visible", "look at nvidia-smi, and at CUDA_VISIBLE_DEVICES"),
    (101, "INVALID_DEVICE", "there is no such card", "tilevm targets lists those that are here"),
    (200, "INVALID_IMAGE", "the code is none that the driver reads", "clear it away by tilevm cache clear"),
    (201, "INVALID_CONTEXT", "no context of the card is current", "do not destroy contexts that are in use"),
    (209, "NO_BINARY_FOR_GPU", "the code was made for another card", "compile it for the card: leave out target="),
    (214, "ECC_UNCORRECTABLE", "the card's memory has an error", "take the card out of service"),
    (218, "INVALID_PTX", "the driver refuses the PTX", "this is a fault of tilevm: please report it with the PTX"),
    (220, "NVLINK_UNCORRECTABLE", "NVLink has an error", "take the card out of service"),
    (
        221,
        "JIT_COMPILER_NOT_FOUND",
        "the driver's compiler of PTX is missing",
        "install nvidia-cuda-nvcc, or repair it",
    ),
    (222, "UNSUPPORTED_PTX_VERSION", "the PTX is newer than the driver", "install a newer driver, or nvidia-cuda-nvcc"),
    (304, "OPERATING_SYSTEM", "the operating system refuses", "look at the rights to /dev/nvidia* and at dmesg"),
    (400, "INVALID_HANDLE", "a stream or a function is none of the card's", "pass a stream of the card that is alive"),
    (500, "NOT_FOUND", "it is not there", "install a newer driver"),
    (600, "NOT_READY", "the card is not done", "wait for the stream"),
    (700, "ILLEGAL_ADDRESS", "a kernel touched memory that is not its own", RESTART),
    (701, "LAUNCH_OUT_OF_RESOURCES", "a block takes more than a processor has", "take fewer warps, or smaller tiles"),
    (702, "LAUNCH_TIMEOUT", "a kernel ran longer than the system lets it", RESTART),
    (709, "CONTEXT_IS_DESTROYED", "the card's context was destroyed", "do not reset cards that are in use"),
    (710, "ASSERT", "an assertion failed on the card", RESTART),
    (714, "HARDWARE_STACK_ERROR", "a kernel's stack broke", RESTART),
    (715, "ILLEGAL_INSTRUCTION", "a kernel met an instruction that the card has not", RESTART),
    (716, "MISALIGNED_ADDRESS", "a kernel touched memory at an address that is not aligned", RESTART),
    (717, "INVALID_ADDRESS_SPACE", "a kernel took memory of one kind for another", RESTART),
    (718, "INVALID_PC", "a kernel jumped to where no code is", RESTART),
    (719, "LAUNCH_FAILED", "a kernel stopped by a fault", RESTART),
    (720, "COOPERATIVE_LAUNCH_TOO_LARGE", "not all blocks fit on the card at once", "launch a smaller grid"),
    (800, "NOT_PERMITTED", "it is not permitted now", "see the notes"),
    (801, "NOT_SUPPORTED", "the card or driver has no such thing", "install a newer driver"),
    (802, "SYSTEM_NOT_READY", "the system of cards is still starting", "start the fabric manager, and wait for it"),
    (803, "SYSTEM_DRIVER_MISMATCH", "libcuda and the kernel's driver are of two versions", "reboot, or reinstall it"),
    (804, "COMPAT_NOT_SUPPORTED_ON_DEVICE", "the compatible libcuda does not serve this card", "take it off the path"),
    (900, "STREAM_CAPTURE_UNSUPPORTED", "a graph cannot hold this", "do it before the capture begins"),
    (901, "STREAM_CAPTURE_INVALIDATED", "the capture of the graph failed before", "begin the capture again"),
    (905, "STREAM_CAPTURE_ISOLATION", "a graph cannot wait for what is outside of it", "launch that on its stream too"),
    (906, "STREAM_CAPTURE_IMPLICIT", "the default stream waits for a capture", "launch on the stream that is captured"),
    (908, "STREAM_CAPTURE_WRONG_THREAD", "another thread captures the stream", "launch from the thread that captures"),
    (999, "UNKNOWN", "the driver does not know why", "look at dmesg, and at nvidia-smi"),
)
MEANINGS = {code: Meaning(f"CUDA_ERROR_{name}", text, mend) for code, name, text, mend in CODES}
STICKY = frozenset((700, 702, 710, *range(714, 720)))  # a kernel's fault: every later call gives the same
UNKNOWN = 1  # of an address that is no memory of a card: INVALID_VALUE
SILENT = frozenset((3, 4))  # the driver answers no other question either: nothing more is to be learned of a launch
