"""What has ended is not kept."""

import gc
import threading
import weakref

import pytest
from localstack.utils.threads import TMP_THREADS

from harness.emulator.host.garbage import forget_ended_threads
from harness.emulator.journal.causes import Cause
from harness.emulator.journal.work import Work


class Execution:
    def run(self) -> str:
        return "ran"


@pytest.fixture
def listed():
    before = list(TMP_THREADS)
    yield TMP_THREADS
    TMP_THREADS[:] = before


def test_only_threads_that_have_ended_are_forgotten(listed):
    goes_on = threading.Event()
    ended, running, new = threading.Thread(target=int), threading.Thread(target=goes_on.wait), threading.Thread()
    listed += [ended, running, new]
    ended.start()
    running.start()
    ended.join()
    forget_ended_threads()
    assert ended not in listed
    assert {running, new} <= set(listed)
    goes_on.set()
    running.join()
    forget_ended_threads()
    assert running not in listed


def test_work_that_has_ended_keeps_nothing_of_what_it_ran():
    execution = Execution()
    alive = weakref.ref(execution)
    work = Work(execution.run, "sfn-execution", Cause(trace="", activity=1))
    assert work() == "ran"
    del execution
    gc.collect()
    assert alive() is None
