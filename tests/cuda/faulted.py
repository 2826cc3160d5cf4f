"""Faults of a card and what shows them: each ends in an error."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tests.cuda.given import X, here, host, pair, read_before
from tests.cuda.kernels import add_one, copy, fill
from tests.cuda.standin import Stub


def fault_shown_by_a_launch(stub: Stub) -> None:
    x, y = pair(stub)
    found, arguments = add_one.compile(x, y), [read_before(x), read_before(y)]
    stub.fault(1, 700)
    found.run(None, arguments)
    found.run(None, arguments)


def fault_of_several(stub: Stub) -> None:
    x, y = pair(stub)
    number = stub.put(np.zeros(64, np.int32))
    fill[1](number, 3)
    stub.fault(2, 716)
    add_one(x, y)
    copy(x, y)
    add_one(x, y)
    copy(x, y)


def fault_after_all_was_well(stub: Stub) -> None:
    """What was waited for is not under suspicion."""
    y = np.zeros(64, np.int32)
    fill[1](y, 3, device="cuda:0")
    x, y = pair(stub)
    stub.fault(1, 719)
    copy(x, y)
    add_one(x, y)


def fault_of_another_thread(stub: Stub) -> None:
    """What it launched beside a launch that is waited for is not waited for with that."""
    x, y = stub.put(X), np.zeros(64, np.int32)
    found, beside = fill.compile(y, 3, device="cuda:0"), copy.compile(x, x)
    artifact: Any = found.build.artifact
    native = artifact.loaded.native

    def call(*how: int) -> int:
        beside(x, x, stream=stub.stream(5))
        return int(native.call(*how))

    artifact._loaded = artifact.loaded._replace(native=replace(native, call=call))
    found[1](y, 3)
    stub.fail("cuLaunchKernelEx", 719)
    add_one(x, x)


def fault_shown_by_loading(stub: Stub) -> None:
    """By the first call of what loads another kernel."""
    x, y = pair(stub)
    add_one(x, y)
    stub.fail("cuThreadExchangeStreamCaptureMode", 719)
    copy(x, y)


def fault_with_the_hosts_memory(stub: Stub) -> None:
    stub.fault(1, 700)
    host(stub)


def fault_while_debugging(stub: Stub) -> None:
    os.environ["TILEVM_DEBUG"] = "1"
    x, y = pair(stub)
    stub.fault(2, 714)
    add_one(x, y)
    copy(x, y)


def fault_of_others(stub: Stub) -> None:
    x, y = pair(stub)
    stub.fail("cuLaunchKernelEx", 700)
    add_one(x, y)


def fault_of_two_cards(stub: Stub) -> None:
    """Which of them has faulted, the driver does not tell where it is asked for the card of an address."""
    stub.card(1, (9, 0))
    add_one(*pair(stub))
    x, y = pair(stub, 1)
    fill[1](stub.put(np.zeros(64, np.int32), 1), 3)
    stub.fault(1, 700)
    copy(x, y)
    copy(x, y)


def fault_of_the_second_card(stub: Stub) -> None:
    """Nothing is under way on the first."""
    stub.card(1, (9, 0))
    here(stub)
    x, y = pair(stub, 1)
    stub.fault(1, 700)
    copy(x, y)
    copy(x, y)


FAULTS: dict[str, Callable[[Stub], None]] = {
    "fault shown by a launch": fault_shown_by_a_launch,
    "fault of several": fault_of_several,
    "fault shown by loading": fault_shown_by_loading,
    "fault after all was well": fault_after_all_was_well,
    "fault of another thread": fault_of_another_thread,
    "fault with the host's memory": fault_with_the_hosts_memory,
    "fault while debugging": fault_while_debugging,
    "fault of others": fault_of_others,
    "fault of two cards": fault_of_two_cards,
    "fault of the second card": fault_of_the_second_card,
}
