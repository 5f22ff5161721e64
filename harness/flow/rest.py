"""Decides what in a flow has not settled, and what each part waits for.

Only leaves are reported: an execution that is in progress because one of its states waits is not reported in addition to
that state. So if all leaves of a flow wait for a time or for a callback, nothing else in it is in progress.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.flow.consumers import Awaited, Consumers
from harness.flow.error_text import error_of
from harness.flow.history import Activity, History
from harness.flow.pending import Pending
from harness.journal.records import Kind, Phase

CALLBACK = "task timeout"
"""The name of a timer that runs while an execution waits for a callback."""


def pending(activities: Sequence[Activity], history: History, consumers: Consumers) -> Iterator[Pending]:
    """What has not settled; what depends on consumers that must be requested first counts, too."""
    yield from _going_on(activities, history)
    told: set[str] = set()
    left: list[tuple[Pending, str]] = []
    for activity in activities:
        if activity.goes_on:
            continue
        for mark in activity.leaves:
            if mark not in told and (one := _left(activity, mark, history, consumers)) is not None:
                told.add(mark)
                left.append((one, _group(activity, mark)))
    # A message behind another message of its group waits for the same time.
    heads = {group: one for one, group in left if group and one.due is not None}
    for one, group in left:
        head = heads.get(group) if one.due is None else None
        yield replace(one, timer=head.timer, due=head.due) if head else one


def _left(activity: Activity, mark: str, history: History, consumers: Consumers) -> Pending | None:
    """Something that was left and is still to be taken. If several are to take it: the one that waits for no time, or for the
    earliest."""
    waits = _waits(activity, mark, history, consumers)
    timers = [_timer_of(mark, wait.mapping, history) for wait in waits]
    if not waits:
        return None
    wait, timer = min(zip(waits, timers, strict=True), key=lambda pair: pair[1].data["when"] if pair[1] else 0.0)
    when = timer.data["when"] if timer else None
    due = f"; {_due(when)} ({timer.data['what']})" if timer and when else ""
    return Pending(activity, f"{activity} left {wait.told}{due}", timer, when)


def _group(activity: Activity, mark: str) -> str:
    """The FIFO group to which a message was sent; "" for everything else."""
    if not mark.startswith("message:"):
        return ""
    request = activity.data.get("request")
    group = request.get("MessageGroupId") if isinstance(request, Mapping) else None
    return f"{mark.rpartition(':')[0]}:{group}" if group else ""


def _going_on(activities: Sequence[Activity], history: History) -> Iterator[Pending]:
    going = {activity.id: activity for activity in activities if activity.goes_on}
    for activity in activities:
        # The caller of a callback waits for the rest of the execution, although another client began it.
        execution = _execution_of(activity, history) if activity.begin.name == "TaskTokenReturned" else None
        if execution is not None and execution.goes_on:
            going.update((one.id, one) for one in history.closure([execution]) if one.goes_on)
    held_up = {above for activity in going.values() for above in _above(activity, history)}
    for activity in going.values():
        if activity.id not in held_up:
            # A timer that was fired is in progress like everything else, until what it makes due has ended.
            waits = activity.kind is Kind.TIMER and "when" in activity.begin.data
            yield _timer(activity, history) if waits else Pending(activity, f"{activity} is in progress")


def _above(activity: Activity, history: History) -> Iterator[int]:
    """What is in progress because this is in progress: its cause, and the work in which it happens."""
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


def _timer_of(mark: str, mapping: str, history: History) -> Activity | None:
    """The time that something waits for until a mapping takes it; None if that time has come, and for everything else.
    What another mapping does meanwhile does not change this mapping's window, or its next attempt."""
    timer = history.timer_of(mark, mapping)
    if timer is None:
        return None
    own = timer.data.get("mapping")
    for taker in history.takers_of(mark):
        of = taker.data.get("mapping", taker.data.get("rule"))
        if (
            taker.begin.sequence > timer.begin.sequence
            and taker.kind is not Kind.TIMER
            and (own is None or of in (None, own))
        ):
            return None
    return timer


def _waits(leaver: Activity, mark: str, history: History, consumers: Consumers) -> list[Awaited]:
    """What is expected for something that was left."""
    takers = [taker for taker in history.takers_of(mark, leaver) if taker.kind is not Kind.TIMER]
    match mark.partition(":")[0]:
        case "invocation":
            told = _awaited_invocation(takers)
            return [Awaited(told)] if told else []
        case "message" | "record":
            return consumers.awaited(mark, takers)
        case "callback":
            return [] if takers else [Awaited("the outcome of a task that its execution has not taken up")]
    return []


def _awaited_invocation(takers: Sequence[Activity]) -> str | None:
    attempts = [taker for taker in takers if taker.kind in (Kind.INVOCATION, Kind.DEAD_LETTER)]
    if not attempts:
        return "an event for a function that has not taken it up"
    last = attempts[-1]
    if last.goes_on or last.kind is Kind.DEAD_LETTER or last.error is None:
        return None
    return f"an event that {last.begin.name} failed on, and that is tried again or given up: {error_of(last)}"


def _due(when: float) -> str:
    return f"due in {max(0.0, when - time.time()):.1f} s"
