"""A flow as plain data, from which the page, the JSON and the OTLP export are made.

Parents, labels, outcomes and hidden activities are those of `harness.flow.steps`, as in the terminal. This module adds
payloads, places in the templates and the way through the architecture. `to_json` returns JSON of the shape that VERSION counts.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

from botocore.exceptions import BotoCoreError
from httpx import HTTPError

from harness.flow.error_text import ErrorText, error_of
from harness.flow.explanation import Explanation, Finding, Place
from harness.flow.history import Activity
from harness.flow.names import Names, names
from harness.flow.outcome import Outcome
from harness.flow.pending import Pending
from harness.flow.steps import ShownActivity, ShownFlow
from harness.journal.records import Kind
from harness.report import details
from harness.report.executions import TracedExecution, executions
from harness.report.payloads import PayloadDifference, coming_out, difference, going_in
from harness.report.placement import Placement, Way
from harness.topology import NodeId, Topology

VERSION = 2
"""The version of the JSON form. It is raised when a member changes its meaning or is removed, not when one is added."""

_LINES_AROUND = 4


@dataclass(frozen=True, slots=True)
class TracedActivity:
    """One activity of a flow. Times are seconds since the flow began."""

    id: int
    """Unique in its engine; `parent` and other members refer to it."""
    parent: int | None
    """The activity that caused it, or left what it takes; None if it began the flow."""
    others: tuple[int, ...]
    """Further activities that contributed: for a batch, the senders of its other records."""
    step: int | None
    """The step that it is part of; its own id if it is the step."""
    step_parent: int | None
    """The step that its step is below; None at the top."""
    depth: int
    """How many steps are above it."""
    kind: str
    """A value of harness.journal.records.Kind."""
    service: str
    """boto3's name, or "engine"."""
    name: str
    """The operation, the function, the rule."""
    resource: str
    """The ARN or address that it is about; "" without one."""
    node: str | None
    """The resource in the templates: "stack.LogicalId"."""
    label: str
    """Its name: "function users.PreSignUpFunction"."""
    subtitle: str
    """The service, and further facts in a few words."""
    outcome: Outcome
    said: str
    """A remark: what went wrong, why it was refused, the status of a response."""
    hidden: bool
    """Part of a step, and shown only on request."""
    began: float
    seconds: float
    before: Any = None
    """The payload that it received."""
    after: Any = None
    """The payload that it returned."""
    difference: PayloadDifference | None = None
    """What has changed in the event since an earlier activity; for a function that returns its event, what it changed."""
    error: ErrorText | None = None
    log: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Further facts: attempt, cold start, caller, the pattern and the reason of a refusal."""
    place: str | None = None
    """Where the resource is declared: "stack/users/template.yaml:41"."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of a template around the relevant one. Lines count from 1."""

    file: str
    line: int
    first: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TracedFinding:
    """A finding of the explanation."""

    cause: str
    sentence: str
    resource: str
    lost: bool
    """True: the event ended there. False: it waits, will be retried, or this is a doubt."""
    place: str | None
    excerpt: Excerpt | None
    activities: tuple[int, ...]
    """The activities that show it, the decisive one first."""


@dataclass(frozen=True, slots=True)
class TracedPending:
    """Something that had not ended."""

    activity: int
    what: str


@dataclass(frozen=True, slots=True)
class TracedFlow:
    """One flow."""

    root: str
    """The root of its X-Ray trace."""
    title: str
    """What began it."""
    began: float
    """Seconds since the epoch."""
    seconds: float
    outcome: Outcome
    activities: tuple[TracedActivity, ...]
    """In the order in which they began."""
    findings: tuple[TracedFinding, ...]
    pending: tuple[TracedPending, ...]
    executions: tuple[TracedExecution, ...]
    ways: tuple[Way, ...]
    """The ways between nodes of the topology that its events took, or on which they were refused."""
    unasked: str = ""
    """Why it is unknown what was lost or waits, if it is: the engine has stopped."""

    def tree(self, *, hidden: bool = True) -> Iterator[TracedActivity]:
        """The activities in the order of a tree, each followed by what it caused; without the hidden ones these are the steps."""
        below: dict[int | None, list[TracedActivity]] = {}
        for activity in self.activities:
            below.setdefault(activity.parent, []).append(activity)
        open_ = list(reversed(below.get(None, [])))
        while open_:
            activity = open_.pop()
            if hidden or not activity.hidden:
                yield activity
            open_ += reversed(below.get(activity.id, []))

    def activity(self, number: int) -> TracedActivity:
        """Raises StopIteration if no activity has this id."""
        return next(activity for activity in self.activities if activity.id == number)

    @property
    def broken_at(self) -> TracedActivity | None:
        """Where the first event of it was lost; None if none was, or if no activity shows it."""
        known = {activity.id: activity for activity in self.activities}
        decisive = (finding.activities[0] for finding in self.findings if finding.lost and finding.activities)
        return next((known[number] for number in decisive if number in known), None)


@dataclass(frozen=True, slots=True)
class Test:
    """The test that the flows belong to."""

    __test__: ClassVar[bool] = False  # pytest collects a class named "Test..." in every module that imports it
    id: str
    """pytest's node id."""
    outcome: str
    """"passed" or "failed"."""
    failure: str = ""
    """What pytest reported."""
    summary: str = ""
    """The message of its failure: the assertion, or the exception."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The content of a page, or of a file of an export."""

    flows: tuple[TracedFlow, ...]
    test: Test | None = None
    command: str = ""
    """The command that runs all this again."""
    versions: Mapping[str, str] = field(default_factory=dict)
    version: int = VERSION

    def to_json(self) -> dict[str, Any]:
        """As JSON: the fields of the classes of this module, including None."""
        return {each.name: _plain(getattr(self, each.name)) for each in dataclasses.fields(self)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


class TraceableFlow(Protocol):
    """A flow that can be traced; harness.flow.Flow is one."""

    @property
    def root(self) -> str: ...
    @property
    def activities(self) -> list[Activity]: ...
    @property
    def topology(self) -> Topology: ...
    def pending(self) -> list[Pending]: ...
    def explain(self) -> Explanation: ...


def trace_flow(flow: TraceableFlow) -> TracedFlow:
    """A flow in its current state."""
    try:
        explanation, pending = flow.explain(), flow.pending()
    except (BotoCoreError, HTTPError, OSError) as error:
        # The engine has stopped, so what waits there is unknown; what it recorded until then is shown.
        return replace(trace_activities(flow.activities, flow.topology, root=flow.root), unasked=repr(error))
    return trace_activities(flow.activities, flow.topology, explanation=explanation, pending=pending, root=flow.root)


def trace_activities(
    activities: Sequence[Activity],
    topology: Topology | None = None,
    *,
    explanation: Iterable[Finding] = (),
    pending: Iterable[Pending] = (),
    root: str = "",
) -> TracedFlow:
    """The flow of these activities, given in the order in which they began."""
    topology = topology or Topology.empty()
    findings, waiting = tuple(explanation), tuple(pending)
    name = names(topology)
    shown = ShownFlow(activities, name)
    placement = Placement(shown, topology)
    began = activities[0].begin.at if activities else 0.0
    view = _Activities(shown, placement, topology, name, began)
    traced = tuple(view.of(each) for each in shown.activities.values())
    return TracedFlow(
        root=root,
        title=_title(traced),
        began=began,
        seconds=max((each.ended.at for each in activities if each.ended), default=began) - began,
        outcome=shown.outcome(lost=any(finding.lost for finding in findings), waits=bool(waiting)),
        activities=traced,
        findings=tuple(_finding(finding) for finding in findings),
        pending=tuple(TracedPending(each.activity.id, each.what) for each in waiting),
        executions=tuple(executions(shown.causality, placement, began)),
        ways=placement.ways(),
    )


def _title(activities: Sequence[TracedActivity]) -> str:
    began = [activity.label for activity in activities if activity.step_parent is None and not activity.hidden]
    if not began:
        return "nothing was seen"
    return began[0] if len(began) == 1 else f"{', '.join(dict.fromkeys(began[:3]))}{' …' if len(began) > 3 else ''}"


def _finding(finding: Finding) -> TracedFinding:
    place = finding.place
    return TracedFinding(
        cause=finding.cause,
        sentence=finding.sentence,
        resource=finding.resource,
        lost=finding.lost,
        place=str(place) if place else None,
        excerpt=excerpt(place) if place else None,
        activities=tuple(activity.id for activity in finding.activities),
    )


def excerpt(place: Place) -> Excerpt | None:
    """The lines around a place; None if its file cannot be read."""
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
class _Activities:
    """Builds the activities of one flow."""

    shown: ShownFlow
    placement: Placement
    topology: Topology
    name: Names
    began: float

    def of(self, shown: ShownActivity) -> TracedActivity:
        activity, begin = shown.activity, shown.activity.begin
        node = self.placement.of(activity)
        before, after = going_in(activity), coming_out(activity)
        attempt = self.shown.causality.attempts.get(activity.id, 1)
        return TracedActivity(
            id=activity.id,
            parent=shown.parent,
            others=shown.others,
            step=shown.step,
            step_parent=shown.above,
            depth=self._depth(shown),
            kind=begin.kind.value,
            service=begin.service,
            name=begin.name,
            resource=begin.resource,
            node=str(node) if node else None,
            label=str(shown.label),
            subtitle=details.subtitle(shown, attempt, self.name, node),
            outcome=shown.outcome,
            said=shown.said,
            hidden=shown.hidden,
            began=begin.at - self.began,
            seconds=activity.seconds,
            before=before,
            after=after,
            difference=self._difference(activity, before, after),
            error=self._error(shown),
            log=self._log(shown),
            facts={**({"attempt": attempt} if attempt > 1 else {}), **details.facts(activity, self.name)},
            place=self._place(node),
        )

    def _depth(self, shown: ShownActivity) -> int:
        """The depth of the step; a hidden activity is one deeper than its step."""
        depth, above = int(shown.hidden and shown.step is not None), shown.above
        while above is not None:
            depth, above = depth + 1, self.shown.activities[above].above
        return depth

    def _parts(self, shown: ShownActivity) -> Sequence[Activity]:
        """The activities that a step stands for, itself first; for a hidden activity only itself."""
        step = None if shown.hidden else self.shown.step_of(shown.activity.id)
        others = [part for part in step.activities if part is not shown.activity] if step else []
        return [shown.activity, *others]

    def _error(self, shown: ShownActivity) -> ErrorText | None:
        """The error of an activity; for a failed step also the error of one of its parts."""
        if shown.outcome is not Outcome.FAILED:
            return error_of(shown.activity)
        return next((error for part in self._parts(shown) if (error := error_of(part))), None)

    def _log(self, shown: ShownActivity) -> str:
        return next((str(log) for part in self._parts(shown) if (log := part.data.get("log"))), "")

    def _place(self, node: NodeId | None) -> str | None:
        found = self.topology.nodes.get(node) if node else None
        return str(Place(found.file, found.line)) if found and found.file else None

    def _difference(self, activity: Activity, before: Any, after: Any) -> PayloadDifference | None:
        """What a function or an execution changed in its event; else what has changed in the event since an earlier activity."""
        if activity.kind in (Kind.INVOCATION, Kind.TRANSITION) and isinstance(after, dict):
            made = difference(before, after, activity.id)
            if made is not None and made.changes:
                return made
        if activity.kind not in (Kind.INVOCATION, Kind.DELIVERY, Kind.BATCH, Kind.DEAD_LETTER, Kind.CALL):
            return None
        for ancestor in self.shown.causality.ancestors(activity):
            if ancestor.kind is Kind.WORK or (earlier := going_in(ancestor)) is None:
                continue
            if ancestor.kind is Kind.CALL and (ancestor.data.get("caller") or {}).get("kind") == "service":
                # The call with which a service delivered: the delivery has the same event.
                continue
            return difference(earlier, before, ancestor.id)
        return None
