"""Times in turn: the order A B A, ratios of pairs, quartiles, batches of short calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tilevm.bench.gpu.clock import FEWEST, LONGEST_BATCH, MOST, SHORT, CardClock, Ready, WallClock, batch, taken
from tilevm.bench.gpu.spread import Spread, ratios


class Script:
    """A clock whose calls take what they return, in seconds; ``log`` has who ran while times were taken."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def ready(self, calls: Sequence[Callable[[], Any]]) -> Ready:
        return Ready(calls[0], 1, 1.0, "by script")

    def mark(self, rival: Ready) -> float:
        return float(rival.run())  # type: ignore[arg-type]

    def read(self, marks: Sequence[float]) -> list[float]:
        return list(marks)


def rivals(clock: Script, **seconds: Callable[[int], float]) -> dict[str, list[Callable[[], float]]]:
    """Rivals that take ``seconds`` of the number of calls before."""

    def call(name: str) -> float:
        clock.log.append(name)
        return seconds[name](len(clock.log))

    return {name: [lambda name=name: call(name)] for name in seconds}


def test_the_lead_runs_before_and_after_every_peer() -> None:
    clock = Script()
    found = taken(clock, rivals(clock, a=lambda n: 1, b=lambda n: 2, c=lambda n: 3), 0.0)
    assert [found[name].seconds for name in "bc"] == [Spread(2, 2, 2, FEWEST), Spread(3, 3, 3, FEWEST)]
    assert clock.log == ["a", "a", *["b", "a", "c", "a"] * FEWEST]  # the first warms up the card


def test_a_drift_cancels_out_of_ratios() -> None:
    """Everything becomes slower evenly, by a third from the first call to the last; b takes twice as long as a."""
    clock = Script()
    slow: Callable[[int], float] = lambda n: 1 + n / 30  # noqa: E731
    found = taken(clock, rivals(clock, a=slow, b=lambda n: 2 * slow(n), c=slow), 0.0)
    for name, expected in (("b", 2.0), ("c", 1.0)):
        ratio = found[name].ratio
        assert ratio is not None and [ratio.low, ratio.high] == [pytest.approx(expected)] * 2
    assert found["a"].ratio is None and found["a"].seconds.count == 2 * FEWEST + 1


def test_a_lead_alone() -> None:
    clock = Script()
    found = taken(clock, rivals(clock, a=lambda n: n), 0.0)
    assert found["a"].seconds.count == FEWEST + 1 and found["a"].ratio is None


@pytest.mark.parametrize(("seconds", "rounds"), [(0.0, FEWEST), (20.0, 10), (1e9, MOST)])
def test_as_many_rounds_as_there_is_time(seconds: float, rounds: int) -> None:
    clock = Script()
    found = taken(clock, rivals(clock, a=lambda n: 1, b=lambda n: 1), seconds)
    assert found["b"].seconds.count == rounds


def test_quartiles() -> None:
    assert Spread.of([5.0, 1.0, 4.0, 2.0, 3.0]) == Spread(3.0, 2.0, 4.0, 5)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0, 1)


def test_ratios_are_of_the_mean_of_both_sides() -> None:
    assert ratios([1.0, 3.0, 5.0], [4.0, 2.0]) == [2.0, 0.5]
    with pytest.raises(AssertionError, match="do not enclose"):
        ratios([1.0, 2.0], [1.0, 2.0])


def test_short_calls_are_timed_several_at_once() -> None:
    assert batch(SHORT, 3) == 3 and batch(1.0, 1) == 1
    assert batch(SHORT / 10, 1) == 10 and batch(SHORT / 10, 4) == 12  # as many of each set
    assert LONGEST_BATCH <= batch(1e-12, 7) < LONGEST_BATCH + 7


def test_all_sets_of_buffers_are_gone_through() -> None:
    seen: list[int] = []
    clock = WallClock()
    ready = clock.ready([lambda i=i: seen.append(i) for i in range(3)])  # type: ignore[misc]
    seen.clear()
    [seconds] = clock.read([clock.mark(ready)])
    assert ready.calls % 3 == 0 and seen == [0, 1, 2] * (ready.calls // 3)
    assert seconds > 0


def test_what_is_waited_for_apart_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    def takes(seconds: float) -> Callable[[], None]:
        return lambda: now.__setitem__(0, now[0] + seconds)

    ready = Ready(takes(1.0), 2, 1.0, "")
    for apart, expected in ((True, 0.5), (False, 2.0)):
        clock = WallClock(takes(3.0), apart)
        assert clock.read([clock.mark(ready)]) == [expected]


class Cuda:
    """What a clock asks of torch.cuda: time goes by with calls, and a graph holds the calls of its capture."""

    def __init__(self, captures: bool) -> None:
        self.now, self.captures, self.recording, self.replays = 0.0, captures, False, 0
        self.held: list[float] = []
        self.stream = "mine"

    def current_stream(self) -> str:
        return self.stream

    def set_stream(self, stream: str) -> None:
        self.stream = stream

    def work(self, seconds: float) -> None:
        if self.recording and not self.captures:
            raise RuntimeError("operation not permitted when stream is capturing")
        if self.recording:
            self.held.append(seconds)
        else:
            self.now += seconds

    def synchronize(self) -> None:
        assert not self.recording

    def mark_on(self, stream: object) -> Any:
        assert stream == self.stream and not self.recording
        now = self.now

        class Mark:
            at = now

            def since(self, before: Any) -> float:
                return self.at - float(before.at)

        return Mark()

    def CUDAGraph(self) -> Any:
        cuda = self

        class Graph:
            def replay(self) -> None:
                cuda.replays += 1
                cuda.now += sum(cuda.held)

        return Graph()

    def graph(self, graph: Any) -> Any:
        cuda = self

        class Capture:
            def __enter__(self) -> None:
                cuda.recording, cuda.stream = True, "the capture's"

            def __exit__(self, kind: object, *rest: object) -> None:
                cuda.recording = False
                if kind is None:  # else ending the capture fails, and the stream stays
                    cuda.stream = "mine"

        return Capture()


def on_card(captures: bool, seconds: float) -> tuple[Cuda, Ready, list[float]]:
    cuda = Cuda(captures)
    clock = CardClock(type("torch", (), {"cuda": cuda}), cuda.mark_on)
    ready = clock.ready([lambda: cuda.work(seconds)] * 2)
    return cuda, ready, clock.read([clock.mark(ready)])


def test_short_calls_are_captured_in_a_graph() -> None:
    cuda, ready, times = on_card(True, SHORT / 10)
    assert ready.how == "a graph of 10 calls by events" and len(cuda.held) == 10 and cuda.replays
    assert times == [pytest.approx(SHORT / 10)]


def test_long_calls_are_not() -> None:
    cuda, ready, times = on_card(True, SHORT)
    assert ready.how == "2 calls by events" and not cuda.held and times == [pytest.approx(SHORT)]


def test_what_no_graph_can_hold_is_timed_without_and_says_so() -> None:
    cuda, ready, times = on_card(False, SHORT / 10)
    assert cuda.stream == "mine"
    assert "for a graph could not be made: RuntimeError: operation not permitted" in ready.how
    assert ready.calls == 10 and times == [pytest.approx(SHORT / 10)]
