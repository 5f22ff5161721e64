"""Monitors and steady containers, in threads that wait for one another at the moments that matter."""

import threading
from collections import OrderedDict, defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.emulator.concurrency import SteadyDefaultDict, SteadyDict, give_up, guarded, monitor, monitors, steady
from harness.emulator.concurrency.monitors import Monitor
from harness.emulator.concurrency.steady import steady_attributes

SECONDS = 10


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as threads:
        yield threads


def enters(own, told=None):
    with own:
        if told is not None:
            told.set()
        return own.is_held


def test_check_and_what_it_allows_are_one(pool):
    own, made, both = Monitor("sqs"), [], threading.Barrier(2)

    def create():
        both.wait(SECONDS)
        with own:
            if made:
                return False
            # Were the other one let in here, it would not meet the barrier, and find nothing made.
            other_is_in.wait(0.05)
            made.append(1)
            other_is_in.set()
            return True

    other_is_in = threading.Event()
    assert sorted([one.result(SECONDS) for one in (pool.submit(create), pool.submit(create))]) == [False, True]


def test_operation_within_one_of_its_service_keeps_the_monitor(pool):
    own = Monitor("sqs")
    with own:
        with own:
            pass
        assert own.is_held
        other = pool.submit(enters, own)
        assert not other.done()
    assert other.result(SECONDS)
    assert not own.is_held


def test_thread_that_waits_lets_others_in(pool):
    own = Monitor("sqs")
    with own:
        give_up()
        assert pool.submit(enters, own).result(SECONDS)
        assert not own.is_held
    assert pool.submit(enters, own).result(SECONDS)


def test_thread_in_another_service_lets_others_in(pool):
    one, another = Monitor("sqs"), Monitor("sns")
    with one:
        with another:
            assert not one.is_held
            assert pool.submit(enters, one).result(SECONDS)
        assert not one.is_held
        assert pool.submit(enters, another).result(SECONDS)


def test_thread_that_comes_back_waits_for_no_other(pool):
    """It may hold a lock of its service, for which the other waits."""
    own, lock, inside = Monitor("sqs"), threading.Lock(), threading.Event()

    def other():
        with own:
            inside.set()
            with lock:
                return own.is_held

    with own, lock:
        give_up()
        waiting = pool.submit(other)
        assert inside.wait(SECONDS)
        with own:
            assert not own.is_held
    assert waiting.result(SECONDS)


def test_services_that_call_each_other_do_not_lock(pool):
    one, another, both = Monitor("sqs"), Monitor("sns"), threading.Barrier(2)

    def call(first, second):
        with first:
            both.wait(SECONDS)
            with second:
                return second.is_held

    calls = [pool.submit(call, one, another), pool.submit(call, another, one)]
    assert [each.result(SECONDS) for each in calls] == [True, True]


def test_failed_operation_lets_others_in(pool):
    own = Monitor("sqs")
    with pytest.raises(LookupError), own:
        raise LookupError
    assert pool.submit(enters, own).result(SECONDS)


def test_monitor_that_is_never_left_is_reported(pool, monkeypatch, caplog):
    monkeypatch.setattr(monitors, "PATIENCE_SECONDS", 0.05)
    own, done = Monitor("sqs"), threading.Event()
    inside = threading.Event()

    def hold():
        with own:
            inside.set()
            done.wait(SECONDS)

    held = pool.submit(hold)
    assert inside.wait(SECONDS)
    with own:
        assert not own.is_held
    done.set()
    held.result(SECONDS)
    assert "an operation of sqs went on alone" in caplog.text
    assert "in hold" in caplog.text


def test_services_with_one_store_share_a_monitor():
    assert monitor("dynamodb") is monitor("dynamodbstreams")
    assert monitor("ses") is monitor("sesv2")
    assert monitor("sqs") is not monitor("sns")


@pytest.mark.parametrize("kind", [SteadyDict, lambda **those: SteadyDefaultDict(None, **those)])
def test_dict_is_changed_while_it_is_listed(kind):
    there = kind(one=1, two=2)
    for listing in (there, there.keys(), there.values(), there.items(), reversed(there), there.copy()):
        told = []
        for entry in listing:
            there[f"another {len(there)}"] = 0
            told.append(entry)
        assert len(told) < len(there)
    assert there.keys() - {"one"} == set(there) - {"one"}


def test_missing_key_gets_one_value_for_all(pool):
    both = threading.Barrier(2)

    def new():
        both.wait(SECONDS)
        return []

    there = SteadyDefaultDict(new)
    one, another = pool.submit(lambda: there["key"]), pool.submit(lambda: there["key"])
    assert one.result(SECONDS) is another.result(SECONDS) is there["key"]


def test_new_containers_of_an_object_are_steady():
    class Model:
        def __init__(self, given):
            self.plain, self.ordered, self.missing, self.given = {}, OrderedDict(), defaultdict(list), given

    steady_attributes(Model)
    given = {"shared": 1}
    made = Model(given)
    assert (type(made.plain), type(made.ordered)) == (SteadyDict, SteadyDict)
    assert type(made.missing) is SteadyDefaultDict
    assert made.missing["key"] == []
    assert made.given is given
    assert steady(None) is None


def test_guarded_methods_run_one_at_a_time(pool):
    inside, other = threading.Event(), threading.Event()

    class Store:
        def first(self):
            inside.set()
            return other.wait(0.05)

        def second(self):
            other.set()

    guarded(Store, "first", "second")
    store = Store()
    first = pool.submit(store.first)
    assert inside.wait(SECONDS)
    store.second()
    assert first.result(SECONDS) is False
