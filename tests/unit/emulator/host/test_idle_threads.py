"""Pools end the threads that have nothing to do, and lose no task by it."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.emulator.host import idle_threads


@pytest.fixture(autouse=True)
def short_idle_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_threads, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(ThreadPoolExecutor, "_adjust_thread_count", idle_threads._provide_thread)


def _threads(prefix: str) -> int:
    return sum(thread.name.startswith(prefix) for thread in threading.enumerate())


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_pool_whose_tasks_are_done_has_no_threads():
    with ThreadPoolExecutor(8, thread_name_prefix="burst") as pool:
        at_once = threading.Barrier(8)
        assert list(pool.map(lambda _: at_once.wait(20), range(8)))
        _until(lambda: _threads("burst") == 0, "threads stay in an idle pool")
        assert pool.submit(lambda: "again").result(20) == "again"


def test_task_gets_a_thread_while_others_are_busy():
    with ThreadPoolExecutor(4, thread_name_prefix="busy") as pool:
        release = threading.Event()
        for _ in range(20):
            # Threads come, wait and go in between.
            assert pool.submit(lambda: 1).result(20) == 1
            first = pool.submit(release.wait, 20)
            assert pool.submit(lambda: 2).result(20) == 2
            release.set()
            assert first.result(20)
            release.clear()


def test_no_task_is_lost_while_threads_come_and_go(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(idle_threads, "IDLE_SECONDS", 0.0005)
    done: list[int] = []
    pause = threading.Event()
    with ThreadPoolExecutor(6, thread_name_prefix="many") as pool:

        def submit(number: int) -> None:
            for turn in range(300):
                pool.submit(done.append, number * 300 + turn)
                if turn % 7 == 0:
                    # Long enough for a thread to leave.
                    pause.wait(0.001)

        clients = [threading.Thread(target=submit, args=(number,)) for number in range(6)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        _until(lambda: len(done) == 1800, f"{len(done)} of 1800 tasks are done")
    assert sorted(done) == list(range(1800))


def test_shutdown_cancels_what_has_not_begun():
    pool = ThreadPoolExecutor(1, thread_name_prefix="ended")
    release = threading.Event()
    running, waiting = pool.submit(release.wait, 20), pool.submit(lambda: "never")
    _until(running.running, "the first task does not begin")
    pool.shutdown(wait=False, cancel_futures=True)
    release.set()
    assert running.result(20)
    assert waiting.cancelled()
    _until(lambda: _threads("ended") == 0, "a thread stays after the shutdown")
