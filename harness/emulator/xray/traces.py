"""A trace: the documents that have one trace id, compiled to segments, and those that X-Ray infers from subsegments.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-gettingdata.html#xray-api-traces
"""

import copy
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from harness.emulator.xray.segments import (
    Document,
    is_in_progress,
    is_subsegment,
    subsegments,
    trace_id_time,
    within,
)

MAX_TRACE_BYTES = 500 * 1024
"""https://docs.aws.amazon.com/general/latest/gr/xray.html: "Trace document size"."""
_PLAUSIBLE_SECONDS = 24 * 3600
"""How far the date in a trace id is from the first segment at most; further away it is part of a random W3C trace id."""

_MAX_ANCESTORS = 50


@dataclass(frozen=True, slots=True, order=True)
class ServiceNode:
    """A node of the service graph: name and type (`AWS::DynamoDB::Table`, `remote`; empty if its segments say none)."""

    name: str
    type: str = ""
    account_id: str = ""

    def as_response(self) -> dict[str, Any]:
        described: dict[str, Any] = {"Name": self.name, "Names": [self.name]}
        if self.account_id:
            described["AccountId"] = self.account_id
        if self.type:
            described["Type"] = self.type
        return described


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of a compiled trace, and the call that led to it."""

    service: ServiceNode
    document: Document
    caller: ServiceNode | None = None
    """The service that made the call."""
    call: Document | None = None
    """The subsegment (or the segment) in which it was made."""
    is_inferred: bool = False
    is_root: bool = False


@dataclass
class XrayTrace:
    """What was received for one trace id."""

    id: str
    documents: dict[str, Document] = field(default_factory=dict)
    """By id, as sent: segments, and subsegments that were sent separately."""
    revision: int = 0
    is_limit_exceeded: bool = False
    size: int = 0
    _compiled: "CompiledTrace | None" = None

    def put(self, document: Document, size: int) -> None:
        """Take a document up. A complete one overwrites one that is in progress, and never the other way round."""
        kept = self.documents.get(document["id"])
        if kept is not None and is_in_progress(document) and not is_in_progress(kept):
            return
        if self.size + size > MAX_TRACE_BYTES:
            self.is_limit_exceeded = True
            return
        self.size += size
        self.documents[document["id"]] = document
        self.revision += 1
        self._compiled = None

    def compiled(self) -> "CompiledTrace":
        if self._compiled is None:
            self._compiled = CompiledTrace(self.id, _compile(self.documents), self.revision)
        return self._compiled


@dataclass(frozen=True)
class CompiledTrace:
    """Segments with their subsegments in place, and the inferred ones; by start."""

    id: str
    documents: tuple[Document, ...]
    revision: int = 0

    @cached_property
    def start(self) -> float:
        return min(float(each["start_time"]) for each in self.documents)

    @cached_property
    def end(self) -> float | None:
        """When the last part that is complete ended; None if none is."""
        return max(
            (float(each["end_time"]) for each in self.every_document() if not is_in_progress(each)), default=None
        )

    @property
    def duration(self) -> float | None:
        return None if self.end is None else self.end - self.start

    @cached_property
    def time(self) -> float:
        """When the request began, by which `TimeRangeType=TraceId` finds it: the time in the id, if that is a time."""
        in_id = trace_id_time(self.id)
        return in_id if abs(in_id - self.start) <= _PLAUSIBLE_SECONDS else self.start

    @property
    def is_partial(self) -> bool:
        return any(is_in_progress(each) for each in self.every_document())

    @cached_property
    def root(self) -> Document:
        """The segment that the user's request met first."""
        ids = {each["id"] for each in self.every_document()}
        sent = [each for each in self.documents if not is_subsegment(each)] or list(self.documents)
        without = [each for each in sent if not each.get("parent_id")]
        broken = [each for each in sent if each.get("parent_id") not in ids]
        return (without or broken or sent)[0]

    def every_document(self) -> Iterator[Document]:
        for each in self.documents:
            yield each
            yield from subsegments(each)

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The nodes that the request met: segments, then what is inferred of calls to services that send none."""
        sent = [each for each in self.documents if not is_subsegment(each)]
        services = {each["id"]: service_of(each) for each in sent}
        calls: dict[str, tuple[ServiceNode, Document]] = {}
        for each in sent:
            for part in (each, *subsegments(each)):
                calls[part["id"]] = services[each["id"]], part
        called_by_segment = {each.get("parent_id") for each in sent}
        found = []
        for each in sent:
            caller, call = calls.get(each.get("parent_id") or "", (None, None))
            found.append(Segment(services[each["id"]], each, caller, call, is_root=each is self.root))
        for caller, call in calls.values():
            if call.get("namespace") and call["id"] not in called_by_segment and not _is_traced(call):
                document = _inferred(self.id, call)
                found.append(Segment(_inferred_service(call), document, caller, call, is_inferred=True))
        return tuple(found)

    def segment_documents(self) -> list[Document]:
        """What BatchGetTraces returns: each segment with its id and its document as text."""
        orphans = [each for each in self.documents if is_subsegment(each)]
        documents = [each.document for each in self.segments] + orphans
        return [{"Id": each["id"], "Document": json.dumps(each, separators=(",", ":"))} for each in documents]


def _compile(documents: Mapping[str, Document]) -> tuple[Document, ...]:
    """Put the subsegments that were sent separately where they belong; those without a parent stay."""
    copies = {name: copy.deepcopy(each) for name, each in documents.items()}
    places = {part["id"]: part for each in copies.values() for part in (each, *subsegments(each))}
    parents = _parents(copies.values())
    embedded_ids = {part["id"] for each in copies.values() for part in subsegments(each)}
    placed = set()
    for name, each in copies.items():
        if not is_subsegment(each) or not _has_place(name, parents, places):
            continue
        parent = places[parents[name]]
        embedded = {key: value for key, value in each.items() if key not in ("type", "trace_id", "parent_id")}
        siblings = parent["subsegments"] = parent.get("subsegments") or []
        if name in embedded_ids:
            # Its parent was sent again with all of its subsegments; the one that was sent separately is kept.
            siblings[:] = [kept for kept in siblings if kept["id"] != name]
        siblings.append(embedded)
        # What belongs below it is put into the copy that is placed.
        places[name] = embedded
        placed.add(name)
    remaining = (each for name, each in copies.items() if name not in placed)
    return tuple(sorted(remaining, key=lambda each: (float(each["start_time"]), each["id"])))


def _parents(documents: Iterable[Document]) -> dict[str, str]:
    """The id of what each subsegment is part of, embedded or sent separately."""
    parents = {}
    for each in documents:
        if is_subsegment(each):
            parents[each["id"]] = each["parent_id"]
        for part in (each, *subsegments(each)):
            for inner in part.get("subsegments") or ():
                parents[inner["id"]] = part["id"]
    return parents


def _has_place(name: str, parents: Mapping[str, str], places: Mapping[str, Document]) -> bool:
    """Whether a subsegment's ancestors are known, not the subsegment itself, and not more than a document may be deep."""
    ancestor = parents[name]
    for _ in range(_MAX_ANCESTORS):
        if ancestor == name or ancestor not in places:
            return False
        if ancestor not in parents:
            return True
        ancestor = parents[ancestor]
    return False


def _is_traced(call: Mapping[str, Any]) -> bool:
    """Whether the service that is called sends a segment, which has not arrived: nothing is inferred until then."""
    return within(call, "http", "request", "traced") is True


def service_of(document: Mapping[str, Any]) -> ServiceNode:
    origin = document.get("origin")
    return ServiceNode(str(document["name"]), origin if isinstance(origin, str) else "", _account(document))


def _account(document: Mapping[str, Any]) -> str:
    account = within(document, "aws", "account_id")
    return account if isinstance(account, str) else ""


def _inferred_service(call: Mapping[str, Any]) -> ServiceNode:
    """The downstream service of a call: `aws` for AWS SDK calls, `remote` for others."""
    if call["namespace"] != "aws":
        return ServiceNode(str(call["name"]), "remote")
    table, queue = within(call, "aws", "table_name"), within(call, "aws", "queue_url")
    if table and isinstance(table, str):
        return ServiceNode(table, "AWS::DynamoDB::Table", _account(call))
    if queue and isinstance(queue, str):
        return ServiceNode(queue, "AWS::SQS::Queue", _account(call))
    return ServiceNode(str(call["name"]), f"AWS::{call['name']}", _account(call))


def _inferred(trace_id: str, call: Mapping[str, Any]) -> Document:
    kept = (
        "name",
        "start_time",
        "end_time",
        "in_progress",
        "http",
        "aws",
        "sql",
        "error",
        "fault",
        "throttle",
        "cause",
    )
    document: Document = {key: call[key] for key in kept if key in call}
    document["id"] = hashlib.sha256(f"{trace_id}{call['id']}".encode()).hexdigest()[:16]
    document |= {"trace_id": trace_id, "parent_id": call["id"], "inferred": True}
    if call["namespace"] == "aws":
        document["origin"] = _inferred_service(call).type
    return document
