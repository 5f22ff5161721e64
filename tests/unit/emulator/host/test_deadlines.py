"""Calls that are made later, by one thread that waits for all."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from harness.emulator.host.deadlines import Deadline


def _waiting() -> int:
    return sum(thread.name == "harness-deadlines" for thread in threading.enumerate())


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_calls_are_made_in_the_order_of_their_times():
    called: SimpleQueue[str] = SimpleQueue()
    for name, seconds in (("third", 0.5), ("first", 0.1), ("second", 0.3)):
        Deadline(seconds, called.put, [name]).start()
    assert [called.get(timeout=20) for _ in range(3)] == ["first", "second", "third"]


def test_cancelled_call_is_not_made_and_lets_go():
    called: list[str] = []
    cancelled = Deadline(0.05, called.append, ["cancelled"])
    cancelled.start()
    cancelled.cancel()
    after = threading.Event()
    Deadline(0.15, after.set).start()
    assert after.wait(20)
    assert called == []
    assert cancelled.is_cancelled


def test_a_thousand_deadlines_have_one_thread():
    waiting = [Deadline(60, lambda: None) for _ in range(1000)]
    for each in waiting:
        each.start()
    assert _waiting() == 1
    for each in waiting:
        each.cancel()
    Deadline(0, lambda: None).start()
    _until(lambda: _waiting() == 0, "a thread waits for nothing")


def test_call_that_takes_long_holds_up_no_other():
    release, second = threading.Event(), threading.Event()
    Deadline(0, release.wait, [20]).start()
    Deadline(0.05, second.set).start()
    assert second.wait(10)
    release.set()
