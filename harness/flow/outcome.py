"""How things ended: one result for an activity, for a step and for a flow, the same in every output."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from enum import StrEnum

from harness.flow.causality import Causality, is_again, is_execution
from harness.flow.history import Activity
from harness.journal.records import Kind


class Outcome(StrEnum):
    """How an activity, a step or a flow ended.

    **What was refused has not failed.** A system refuses by design: a rule whose pattern does not match, an authorizer
    without a valid token, an API whose client requests an album that does not exist. So these are `REFUSED`:

    - a response from 400 to 499 to a client's request to a REST API, a function URL or a load balancer, and a handshake of a
      WebSocket API with such a response: the caller's request is wrong, and the system said so
    - a message on a WebSocket connection that no route takes, which API Gateway refuses in the same way
    - a decision not to let an event or a call pass: a rule, a filter, a policy

    A response of 500 and above is `FAILED`. A *call* of an AWS API that ends with an error is `FAILED` with any status: its
    caller requested something and did not get it, and SDKs raise. OpenTelemetry draws the same line between servers and
    clients (https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status).
    """

    OK = "ok"
    """Succeeded. A flow: it is settled, and every event arrived. A flow with refusals is `OK`."""
    REFUSED = "refused"
    """Of an activity or a step: not let through, by design."""
    PENDING = "pending"
    """In progress, or its end was not recorded. A flow: something in it is in progress, or waits."""
    FAILED = "failed"
    """An error. A flow: a failure without a later attempt that succeeded or a caller that handled it."""
    LOST = "lost"
    """Of a flow: `explain` found an event that did not arrive."""


def outcome_of(activity: Activity) -> Outcome:
    """How an activity ended, by its own records."""
    data = activity.data
    if activity.goes_on:
        return Outcome.PENDING
    match activity.kind:
        case Kind.DEAD_LETTER:
            return Outcome.FAILED
        case Kind.DECISION if not data.get("passed", True):
            return Outcome.REFUSED
        case Kind.REQUEST if isinstance(status := data.get("status"), int) and status >= 400:
            return Outcome.FAILED if status >= 500 else Outcome.REFUSED
        case Kind.FRAME if has_no_route(activity):
            return Outcome.REFUSED
        case Kind.BATCH if data.get("failed"):
            return Outcome.FAILED
        case Kind.TRANSITION if not is_execution(activity):
            return Outcome.FAILED if activity.begin.name.endswith(("Failed", "TimedOut", "Aborted")) else Outcome.OK
        case Kind.TRANSITION if data.get("status") not in (None, "SUCCEEDED", "RUNNING"):
            return Outcome.FAILED
    return Outcome.OK if activity.error in (None, "", {}) else Outcome.FAILED


def has_no_route(activity: Activity) -> bool:
    """Whether it is a client's message that no route of its WebSocket API takes."""
    data = activity.data
    return activity.kind is Kind.FRAME and bool(activity.error) and data.get("route") is None


class Recovery:
    """Which failures of a flow were recovered: by a later attempt, or by a caller that handled them."""

    def __init__(self, causality: Causality, outcomes: Mapping[int, Outcome]) -> None:
        """`outcomes` are those of the activities, by their ids."""
        self._causality = causality
        self._outcomes = outcomes
        self._well: defaultdict[object, list[Activity]] = defaultdict(list)
        """Attempts that succeeded, by the keys that they share with other attempts at the same."""
        for activity in causality.activities.values():
            if activity.kind in _TRIED_AGAIN and outcomes[activity.id] is Outcome.OK:
                for key in _keys(activity):
                    self._well[key].append(activity)

    def made_up_for(self, activity: Activity) -> bool:
        """Whether a failure does not make its flow a failed one.

        A caller recovers an error that it handles, if it waited for it: a function for its calls, an execution for its tasks. No
        caller waits for what was passed on: an event, a message.
        """
        if activity.kind is Kind.DEAD_LETTER:
            return False
        if self._is_tried_again(activity):
            return True
        waits = self._causality.waited_for(activity)
        while waits is not None and waits.kind in (Kind.CALL, Kind.WORK):
            above = self._causality.waited_for(waits)
            if waits.kind is Kind.WORK and (above is None or above.kind is not Kind.TRANSITION):
                # The engine continues its work after the response to a call.
                return False
            if self._is_tried_again(waits):
                return True
            waits = above
        if waits is None:
            return False
        outcome = self._outcomes[waits.id]
        return self.made_up_for(waits) if outcome is Outcome.FAILED else outcome in (Outcome.OK, Outcome.REFUSED)

    def _is_tried_again(self, activity: Activity) -> bool:
        """Whether a later attempt at the same succeeded."""
        if activity.kind not in _TRIED_AGAIN:
            return False
        found = (other for key in _keys(activity) for other in self._well.get(key, ()))
        return any(other.begin.sequence > activity.begin.sequence and is_again(activity, other) for other in found)


_TRIED_AGAIN = (Kind.INVOCATION, Kind.BATCH, Kind.DELIVERY)


def _keys(activity: Activity) -> Iterator[object]:
    """Keys that attempts at the same share, at least one of them."""
    data = activity.data
    yield from activity.takes
    if activity.kind is Kind.INVOCATION:
        yield data.get("request_id")
    if activity.kind is Kind.DELIVERY:
        yield data.get("source"), data.get("target")
