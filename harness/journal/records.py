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
    """An AWS API call. Begin: `request`, `caller`. End: `response` or `error` (`code`, `message`; with `fault`, its id,
    where a fault in force made it), `status`, and `access`:
    what IAM decided of it, each with `action`, `resource`, `allowed`, and `by`, the statement that did (`kind`: identity,
    resource, boundary or session; `policy`: its name or ARN; `statement`: its Sid, or its place from 0 on as
    `Statement[0]`); the first twenty where a call asks for more. What it takes up is known at its end where only its
    answer tells (ReceiveMessage), or what it does (DeleteMessage)."""
    INVOCATION = "invocation"
    """An event handled by a Lambda function. Begin: `event`, `request_id`, `environment`. End: `result` or
    `error`, `log`, `cold`. A retry is another invocation with the same `request_id`."""
    REQUEST = "request"
    """A request at a front door. Begin: `method`, `path`, `query`, `headers`, `body`. End: `status`, `headers`, `body`; of a
    load balancer also `error` (`code`, `message`) where it answers for its target, and `remark`, likewise, for a doubt about
    what the target answered.

    Of a WebSocket API (service `apigatewayv2`, name `CONNECT`) it is the handshake, with `connection` (the id that it will
    have) and `stage`; 101 as its `status` says that the connection is open, any other that it was refused."""
    FRAME = "frame"
    """A message on a WebSocket connection; about the `execute-api` ARN of its API and stage.

    From the client it is an activity that goes on until its route has been served, named after what the route selection
    expression has for it. Begin: `direction` (`in`), `connection`, `number` (the how many-th of its connection, from 1 on),
    `body`, `route` (the key of the route that takes it; null where none does). End: `response` (what the integration
    answered) or `error` (`code`, `message`: what the client is told). It is caused by nothing that is recorded, has the trace
    of the handshake, and takes up `frame:<trace of the handshake>:<number>`, by which a client that keeps count can say which
    of its own it is.

    To the client it is a note: `direction` (`out`), `connection`, `body`; caused by the PostToConnection that sent it, or by the
    frame that it answers. It is named after that (`PostToConnection`, `RouteResponse`, `Error`)."""
    CONNECTION = "connection"
    """The end of a WebSocket connection: an activity that goes on until `$disconnect` has been served. Begin: `connection`,
    `code`, `reason`, `by`: `client`, `DeleteConnection`, `idle`, `lifetime`, `limit` (a frame or message too large, or binary),
    `deleted` (its API or stage was). End: `error` as of a frame. Caused by the DeleteConnection, or by nothing; it has
    the trace of the handshake, and takes up `connection:<trace of the handshake>` and `closed:<connection>`."""
    DELIVERY = "delivery"
    """A source hands an event to a target; what it calls to do so is caused by it. Begin: `source`, `target`, `event`.
    End: `error` (`code`, `message`) where it failed. Of a rule's target also `attempt` and its `Input...` settings; of a
    subscription `message_ids` and `raw`; of a replayed event, at the end, its new `event_id`. As a note: what is moved and
    kept inside of a service (to an archive, by a move task)."""
    DECISION = "decision"
    """Whether an event goes on: `rule` (what decided: the ARN of a rule, queue or subscription, the id of a mapping,
    notification or authorizer), `passed`, `event`, and `pattern` where it has one. Where it does not go on, `reason`:

    - events: `Pattern`, `Disabled` (with `schedule` where that is fired; of `scheduler`, too), `NoTargets`; of the bus itself
      (no `rule`): `NoRules`, `NoSuchEventBus`, or the code of PutEvents (`error` has its message)
    - sns: `FilterPolicy` (with `scope`, `attributes`), `PendingConfirmation`
    - sqs: `Duplicate` (`first`: the id of the message that it repeats)
    - s3: `EventType`, `KeyFilter`
    - lambda: of a mapping `Pattern`, `NotJson` (it takes the mark of the one record that it speaks of), `SourceFailed`
      (`error`: why its `source` cannot be read; told once); of a function's resource policy `NoPermission` (`principal`,
      `source`)
    - elbv2: none; which rule of a listener took a request (`rule`: its ARN or `default`), its `action`, and `refused`, the
      rules before it, each with the `field` of its condition that is not met, what that `wanted` and what was `found`
    - apigateway, apigatewayv2: the name of the gateway's error (`type`: the kind of authorizer); who passed is the `principal`
    - iam: `ExplicitDeny` (`by`: the statement, as of a call) or `ImplicitDeny` (`missing`: the kind of policy of which none
      allows it; `near`: statements that nearly do, each `policy` and `statement` with its `conditions` that are not met
      (`key`, `operator`, `expected`, `found`: null where the request has not the key), or the `resources` or `principals`
      that it is about instead). The record is named after the action and about the resource that it was asked on;
      `principal` is who asked, `role` whose policies counted (none for a service), `operation` the call
      (`dynamodb.PutItem`). Where `enforced` is false it was told and not refused (mode `report`), so it `passed`."""
    BATCH = "batch"
    """One attempt to have a function handle what an event source mapping read. Begin: `mapping`, `source`, `target`,
    `records` (`id`; of messages `receive_count` and `group`; of a table's stream `event` and `keys`); of a queue also
    `visibility_timeout_seconds`, of a stream also
    `shard`, `attempt`. End: `failed`, `filtered` (ids), `error`; of a queue `deleted` and `visible_at` (when what failed is
    shown again, by id); of a stream `committed` and `retries` (whether what failed is tried again)."""
    TRANSITION = "transition"
    """The execution of a state machine. Begin: `state_machine`, `execution`, `input`. End: `status`, and `output` or `error`
    and `cause`. As a note: one `event` of its history (`id`, `previous`, `type`, `details`), named after its type, about a
    state (`resource`); `TaskToken` leaves a token and `TaskTokenReturned` takes up the outcome of its callback."""
    MESSAGE = "message"
    """A mail or text message that left the system: what the outbox has, without its code."""
    DEAD_LETTER = "dead-letter"
    """An event that was given up: `source` (what did not take it), `target` (where it is kept; without one it is lost),
    `reason` (`MaxReceiveCountExceeded`, `RetriesExhausted`, `EventAgeExceeded`, `RecordAgeExceeded`,
    `ZeroReservedConcurrency`, `DeliveryFailed`, an error's code; `TargetRefused` and `DeadLetterQueueRefused` where the
    target did not take it either), `event` or `records`, `error`."""
    WORK = "work"
    """Something that the engine does behind its answer, in another thread: while it goes on, more may come. `within` is
    the work that waits for it, where there is one. As a note of the service `harness`: `reset`, the engine was emptied
    (`scope`, `account_id`)."""
    TIMER = "timer"
    """What becomes due, and what is waited for. `what`: `schedule` (a run of it: `schedule`, `event`), `alarm` (`before`,
    `after`), `fire` (an activity: a test made something due, `name`); and with `when`, in seconds since the epoch, what
    `POST /_harness/fire` with the kind `timer` and the number of its activity makes due:

    - as an activity that goes on until then: `Wait`, `task timeout` (a callback is awaited: `heartbeat_seconds`),
      `retry` of a state (those are about a state, `resource`), of a rule's target or of a shard's records (`attempt`).
      `within` is the work that it holds up
    - as a note, with the mark of what is kept until then: `retry` of an asynchronous event (`attempt`),
      `delayed message`, `visibility timeout` (of a message that a mapping's function failed on), `batching window`"""


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
                # Of a message whose action is "".
                "name": "",
                **data,
                "kind": Kind(data["kind"]),
                "phase": Phase(data["phase"]),
                "takes": tuple(data.get("takes", ())),
                "leaves": tuple(data.get("leaves", ())),
            }
        )
