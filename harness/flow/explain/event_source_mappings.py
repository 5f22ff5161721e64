"""Messages and records that an event source mapping reads for a function, and that it has not handled, or not yet.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.flow.explain.deliveries import in_words
from harness.flow.explain.evidence import Evidence
from harness.flow.explain.failures import Failure, failure_below, is_invoke, seconds_of
from harness.flow.explain.functions import attempts_in_words, kept_by
from harness.flow.explain.waiting import Waiting, waiting
from harness.flow.explanation import Finding, Place
from harness.flow.history import Activity
from harness.journal.records import Kind
from harness.topology import Edge
from harness.topology.edges import MappingCondition
from harness.topology.patterns import Match, Refusal


def find(evidence: Evidence) -> Iterator[Finding]:
    yield from _failed(evidence)
    yield from _refused(evidence)
    yield from _unread(evidence)
    for batch in evidence.of(Kind.BATCH, "lambda"):
        yield from _unreported(evidence, batch)
        yield from _shown_again(evidence, batch)


def mark_of(source: str, one: str) -> str:
    """The mark of a message or a record, by its queue or stream."""
    return f"{'message' if ':sqs:' in source else 'record'}:{source}:{one}"


def _edge(evidence: Evidence, mapping: str) -> Edge | None:
    return next((e for e in evidence.edges(mapping) if e.kind == "event_source_mapping"), None)


def _mapping(evidence: Evidence, edge: Edge) -> str:
    """The id of the mapping that makes an edge."""
    return evidence.topology.physical_ids.get(edge.via, str(edge.via))


def _condition(edge: Edge | None) -> MappingCondition:
    return edge.condition if edge and isinstance(edge.condition, MappingCondition) else MappingCondition()


# ── what failed ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Failing:
    """A message or record that a function failed on, with the last attempt so far."""

    one: str
    batches: tuple[Activity, ...]
    takers: tuple[Activity, ...]

    @property
    def last(self) -> Activity:
        return self.batches[-1]

    @property
    def source(self) -> str:
        return str(self.last.data["source"])

    @property
    def given_up(self) -> Activity | None:
        return next((taker for taker in self.takers if taker.kind is Kind.DEAD_LETTER), None)

    @property
    def group(self) -> str:
        """The group of a message in a FIFO queue."""
        return next((str(r["group"]) for r in self.last.data["records"] if r["id"] == self.one and "group" in r), "")

    @property
    def is_message(self) -> bool:
        return ":sqs:" in self.source


def _failed(evidence: Evidence) -> Iterator[Finding]:
    told: set[tuple[str, ...]] = set()
    for failing in _failing(evidence):
        failure = failure_below(evidence, failing.last)
        finding = _of_failing(evidence, failing, failure or _reported(evidence, failing))
        # If a batch fails as a whole, every record has the same failure.
        if (key := (finding.cause, finding.sentence)) not in told:
            told.add(key)
            yield finding


def _failing(evidence: Evidence) -> Iterator[_Failing]:
    found: dict[tuple[str, str], list[Activity]] = {}
    for batch in evidence.of(Kind.BATCH, "lambda"):
        for record in batch.data["records"]:
            found.setdefault((str(batch.data["mapping"]), str(record["id"])), []).append(batch)
    for (_, one), batches in found.items():
        # The next attempt may have begun already.
        ended = [batch for batch in batches if not batch.goes_on]
        if ended and one in map(str, ended[-1].data.get("failed") or ()):
            takers = evidence.history.takers_of(mark_of(str(ended[-1].data["source"]), one))
            yield _Failing(one, tuple(ended), tuple(takers))


def _reported(evidence: Evidence, failing: _Failing) -> Failure:
    """A function that did not fail has reported the items of its batch that it could not handle
    (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html)."""
    function = str(failing.last.data["target"])
    what = "message" if failing.is_message else "record"
    clause = (
        f"function {evidence.named(function)} reported {what} {failing.one} of {in_words(evidence, failing.source)} as failed "
        "(batchItemFailures)"
    )
    invocations = [each for each in evidence.caused_by(failing.last) if each.kind is Kind.INVOCATION]
    return Failure("item-failed", clause, function, evidence.place(function), (invocations or [failing.last])[0])


def _of_failing(evidence: Evidence, failing: _Failing, failure: Failure) -> Finding:
    tries = f"{failure.clause} in {attempts_in_words(len(failing.batches))}"
    source = in_words(evidence, failing.source)
    what = f"the message of {source}" if failing.is_message else f"the record of {source}"
    shown = (failure.activity, *failing.batches[::-1])
    given_up = failing.given_up
    if given_up is not None:
        kept = kept_by(evidence, given_up)
        if given_up.data.get("reason") == "RecordAgeExceeded":
            tries += ", until it was too old"
        end = f"{what} is kept in {kept}" if kept else f"{what} is lost, as its mapping has no destination for failures"
        sentence, lost = f"{tries}; {end}.", not kept
        return evidence.finding(failure.cause, sentence, failure.function, failure.place, *shown, given_up, lost=lost)
    edge = _edge(evidence, str(failing.last.data["mapping"]))
    if not failing.is_message:
        behind = len([w for w in waiting(evidence) if w.source == failing.source and w.one != failing.one])
        sentence = (
            f"a record of {source} blocks its shard: {tries}; it is tried again {_until(edge)}"
            f"{_and_behind(behind, 'record')}."
        )
        return _blocked(evidence, "shard-blocked", sentence, failing, edge, "MaximumRetryAttempts", shown)
    behind = len([w for w in waiting(evidence) if w.source == failing.source and w.group and w.group == failing.group])
    if behind:
        sentence = (
            f"a message of {source} blocks its group {failing.group}: {tries}; it is tried again"
            f"{_and_behind(behind, 'message')}."
        )
        return _blocked(evidence, "group-blocked", sentence, failing, edge, "FunctionName", shown)
    sentence = f"{tries}; {what} is shown again."
    return evidence.finding(failure.cause, sentence, failure.function, failure.place, *shown, lost=False)


def _blocked(
    evidence: Evidence,
    cause: str,
    sentence: str,
    failing: _Failing,
    edge: Edge | None,
    setting: str,
    shown: Sequence[Activity],
) -> Finding:
    mapping = str(failing.last.data["mapping"])
    place = evidence.place(edge.via, setting) if edge else evidence.place(mapping)
    return evidence.finding(cause, sentence, mapping, place, *shown, lost=False)


def _until(edge: Edge | None) -> str:
    retries = _condition(edge).maximum_retry_attempts
    return "until it expires" if retries < 0 else f"up to {retries} times"


def _and_behind(count: int, what: str) -> str:
    if not count:
        return ""
    return f", and {count} {what}{'s wait' if count > 1 else ' waits'} behind it"


# ── what a filter refused ───────────────────────────────────────────────────────────────────────────────────────────


def _refused(evidence: Evidence) -> Iterator[Finding]:
    """What all mappings refused that read the queue or stream.

    A filter on a stream is there to select, so its refusal is reported only if no record of the stream was taken at all.
    """
    refusals: dict[str, list[Activity]] = {}
    for decision in evidence.of(Kind.DECISION, "lambda"):
        if decision.data.get("reason") in ("Pattern", "NotJson") and decision.takes:
            refusals.setdefault(decision.takes[0], []).append(decision)
    taken = {
        mark_of(str(batch.data["source"]), str(record["id"]))
        for batch in evidence.of(Kind.BATCH, "lambda")
        for record in batch.data["records"]
        if str(record["id"]) not in (batch.data.get("filtered") or ())
    }
    sources = {mark.rpartition(":")[0] for mark in taken}
    for mark, decisions in refusals.items():
        is_message = mark.startswith("message:")
        if mark not in taken and (is_message or mark.rpartition(":")[0] not in sources):
            yield _of_refusal(evidence, decisions, lost=is_message)


def _of_refusal(evidence: Evidence, decisions: Sequence[Activity], *, lost: bool) -> Finding:
    """By the nearest filter."""
    matched = [
        (decision, _edge(evidence, str(decision.data["rule"])), _match(evidence, decision)) for decision in decisions
    ]
    decision, edge, match = min(matched, key=lambda each: len(each[2].refusals) or len(matched) + 99)
    refusal = min(match.refusals, key=lambda r: len(r.path) == 0, default=None)
    source, mapping = str(decision.data["source"]), str(decision.data["rule"])
    what = f"a message of {in_words(evidence, source)}" if lost else f"a record of {in_words(evidence, source)}"
    function = evidence.named(decision.begin.resource)
    why = _because(refusal) if refusal else "it does not match"
    sentence = f"the filter of the mapping for function {function} refused {what}: {why}."
    place = evidence.edge_place(edge, refusal) if edge else None
    return evidence.finding("filter-refused", sentence, mapping, place, *decisions, lost=lost)


def _because(refusal: Refusal) -> str:
    return f"{refusal.field} is {refusal.found}, and it wants {refusal.wanted}"


def _match(evidence: Evidence, decision: Activity) -> Match:
    """How the template's filter matches the record, in the form in which the function would have received it."""
    filters = _condition(_edge(evidence, str(decision.data["rule"]))).filters
    event = decision.data.get("event")
    if filters is None or not isinstance(event, Mapping):
        return Match()
    body = event.get("body")
    # The journal keeps JSON parsed.
    return filters.match(
        {**event, "body": body if isinstance(body, str) else json.dumps(body)} if "body" in event else event
    )


# ── what was not read ───────────────────────────────────────────────────────────────────────────────────────────────


def _unread(evidence: Evidence) -> Iterator[Finding]:
    """What is in a queue or stream that mappings should read."""
    told: set[str] = set()
    for one in waiting(evidence):
        node = evidence.node_id(one.source)
        edges = evidence.topology.leaving(node, "event_source_mapping") if node else ()
        if not edges or one.source in told or one.delayed or one.behind:
            continue
        if (finding := _why_unread(evidence, one, edges)) is not None:
            told.add(one.source)
            yield finding


def _why_unread(evidence: Evidence, one: Waiting, edges: Sequence[Edge]) -> Finding | None:
    source = in_words(evidence, one.source)
    what = f"a {one.what} of {source}"
    enabled = [edge for edge in edges if _condition(edge).enabled]
    if not enabled:
        edge = edges[0]
        sentence = f"{what} waits, as the mapping that reads it for function {edge.target.logical_id} is disabled."
        return _unread_finding(evidence, "mapping-disabled", sentence, edge, "Enabled", one)
    edge = enabled[0]
    if not one.is_awaited:
        sentence = (
            f"{what} waits, as the mapping that reads it for function {edge.target.logical_id} is not at work, although the "
            "template enables it."
        )
        return _unread_finding(evidence, "mapping-disabled", sentence, edge, "Enabled", one)
    if seconds := _condition(edge).maximum_batching_window_seconds:
        sentence = (
            f"{what} waits for more to come with it, as the batching window of the mapping for function "
            f"{edge.target.logical_id} is {seconds} seconds."
        )
        return _unread_finding(evidence, "batching-window-open", sentence, edge, "MaximumBatchingWindowInSeconds", one)
    return None


def _unread_finding(evidence: Evidence, cause: str, sentence: str, edge: Edge, setting: str, one: Waiting) -> Finding:
    place = evidence.place(edge.via, setting)
    return evidence.finding(cause, sentence, _mapping(evidence, edge), place, one.left_by, lost=False)


# ── what failed without an error ────────────────────────────────────────────────────────────────────────────────────


def _unreported(evidence: Evidence, batch: Activity) -> Iterator[Finding]:
    """What a function reported as failed to a mapping without ReportBatchItemFailures: Lambda treats the batch as handled
    (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting)."""
    edge = _edge(evidence, str(batch.data["mapping"]))
    if batch.goes_on or batch.data.get("failed") or edge is None or _condition(edge).report_batch_item_failures:
        return
    for invocation in [each for call in _invokes(evidence, batch) for each in evidence.history.next_of(call)]:
        named = _failed_items(invocation)
        if failed := [str(record["id"]) for record in batch.data["records"] if str(record["id"]) in named]:
            source = str(batch.data["source"])
            what = ("message" if ":sqs:" in source else "record") + ("s" if len(failed) > 1 else "")
            sentence = (
                f"function {edge.target.logical_id} reported {len(failed)} {what} of {in_words(evidence, source)} as failed, and "
                "the mapping does not ask for that (FunctionResponseTypes has no ReportBatchItemFailures): Lambda takes the "
                "whole batch for handled."
            )
            place = evidence.place(edge.via, "FunctionResponseTypes")
            mapping = _mapping(evidence, edge)
            yield evidence.finding("item-failures-ignored", sentence, mapping, place, invocation, batch)


def _invokes(evidence: Evidence, batch: Activity) -> list[Activity]:
    return [each for each in evidence.history.next_of(batch) if is_invoke(each)]


def _failed_items(invocation: Activity) -> set[str]:
    result: Any = invocation.data.get("result")
    items = result.get("batchItemFailures") if isinstance(result, Mapping) else None
    return {str(i.get("itemIdentifier")) for i in items if isinstance(i, Mapping)} if isinstance(items, list) else set()


def _shown_again(evidence: Evidence, batch: Activity) -> Iterator[Finding]:
    """A queue shows a message to others while a function works on it, once the visibility timeout is over.

    Lambda refuses a mapping whose queue has a shorter one than the function's timeout, but it may be changed later
    (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-queueconfig).
    """
    visibility = batch.data.get("visibility_timeout_seconds")
    invocations = [each for call in _invokes(evidence, batch) for each in evidence.history.next_of(call)]
    # The function's own time only: the rest depends on this machine.
    if visibility is None or max(map(seconds_of, invocations), default=0.0) <= float(visibility):
        return
    source, function = str(batch.data["source"]), str(batch.data["target"])
    hidden = f"{float(visibility):g} second" + ("" if float(visibility) == 1 else "s")
    sentence = (
        f"{in_words(evidence, source)} hides a message for {hidden} only, and function {evidence.named(function)} worked on it "
        "for longer: it is shown again meanwhile, and handled twice."
    )
    place: Place | None = evidence.place(source, "VisibilityTimeout")
    yield evidence.finding("visibility-timeout-too-short", sentence, source, place, batch, lost=False)
