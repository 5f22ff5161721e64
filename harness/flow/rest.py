"""Decides what of a flow has not come to its end, and what each of these waits for.

Told are the leaves: an execution that goes on because one of its states waits is not told beside that state. So a flow of
which all leaves wait for a time, or for somebody, has nothing else that goes on.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from harness.flow.consumers import Consumers
from harness.flow.history import Activity, History
from harness.flow.pending import Pending
from harness.journal.records import Kind, Phase

CALLBACK = "task timeout"
"""What a timer is called that runs while an execution waits to be called back."""


def pending(activities: Sequence[Activity], history: History, consumers: Consumers) -> Iterator[Pending]:
    """What has not come to its end; what depends on consumers that must be asked first counts, too."""
    yield from _going_on(activities, history)
    told: set[str] = set()
    for activity in activities:
        if activity.goes_on:
            continue
        for mark in activity.leaves:
            if mark not in told and (waits := _waits(activity, mark, history, consumers)) is not None:
                told.add(mark)
                timer = _timer_of(mark, history)
                when = timer.data["when"] if timer else None
                due = f"; {_due(when)} ({timer.data['what']})" if timer and when else ""
                yield Pending(activity, f"{activity} left {waits}{due}", timer, when)


def _going_on(activities: Sequence[Activity], history: History) -> Iterator[Pending]:
    going = {activity.id: activity for activity in activities if activity.goes_on}
    for activity in activities:
        # Whoever called back has the rest of the execution to wait for, which somebody else began.
        execution = _execution_of(activity, history) if activity.begin.name == "TaskTokenReturned" else None
        if execution is not None and execution.goes_on:
            going.update((one.id, one) for one in history.closure([execution]) if one.goes_on)
    held_up = {above for activity in going.values() for above in _above(activity, history)}
    for activity in going.values():
        if activity.id not in held_up:
            yield _timer(activity, history) if activity.kind is Kind.TIMER else Pending(activity, f"{activity} goes on")


def _above(activity: Activity, history: History) -> Iterator[int]:
    """What goes on because this goes on: what caused it, and the work that it is done in."""
    open_ = [activity]
    while open_:
        one = open_.pop()
        for number in (one.begin.cause, one.begin.data.get("within")):
            if number is not None and (above := history.activities.get(number)) is not None:
                yield number
                open_.append(above)


def _execution_of(activity: Activity, history: History) -> Activity | None:
    """The execution of a state machine in which this happened."""
    for number in _above(activity, history):
        above = history.activities[number]
        if above.kind is Kind.TRANSITION and above.begin.phase is Phase.BEGIN:
            return above
    return None


def _timer(timer: Activity, history: History) -> Pending:
    begin, what = timer.begin, timer.data["what"]
    execution = _execution_of(timer, history)
    who = f"{begin.service} {begin.resource or begin.name}"
    if execution is not None:
        who = execution.begin.resource + (f", in the state {begin.resource}," if begin.resource else "")
    if what != CALLBACK:
        when = begin.data["when"]
        return Pending(timer, f"{who} waits; {_due(when)} ({what})", timer, when)
    since = time.time() - begin.at
    when, seconds = begin.data["when"], begin.data.get("heartbeat_seconds")
    due = f"times out in {max(0.0, when - time.time()):.1f} s"
    if seconds is not None:
        beats = [taker for mark in begin.leaves for taker in history.takers_of(mark) if _is_heartbeat(taker)]
        heartbeat = max([begin.at, *(beat.begin.at for beat in beats)]) + seconds
        due = f"heartbeat {_due(heartbeat)}, {due}"
        when = min(when, heartbeat)
    told = f"{who} waits since {since:.1f} s to be called back; {due}"
    return Pending(timer, told, timer, when, callback=begin.resource)


def _is_heartbeat(activity: Activity) -> bool:
    return activity.begin.name == "SendTaskHeartbeat" and not activity.goes_on and activity.error is None


def _timer_of(mark: str, history: History) -> Activity | None:
    """The time that something that was left waits for; None where that has come, and for all else."""
    timer = history.timer_of(mark)
    if timer is None:
        return None
    later = any(t.begin.sequence > timer.begin.sequence and t.kind is not Kind.TIMER for t in history.takers_of(mark))
    return None if later else timer


def _waits(leaver: Activity, mark: str, history: History, consumers: Consumers) -> str | None:
    """What is to come of something that was left; None where nothing is."""
    takers = [taker for taker in history.takers_of(mark, leaver) if taker.kind is not Kind.TIMER]
    match mark.partition(":")[0]:
        case "invocation":
            return _awaited_invocation(takers)
        case "message" | "record":
            return consumers.awaited(mark, takers)
        case "callback":
            return None if takers else "the outcome of a task that its execution has not taken up"
    return None


def _awaited_invocation(takers: Sequence[Activity]) -> str | None:
    attempts = [taker for taker in takers if taker.kind in (Kind.INVOCATION, Kind.DEAD_LETTER)]
    if not attempts:
        return "an event for a function that has not taken it up"
    last = attempts[-1]
    if last.goes_on or last.kind is Kind.DEAD_LETTER or last.error is None:
        return None
    return f"an event that {last.begin.name} failed on, and that is tried again or given up: {said(last.error)}"


def _due(when: float) -> str:
    return f"due in {max(0.0, when - time.time()):.1f} s"


def said(error: Any) -> str:
    """An error as code and message."""
    if not isinstance(error, dict):
        return str(error)
    return f"{error.get('code') or error.get('errorType', '')} {error.get('message') or error.get('errorMessage', '')}".strip()
