"""The flows that an engine has recorded, whatever began them: a test, a browser, the AWS CLI, a schedule."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from harness.engine import Target, secrets
from harness.errors import UnknownFlowError
from harness.flow.event_source_mappings import EventSourceMappings
from harness.flow.flow import Flow
from harness.flow.history import Activity, History
from harness.flow.names import names
from harness.flow.outcome import Outcome
from harness.flow.steps import ShownFlow, Step, counted
from harness.journal.records import Kind
from harness.journal.stream import JournalStream
from harness.topology import Topology

READING_SECONDS = 120.0
"""Time to read everything that an engine keeps, which may be 128 MiB."""
NAME_CHARACTERS = 8
NEWEST = "last"
_SETS_UP = ("Add", "Associate", "Attach", "Create", "Delete", "Detach", "Disable", "Enable", "Publish", "Put", "Register",
            "Remove", "Set", "Subscribe", "Tag", "Unsubscribe", "Untag", "Update")  # fmt: skip
_DATA = frozenset({
    "DeleteItem", "DeleteMessage", "DeleteMessageBatch", "DeleteObject", "DeleteObjects", "Publish", "PublishBatch",
    "PutEvents", "PutItem", "PutLogEvents", "PutMetricData", "PutObject", "PutParameter", "PutRecord", "PutRecordBatch",
    "PutRecords", "PutSecretValue", "SetAlarmState", "UpdateItem", "UpdateSecret",
})  # fmt: skip
"""Operations that begin like a call that creates or changes a resource, but that can begin a flow."""
_OF_PEOPLE = frozenset({"codecommit", "cognito-idp", "cognito-identity"})
"""Services whose calls of that kind are about users, and about what users write."""
_READS = ("Describe", "List", "Get", "Head", "Query", "Scan", "BatchGet", "ReceiveMessage", "Lookup", "FilterLogEvents")


@dataclass(frozen=True, slots=True)
class Beginning:
    """What began a flow, as its first activities show. Makes no request.

    `root` is the root of its trace, `name` the short form of it. `at` is in seconds since the epoch.
    """

    root: str
    name: str
    at: float
    what: str
    """What happened first: "POST /users", "cognito-idp SignUp, cognito-idp ConfirmSignUp"."""
    by: str
    """The client program: "browser", "aws-cli", "Boto3"; "" if no client began it."""
    steps: int
    seconds: float
    """From its first record to its last one so far."""
    idle: bool
    """Reads that caused nothing, or the set-up of resources: a list hides them."""

    def to_json(self) -> dict[str, object]:
        return {"root": self.root, "name": self.name, "began": self.at, "what": self.what, "by": self.by,
                "steps": self.steps, "seconds": self.seconds, "idle": self.idle}  # fmt: skip


class RecordedFlows:
    """All flows in the journal of a target, from its oldest record on, updated as records arrive.

    `topology` returns what is deployed there, when an explanation needs it. Raises MissingCapabilityError for a target
    without a journal. With `show_secrets` flows contain the secrets that the engine cut out of them; raises EngineError for an
    engine that does not keep them.
    """

    def __init__(
        self, target: Target, topology: Callable[[], Topology] = Topology.empty, *, show_secrets: bool = False
    ) -> None:
        target.require("journal")
        self._target = target
        self._topology = topology
        self._history = History()
        self._mappings = EventSourceMappings(target)
        self._stream = JournalStream(
            str(target.endpoint_url),
            headers=target.harness_headers,
            shown=secrets.Shown(target) if show_secrets else None,
        )
        self._stream.listen(self._history.add)
        self._stream.listen(self._mappings.note)

    def open(self) -> None:
        """Read the existing records; new ones are read as they arrive. Raises JournalError."""
        self._stream.open(from_beginning=True)
        self._stream.catch_up(READING_SECONDS)

    def close(self) -> None:
        self._stream.close()

    @property
    def forgotten(self) -> int:
        """How many records, the oldest ones, are not kept any more."""
        return self._stream.first_sequence - 1

    def beginnings(self) -> list[Beginning]:
        """The beginnings of all flows until now, the newest first. Raises JournalError."""
        with self._recorded() as (flows, topology):
            return [self._beginning(root, roots, topology) for root, roots in flows]

    def flow(self, root: str) -> Flow:
        """The flow with this root."""
        return Flow(self._target, self._stream, self._history, root, self._topology, self._mappings)

    def find(self, name: str) -> Flow:
        """The flow with this name: its root, the beginning of the root or of its last part, or "last" for the newest that did
        something. Raises UnknownFlowError."""
        where = f"the journal of the engine at {self._target.address}"
        with self._recorded() as (flows, topology):
            if name == NEWEST:
                # Lazily: with thousands of flows, only one is wanted.
                newest = next((root for root, roots in flows if not self._beginning(root, roots, topology).idle), None)
                if newest is None:
                    raise UnknownFlowError(f"There is no flow yet in {where}. Call something that is deployed there.")
                return self.flow(newest)
            wanted = name.removeprefix("Root=").partition(";")[0].lower()
            matching = [
                one for one in flows if one[0].startswith(wanted) or one[0].rpartition("-")[2].startswith(wanted)
            ]
            if len(matching) == 1:
                return self.flow(matching[0][0])
            some = [self._beginning(root, roots, topology) for root, roots in matching[:10]]
        if some:
            told = "\n".join(f"  {beginning.root}  {beginning.what}" for beginning in some)
            more = f"\n  and {len(matching) - 10} more" if len(matching) > 10 else ""
            raise UnknownFlowError(f"{len(matching)} flows begin with {name!r} in {where}; name one of:\n{told}{more}")
        gone = f" Its oldest {self.forgotten} records are not kept any more." if self.forgotten else ""
        raise UnknownFlowError(f"There is no flow {name!r} in {where}.{gone} 'harness trace' lists those it has.")

    @contextmanager
    def _recorded(self) -> Iterator[tuple[list[tuple[str, list[Activity]]], Topology]]:
        """The root of each flow until now with its first activities, the newest first, and what is deployed. No record is added
        meanwhile."""
        self._stream.catch_up()
        topology = self._topology()
        with self._stream.held():
            found = [(root, self._history.roots_of(root)) for root in self._history.traces()]
            yield sorted((one for one in found if one[1]), key=lambda one: one[1][0].begin.at, reverse=True), topology

    def _beginning(self, root: str, roots: list[Activity], topology: Topology) -> Beginning:
        return beginning_of(root, self._history.closure(roots), topology)


def beginning_of(root: str, activities: Sequence[Activity], topology: Topology) -> Beginning:
    """What began a flow, from all its activities in the order in which they began."""
    lines = counted(ShownFlow(activities, names(topology)).steps)
    ends = (activity.ended.at for activity in activities if activity.ended is not None)
    at = activities[0].begin.at
    return Beginning(
        root=root,
        name=short_name(root),
        at=at,
        what=", ".join(dict.fromkeys(str(step) for step in lines)),
        by=_client(activities[0]),
        steps=sum(1 for line in lines for _ in line.walk()),
        seconds=max(ends, default=at) - at,
        idle=all(_is_idle(line) for line in lines),
    )


def short_name(root: str) -> str:
    """The short form of a trace's root: the first part of its random part."""
    return root.rpartition("-")[2][:NAME_CHARACTERS]


def ending_of(flow: Flow) -> tuple[Outcome, str]:
    """How a flow ended, and the remark in a list: where, why, or the status of the responses."""
    lost = [finding for finding in flow.explain() if finding.lost]
    pending = flow.pending()
    shown = flow.shown()
    outcome = shown.outcome(lost=bool(lost), waits=bool(pending))
    match outcome:
        case Outcome.LOST:
            return outcome, names(flow.topology)(lost[0].resource)
        case Outcome.PENDING:
            return outcome, str(pending[0]) if pending else ""
        case Outcome.FAILED if (failed := shown.failed) is not None:
            return outcome, failed.label.text if failed.label.noun else failed.said
    requests = [step.said for step in shown.steps if step.activity.kind is Kind.REQUEST]
    return outcome, ", ".join(dict.fromkeys(requests))


def _is_idle(step: Step) -> bool:
    begin = step.activities[0].begin
    if begin.kind is not Kind.CALL:
        return False
    if begin.service == "cloudformation" or (begin.service == "s3" and "-artifacts-" in begin.resource):
        return True
    if step.outcome is not Outcome.OK:
        return False
    if begin.name.startswith(_READS):
        return step.plain
    sets_up = begin.name.startswith(_SETS_UP) and begin.name not in _DATA and begin.service not in _OF_PEOPLE
    return sets_up and not any(a.kind is Kind.INVOCATION for each in step.walk() for a in each.activities)


_BROWSERS = ("Mozilla/", "Opera/")


def _client(activity: Activity) -> str:
    """The program that made a request or a call, by its user agent."""
    data = activity.begin.data
    headers = {str(name).lower(): str(value) for name, value in (data.get("headers") or {}).items()}
    agent = str((data.get("caller") or {}).get("agent") or headers.get("user-agent") or "")
    return "browser" if agent.startswith(_BROWSERS) else agent.partition(" ")[0].partition("/")[0]
