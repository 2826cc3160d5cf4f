"""Times of rivals in turn: A B A for each peer B of the lead A, by events of the card or by the host's clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tilevm.backend import Mark
from tilevm.bench.gpu.spread import Spread, ratios

Call = Callable[[], object]
SHORT = 0.25e-3  # seconds: shorter calls are timed several at once
LONGEST_BATCH = 256  # calls timed at once
WARM = 3  # calls of each rival before any is timed
FEWEST, MOST = 5, 60  # rounds


@dataclass(frozen=True)
class Ready:
    """A rival that is warm. ``run`` makes ``calls`` calls; ``how`` tells in words what is timed."""

    run: Call
    calls: int
    seconds: float  # of one call, roughly
    how: str


class Clock(Protocol):
    """What times calls. Nothing may wait between ``mark`` and ``read``, so that a card never runs out of work."""

    def ready(self, calls: Sequence[Call]) -> Ready:
        """The rival, warm. ``calls`` do the same on sets of buffers of their own, and are gone through in turn."""
        ...

    def mark(self, rival: Ready) -> Any:
        """Run it once; what :meth:`read` makes a time of."""
        ...

    def read(self, marks: Sequence[Any]) -> list[float]:
        """The seconds of each mark."""
        ...


class WallClock:
    """The host's clock. ``finish`` waits for what the calls began, outside of what is timed where ``apart``.

    On a card the time of a call apart from its finish is what launching costs the host.
    """

    def __init__(self, finish: Call = lambda: None, apart: bool = False) -> None:
        self.finish, self.apart = finish, apart

    def ready(self, calls: Sequence[Call]) -> Ready:
        for _ in range(WARM):
            for call in calls:
                call()
        one = min(self.read([self.mark(Ready(calls[0], 1, 0.0, ""))])[0] for _ in range(WARM))
        count = batch(one, len(calls))
        return Ready(lambda: gone_through(calls, count), count, one, f"{count} calls by the host's clock")

    def mark(self, rival: Ready) -> tuple[float, int]:
        begin = time.perf_counter()
        rival.run()
        end = time.perf_counter()
        self.finish()
        return (end if self.apart else time.perf_counter()) - begin, rival.calls

    def read(self, marks: Sequence[tuple[float, int]]) -> list[float]:
        return [seconds / calls for seconds, calls in marks]


class CardClock:
    """Marks on torch's current stream, which ``mark_on`` makes. Short calls are captured in a graph of several."""

    def __init__(self, torch: Any, mark_on: Callable[[object], Mark]) -> None:
        self.cuda, self.mark_on = torch.cuda, mark_on

    def ready(self, calls: Sequence[Call]) -> Ready:
        for _ in range(WARM):
            for call in calls:
                call()
        plain = Ready(lambda: gone_through(calls, len(calls)), len(calls), 0.0, "")
        one = min(self.read([self.mark(plain) for _ in range(WARM)]))
        if one >= SHORT:
            return Ready(plain.run, len(calls), one, f"{len(calls)} calls by events")
        count = batch(one, len(calls))
        graph, fault = self.captured(calls, count)
        if graph is None:
            how = f"{count} calls by events, for a graph could not be made: {fault}"
            return Ready(lambda: gone_through(calls, count), count, one, how)
        graph.replay()
        again = Ready(graph.replay, count, one, f"a graph of {count} calls by events")
        return Ready(again.run, count, min(self.read([self.mark(again) for _ in range(WARM)])), again.how)

    def captured(self, calls: Sequence[Call], count: int) -> tuple[Any, str]:
        """A graph of so many calls; None, and why, where one of them does what a graph cannot hold."""
        self.cuda.synchronize()
        graph, before = self.cuda.CUDAGraph(), self.cuda.current_stream()
        try:
            with self.cuda.graph(graph):
                gone_through(calls, count)
        except Exception as error:  # of torch, of CUDA or of the kernel's own: told in the figures
            self.cuda.set_stream(before)  # torch stays on the capture's where ending that fails too
            self.cuda.synchronize()
            return None, f"{type(error).__name__}: {error}".splitlines()[0]
        return graph, ""

    def mark(self, rival: Ready) -> tuple[Mark, Mark, int]:
        stream = self.cuda.current_stream()
        begin = self.mark_on(stream)
        rival.run()
        return begin, self.mark_on(stream), rival.calls

    def read(self, marks: Sequence[tuple[Mark, Mark, int]]) -> list[float]:
        self.cuda.synchronize()
        return [end.since(begin) / calls for begin, end, calls in marks]


def batch(one: float, sets: int) -> int:
    """Calls that last SHORT together, as many for each set of buffers: about LONGEST_BATCH at most."""
    wanted = min(LONGEST_BATCH, SHORT / max(one, 1e-9))
    return max(1, math.ceil(wanted / sets)) * sets


def gone_through(calls: Sequence[Call], count: int) -> None:
    for i in range(count):
        calls[i % len(calls)]()


@dataclass(frozen=True)
class Taken:
    """The seconds of one call of a rival, how they were timed, and over the lead's (None of the lead itself)."""

    seconds: Spread
    how: str
    ratio: Spread | None


def taken(clock: Clock, rivals: Mapping[str, Sequence[Call]], seconds: float) -> dict[str, Taken]:
    """Each rival's time, in about ``seconds`` altogether. The first leads: a round is A B1 A B2 A … of lead A.

    The A that ends a pair begins the next one, in the next round too. All rounds run without a pause.
    """
    ready = {name: clock.ready(calls) for name, calls in rivals.items()}
    (first, lead), *peers = ready.items()
    one = sum(r.seconds * r.calls for _, r in peers) + lead.seconds * lead.calls * max(1, len(peers))
    rounds = int(max(FEWEST, min(MOST, seconds / max(one, 1e-9))))
    lead.run()  # a card that was idle begins late
    marks = [clock.mark(lead)]
    for _ in range(rounds):
        for _, peer in peers:
            marks += [clock.mark(peer), clock.mark(lead)]
        if not peers:
            marks += [clock.mark(lead)]
    found = clock.read(marks)
    if not peers:
        return {first: Taken(Spread.of(found), lead.how, None)}
    leads, theirs = found[::2], found[1::2]
    quotients, every = ratios(leads, theirs), len(peers)
    out = {first: Taken(Spread.of(leads), lead.how, None)}
    for i, (name, peer) in enumerate(peers):
        out[name] = Taken(Spread.of(theirs[i::every]), peer.how, Spread.of(quotients[i::every]))
    return out
