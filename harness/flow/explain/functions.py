"""Events that functions did not handle: asynchronous ones, and those whose sender waited for the result.

An asynchronous event is tried three times and then lost, unless the function has a destination or dead-letter queue
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html). Functions that an event source mapping, an
execution or a user pool invokes are reported by the modules of those.
"""

from collections.abc import Iterator

from harness.flow.explain.deliveries import in_words
from harness.flow.explain.evidence import Evidence
from harness.flow.explain.failures import Failure, failed_invocation, failure_of_call, throttled
from harness.flow.explanation import Finding
from harness.flow.history import Activity
from harness.journal.records import Kind


def find(evidence: Evidence) -> Iterator[Finding]:
    for mark in _asynchronous(evidence):
        yield from _of_event(evidence, mark)
    yield from _of_callers(evidence)


def _asynchronous(evidence: Evidence) -> list[str]:
    """The marks of the events that functions received asynchronously."""
    left = (mark for activity in evidence.activities for mark in activity.leaves if mark.startswith("invocation:"))
    return list(dict.fromkeys(left))


def _of_event(evidence: Evidence, mark: str) -> Iterator[Finding]:
    takers = evidence.history.takers_of(mark)
    attempts = [taker for taker in takers if taker.kind is Kind.INVOCATION]
    given_up = next((taker for taker in takers if taker.kind is Kind.DEAD_LETTER), None)
    last = attempts[-1] if attempts else None
    if last is not None and (last.goes_on or last.error is None):
        return
    if last is not None:
        failure = failed_invocation(evidence, last)
    elif (waiting := given_up or _throttle(evidence, mark)) is not None:
        failure = throttled(evidence, waiting.begin.resource, waiting)
    else:
        return
    tries = f" in {attempts_in_words(len(attempts))}" if attempts else ""
    shown = (*attempts[::-1], *([given_up] if given_up else []), *([] if attempts else [failure.activity]))
    if given_up is None:
        # A note announces the retry, or the engine is about to give up.
        sentence = f"{failure.clause}{tries}; it is tried again."
        yield _finding(evidence, failure, sentence, shown, lost=False)
        return
    if given_up.data.get("reason") == "EventAgeExceeded":
        tries += ", and the event is older than the function keeps one"
    kept = kept_by(evidence, given_up)
    if kept:
        sentence = f"{failure.clause}{tries}; the event is kept in {kept}."
    elif given_up.data.get("target"):
        sentence = (
            f"{failure.clause}{tries}; the event is lost, as {in_words(evidence, given_up.data['target'])} refused it."
        )
    else:
        sentence = (
            f"{failure.clause}{tries}; the event is lost, as the function has no dead-letter queue and no destination for "
            "failures."
        )
    yield _finding(evidence, failure, sentence, shown, lost=not kept)


def _throttle(evidence: Evidence, mark: str) -> Activity | None:
    """The note of an event that waits because its function has no concurrency left."""
    return next(
        (note for note in evidence.of(Kind.TIMER, "lambda") if mark in note.leaves and note.data.get("throttled")), None
    )


def _of_callers(evidence: Evidence) -> Iterator[Finding]:
    """What failed while the caller waited for the result."""
    for call in evidence.of(Kind.CALL, "lambda", "Invoke"):
        if any(mark.startswith("invocation:") for mark in call.leaves) or _is_told_elsewhere(evidence, call):
            continue
        failure = failure_of_call(evidence, call)
        if failure is not None:
            yield _finding(evidence, failure, f"{failure.clause}.", (failure.activity, call), lost=True)


def _is_told_elsewhere(evidence: Evidence, call: Activity) -> bool:
    """Whether the invoker of the function handles failures in another way, so that another explainer reports them."""
    for cause in evidence.causes(call):
        if cause.kind in (Kind.BATCH, Kind.TRANSITION) or cause.begin.service == "cognito-idp":
            return True
        if cause.kind is Kind.INVOCATION:
            # A function called it: if the caller continued nevertheless, it handled the error.
            return cause.goes_on or cause.error is None
        if cause.kind is Kind.REQUEST:
            return False
    return False


def _finding(
    evidence: Evidence, failure: Failure, sentence: str, shown: tuple[Activity, ...], *, lost: bool
) -> Finding:
    return evidence.finding(failure.cause, sentence, failure.function, failure.place, *shown, lost=lost)


# ── what other explainers use ─────────────────────────────────────────────────────────────────────────────────


def attempts_in_words(count: int) -> str:
    return "its only attempt" if count == 1 else f"each of {count} attempts"


def kept_by(evidence: Evidence, given_up: Activity) -> str:
    """Where an event is kept that was given up, in words; "" if it is lost."""
    refused = any(
        note.kind is Kind.DEAD_LETTER and note.data.get("reason") == "TargetRefused"
        for note in evidence.history.next_of(given_up)
    )
    target = str(given_up.data.get("target") or "")
    return in_words(evidence, target) if target and not refused else ""
