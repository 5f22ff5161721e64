"""What an engine writes down of what happens in it.

An *activity* has a beginning and an end, each a record of its own: an AWS call, an invocation of a function, a request at a
front door. A *note* is a record of something that happens in one moment: a message that left the system, a rule that let an
event pass or not, a batch that was read. Every record but the first of a flow has a *cause*: the activity or note in which
it happened, which the engine knows because it carries it along its own threads and calls.

Where a cause cannot be carried along, because what happened waits in a queue, a stream or a store, records are joined by
*marks*: names of what one leaves (`leaves`) and another takes up (`takes`), such as a message's id in its queue.
"""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self


class Kind(StrEnum):
    """What a record is about, and what its `data` holds."""

    CALL = "call"
    """An AWS API call. Begin: `request`, `caller`. End: `response` or `error` (`code`, `message`), `status`."""
    INVOCATION = "invocation"
    """An event handled by a Lambda function. Begin: `event`, `request_id`, `environment`. End: `result` or
    `error`, `log`, `cold`. A retry is another invocation with the same `request_id`."""
    REQUEST = "request"
    """A request at a front door. Begin: `method`, `path`, `query`, `headers`, `body`. End: `status`, `headers`, `body`."""
    DELIVERY = "delivery"
    """A source hands an event to a target. Begin: `source`, `target`, `event`. End: `error` where it failed."""
    DECISION = "decision"
    """Whether an event goes on: `rule` (what decided), `passed`, `pattern`, `event`."""
    BATCH = "batch"
    """Records that an event source mapping read. Begin: `mapping`, `source`, `records`. End: `failed` (their ids)."""
    TRANSITION = "transition"
    """A step of a state machine's execution, as its history has it: `event`."""
    MESSAGE = "message"
    """A mail or text message that left the system."""
    DEAD_LETTER = "dead-letter"
    """An event that was given up and kept: `source`, `target`, `reason`; or lost, with no `target`."""
    WORK = "work"
    """Something that the engine does behind its answer, in another thread: while it goes on, more may come."""
    TIMER = "timer"
    """Something became due: a schedule, an alarm, a retry."""


class Phase(StrEnum):
    BEGIN = "begin"
    END = "end"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the journal.

    `sequence` orders the records of an engine from 1 on. `activity` is the same in an activity's begin and end, and what
    others name as their `cause`. `at` is in seconds since the epoch. `service` is boto3's name; `name` is the operation,
    the function, the rule; `resource` the ARN that it is about, or an address where there is none. `trace` is the root of
    the X-Ray trace header that came with it (`1-...`): everything that one client did under one header has the same.
    """

    sequence: int
    kind: Kind
    phase: Phase
    activity: int
    cause: int | None
    at: float
    service: str
    name: str
    resource: str = ""
    account_id: str = ""
    region: str = ""
    trace: str = ""
    takes: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As JSON; what is empty is left out."""
        return {name: value for name, value in asdict(self).items() if value not in ("", (), {}, None)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(
            **{
                "cause": None,
                **data,
                "kind": Kind(data["kind"]),
                "phase": Phase(data["phase"]),
                "takes": tuple(data.get("takes", ())),
                "leaves": tuple(data.get("leaves", ())),
            }
        )
