"""A flow as a story: one plain view of it that every output is made of.

The HTML page, the JSON export and the tree in the terminal show the same hops, findings and places; what they tell apart
is decided here, once. Everything in a Trace is data: `to_json` gives it as JSON of the shape that VERSION counts.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

from botocore.exceptions import BotoCoreError
from httpx import HTTPError

from harness.flow.explanation import Explanation, Finding, Place
from harness.flow.history import Activity
from harness.flow.pending import Pending
from harness.journal.records import Kind
from harness.report import wording
from harness.report.executions import Execution, executions
from harness.report.failures import Failure, failure
from harness.report.lineage import Lineage
from harness.report.payloads import Difference, coming_out, difference, going_in
from harness.report.whereabouts import Way, Whereabouts
from harness.topology import NodeId, Topology

VERSION = 1
"""Of the JSON form. It is raised when something in it changes its meaning or goes away, not when something is added."""

_LINES_AROUND = 4


@dataclass(frozen=True, slots=True)
class Hop:
    """One activity of a flow. Times are seconds since the flow began."""

    id: int
    """Unique in its engine; what `parent` and others name."""
    parent: int | None
    """What caused it, or left what it took up; None where it began the flow."""
    others: tuple[int, ...]
    """Further hops that had a part in it: of a batch the senders of its other records."""
    depth: int
    """How many parents it has that are not quiet."""
    kind: str
    """A value of harness.journal.records.Kind."""
    service: str
    """boto3's name, or "engine"."""
    name: str
    """The operation, the function, the rule."""
    resource: str
    """The ARN or address that it is about; "" where there is none."""
    node: str | None
    """The resource in the templates: "stack.LogicalId"."""
    title: str
    """What happened, in a few words."""
    subtitle: str
    """Where: service and resource."""
    state: str
    """"ok", "failed", "refused" (did not pass: normal on a bus) or "pending"."""
    quiet: bool
    """Plumbing that only somebody who looks for it wants to see. What failed is never quiet."""
    began: float
    seconds: float
    before: Any = None
    """What it was given."""
    after: Any = None
    """What it gave."""
    difference: Difference | None = None
    """What has changed of the event since a hop before; for a function that gives its event back, what it changed."""
    error: Failure | None = None
    log: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else is known: attempt, cold start, who called, the pattern and the reason of a refusal."""
    place: str | None = None
    """Where the resource is declared: "stack/users/template.yaml:41"."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of a template around the one that matters. Lines count from 1."""

    file: str
    line: int
    first: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cause:
    """A finding of the explanation."""

    cause: str
    sentence: str
    resource: str
    lost: bool
    """The event ended there; otherwise it waits, or is tried again, or this is a doubt."""
    place: str | None
    excerpt: Excerpt | None
    hops: tuple[int, ...]
    """What shows it, the decisive hop first."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What had not come to its end."""

    hop: int
    what: str


@dataclass(frozen=True, slots=True)
class Story:
    """One flow."""

    root: str
    """The root of its X-Ray trace."""
    title: str
    """What began it."""
    began: float
    """Seconds since the epoch."""
    seconds: float
    outcome: str
    """"lost" (an event was), "pending" (something goes on), "failed" (a hop failed and nobody made up for it) or "ok"."""
    hops: tuple[Hop, ...]
    """In the order in which they began."""
    findings: tuple[Cause, ...]
    pending: tuple[Waiting, ...]
    executions: tuple[Execution, ...]
    ways: tuple[Way, ...]
    """The ways between nodes of the topology that it took, or was refused at."""
    unasked: str = ""
    """Why it is not known what was lost or waits, where it is not: the engine is gone."""

    def tree(self, *, quiet: bool = True) -> Iterator[Hop]:
        """The hops in the order of a tree, each followed by what it caused; without the quiet ones their children stand
        in their place."""
        below: dict[int | None, list[Hop]] = {}
        for hop in self.hops:
            below.setdefault(hop.parent, []).append(hop)
        open_ = list(reversed(below.get(None, [])))
        while open_:
            hop = open_.pop()
            if quiet or not hop.quiet:
                yield hop
            open_ += reversed(below.get(hop.id, []))

    def hop(self, number: int) -> Hop:
        """Raises StopIteration where there is none of this id."""
        return next(hop for hop in self.hops if hop.id == number)

    @property
    def broken_at(self) -> Hop | None:
        """Where an event of it was lost, the first of all; None where none was, or where no hop shows it."""
        told = {hop.id: hop for hop in self.hops}
        return next((told[c.hops[0]] for c in self.findings if c.lost and c.hops and c.hops[0] in told), None)


@dataclass(frozen=True, slots=True)
class Test:
    """The test that the flows belong to."""

    __test__: ClassVar[bool] = False  # pytest takes what begins with "Test" for tests of whoever imports it
    id: str
    """pytest's node id."""
    outcome: str
    """"passed" or "failed"."""
    failure: str = ""
    """What pytest told of it."""
    summary: str = ""
    """Its last word: the assertion, or the exception."""


@dataclass(frozen=True, slots=True)
class Trace:
    """All that a page, or a file of an export, is about."""

    stories: tuple[Story, ...]
    test: Test | None = None
    command: str = ""
    """What does all this again."""
    versions: Mapping[str, str] = field(default_factory=dict)
    version: int = VERSION

    def to_json(self) -> dict[str, Any]:
        """As JSON: the fields of the classes of this module, None and all."""
        return {each.name: _plain(getattr(self, each.name)) for each in dataclasses.fields(self)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


class FlowLike(Protocol):
    """What a story is told of; harness.flow.Flow is one."""

    @property
    def root(self) -> str: ...
    @property
    def activities(self) -> list[Activity]: ...
    @property
    def topology(self) -> Topology: ...
    def pending(self) -> list[Pending]: ...
    def explain(self) -> Explanation: ...


def story_of(flow: FlowLike) -> Story:
    """The story of a flow as it is now."""
    try:
        explanation, pending = flow.explain(), flow.pending()
    except (BotoCoreError, HTTPError, OSError) as error:
        # The engine is gone, and cannot be asked what waits there; what it has written down until then is told.
        return replace(tell(flow.activities, flow.topology, root=flow.root), unasked=repr(error))
    return tell(flow.activities, flow.topology, explanation=explanation, pending=pending, root=flow.root)


def tell(
    activities: Sequence[Activity],
    topology: Topology | None = None,
    *,
    explanation: Iterable[Finding] = (),
    pending: Iterable[Pending] = (),
    root: str = "",
) -> Story:
    """The story of these activities, given in the order in which they began."""
    topology = topology or Topology.empty()
    findings, waiting = tuple(explanation), tuple(pending)
    lineage = Lineage(activities)
    whereabouts = Whereabouts(activities, lineage.parents, topology)
    began = activities[0].begin.at if activities else 0.0
    goes_on = {each.activity.id for each in waiting} | {each.id for each in activities if each.goes_on}
    told = _Telling(lineage, whereabouts, topology, began, goes_on)
    hops = tuple(told.hop(activity) for activity in activities)
    return Story(
        root=root,
        title=_title(hops),
        began=began,
        seconds=max((each.ended.at for each in activities if each.ended), default=began) - began,
        outcome=_outcome(hops, findings, goes_on, lineage),
        hops=hops,
        findings=tuple(_cause(finding) for finding in findings),
        pending=tuple(Waiting(each.activity.id, each.what) for each in waiting),
        executions=tuple(executions(activities, lineage, whereabouts, began)),
        ways=whereabouts.ways(),
    )


def _title(hops: Sequence[Hop]) -> str:
    began = [hop.title for hop in hops if hop.parent is None and not hop.quiet]
    if not began:
        return "nothing was seen"
    return began[0] if len(began) == 1 else f"{', '.join(dict.fromkeys(began[:3]))}{' …' if len(began) > 3 else ''}"


def _outcome(hops: Iterable[Hop], findings: Iterable[Finding], goes_on: set[int], lineage: Lineage) -> str:
    if any(finding.lost for finding in findings):
        return "lost"
    if goes_on:
        return "pending"
    handled = {
        activity.data.get("request_id")
        for activity in lineage.activities.values()
        if activity.kind is Kind.INVOCATION and not wording.failed(activity)
    }
    for hop in hops:
        if hop.state == "failed":
            activity = lineage.activities[hop.id]
            retried = (
                a.data.get("request_id") for a in (activity, *lineage.ancestors(activity)) if a.kind is Kind.INVOCATION
            )
            if not handled.intersection(retried):
                return "failed"
    return "ok"


def _cause(finding: Finding) -> Cause:
    place = finding.place
    return Cause(
        cause=finding.cause,
        sentence=finding.sentence,
        resource=finding.resource,
        lost=finding.lost,
        place=str(place) if place else None,
        excerpt=excerpt(place) if place else None,
        hops=tuple(activity.id for activity in finding.activities),
    )


def excerpt(place: Place) -> Excerpt | None:
    """The lines around a place; None where its file cannot be read."""
    try:
        lines = place.file.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    first = max(1, place.line - _LINES_AROUND)
    return Excerpt(
        file=str(place).rpartition(":")[0],
        line=place.line,
        first=first,
        lines=tuple(lines[first - 1 : place.line + _LINES_AROUND]),
    )


@dataclass(frozen=True)
class _Telling:
    """Makes the hops of one story."""

    lineage: Lineage
    whereabouts: Whereabouts
    topology: Topology
    began: float
    goes_on: set[int]

    def hop(self, activity: Activity) -> Hop:
        begin = activity.begin
        parent, *others = self.lineage.parents[activity.id] or (None,)
        node = self.whereabouts.of(activity)
        names = self.whereabouts.names
        before, after = going_in(activity), coming_out(activity)
        attempt = self.lineage.attempts.get(activity.id, 1)
        return Hop(
            id=activity.id,
            parent=parent,
            others=tuple(other for other in others if other is not None),
            depth=sum(not wording.is_quiet(each) for each in self.lineage.ancestors(activity)),
            kind=begin.kind.value,
            service=begin.service,
            name=begin.name,
            resource=begin.resource,
            node=str(node) if node else None,
            title=wording.title(activity, names),
            subtitle=" · ".join(
                filter(
                    None,
                    [
                        wording.subtitle(activity, names),
                        self._of(activity, node),
                        f"attempt {attempt}" if attempt > 1 else "",
                    ],
                )
            ),
            state=self._state(activity),
            quiet=wording.is_quiet(activity),
            began=begin.at - self.began,
            seconds=activity.seconds,
            before=before,
            after=after,
            difference=self._difference(activity, before, after),
            error=self._failure(activity),
            log=str(activity.data.get("log") or ""),
            facts={**({"attempt": attempt} if attempt > 1 else {}), **wording.facts(activity, names)},
            place=self._place(node),
        )

    @staticmethod
    def _of(activity: Activity, node: NodeId | None) -> str:
        """The resource of a call that does not name it."""
        return node.logical_id if node and activity.kind is Kind.CALL and not activity.begin.resource else ""

    @staticmethod
    def _failure(activity: Activity) -> Failure | None:
        if activity.kind is Kind.TRANSITION and isinstance(activity.error, str):
            # https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html: error and cause.
            return failure({"code": activity.error, "message": str(activity.data.get("cause") or "")})
        return failure(activity.error)

    def _state(self, activity: Activity) -> str:
        if activity.id in self.goes_on:
            return "pending"
        if wording.failed(activity):
            return "failed"
        return "refused" if activity.kind is Kind.DECISION and not activity.data.get("passed", True) else "ok"

    def _place(self, node: NodeId | None) -> str | None:
        found = self.topology.nodes.get(node) if node else None
        return str(Place(found.file, found.line)) if found and found.file else None

    def _difference(self, activity: Activity, before: Any, after: Any) -> Difference | None:
        """What a function or an execution made of its event; else what has become of the event since the hop before."""
        if activity.kind in (Kind.INVOCATION, Kind.TRANSITION) and isinstance(after, dict):
            made = difference(before, after, activity.id)
            if made is not None and made.changes:
                return made
        if activity.kind not in (Kind.INVOCATION, Kind.DELIVERY, Kind.BATCH, Kind.DEAD_LETTER, Kind.CALL):
            return None
        for ancestor in self.lineage.ancestors(activity):
            if ancestor.kind is Kind.WORK or (earlier := going_in(ancestor)) is None:
                continue
            if wording.is_quiet(ancestor):
                continue
            return difference(earlier, before, ancestor.id)
        return None
