"""What an engine records of what happens in it.

An *activity* has a begin and an end, each a separate record: an AWS call, an invocation of a function, a request at an entry
point. A *note* is a record of one moment: a message that left the system, a rule that let an event pass or not, a batch that was
read. Every record but the first of a flow has a *cause*: the activity or note in which it happened. The engine knows it, because
it carries it along its threads and calls.

Where something waits in a queue, a stream or a store, no thread carries a cause. There *marks* join the records: names that one
record leaves (`leaves`) and another takes (`takes`), such as a message's id in its queue.
"""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self


class Kind(StrEnum):
    """What a record is about, and the members of its `data`."""

    CALL = "call"
    """An AWS API call. Begin: `request`, `caller`. End: `response` or `error` (`code`, `message`; `fault`, the id of the fault
    that made it), `status`, and `access`: IAM's decisions, each with `action`, `resource`, `allowed`, and `by`, the statement
    that decided (`kind`: identity, resource, boundary or session; `policy`: its name or ARN; `statement`: its Sid, or its
    position from 0 on as `Statement[0]`). Of more than twenty decisions the first twenty are recorded. What the call takes is
    recorded at its end if only the response names it (ReceiveMessage), or if the call has to succeed (DeleteMessage)."""
    INVOCATION = "invocation"
    """An event that a Lambda function handles. Begin: `event`, `request_id`, `environment`. End: `result` or `error`, `log`,
    `cold`. A retry is another invocation with the same `request_id`."""
    REQUEST = "request"
    """A request at an entry point: an API, a load balancer, a function URL, a website. Begin: `method`, `path`, `query`,
    `headers`, `body`. End: `status`, `headers`, `body`; of a load balancer also `error` (`code`, `message`) if it answers in
    place of its target, and `remark` (the same members), a doubt about the target's response.

    Of a WebSocket API (service `apigatewayv2`, name `CONNECT`) it is the handshake, with `connection` (the id of the connection)
    and `stage`. Its `status` 101 says that the connection is open; any other says that it was refused."""
    FRAME = "frame"
    """A message on a WebSocket connection. Its `resource` is the `execute-api` ARN of the API and stage.

    From the client it is an activity, which ends when its route was served; its name is the value of the route selection
    expression. Begin: `direction` (`in`), `connection`, `number` (its number on the connection, from 1 on), `body`, `route` (the
    key of the route that takes it; null without one). End: `response` (of the integration) or `error` (`code`, `message`, as the
    client gets them). It has no cause and the trace of the handshake. It takes `frame:<trace of the handshake>:<number>`, so a
    client that counts its messages can find them.

    To the client it is a note: `direction` (`out`), `connection`, `body`. Its cause is the PostToConnection that sent it, or the
    frame that it answers; its name says which (`PostToConnection`, `RouteResponse`, `Error`)."""
    CONNECTION = "connection"
    """The end of a WebSocket connection: an activity, which ends when `$disconnect` was served. Begin: `connection`, `code`,
    `reason`, and `by`: `client`, `DeleteConnection`, `idle`, `lifetime`, `limit` (a frame or message that is too large, or
    binary), `deleted` (its API or stage was). End: `error` as of a frame. Its cause is the DeleteConnection, if any. It has the
    trace of the handshake, and takes `connection:<trace of the handshake>` and `closed:<connection>`."""
    DELIVERY = "delivery"
    """A source gives an event to a target; the calls that it makes for that are caused by the delivery. Begin: `source`,
    `target`, `event`. End: `error` (`code`, `message`) if it failed. Of a rule's target also `attempt` and its `Input...`
    settings; of a subscription `message_ids` and `raw`; of a replayed event, at the end, its new `event_id`. As a note: what a
    service moves and keeps inside (into an archive, by a move task)."""
    DECISION = "decision"
    """Whether an event passes. `rule` is what decided (the ARN of a rule, queue or subscription, the id of a mapping,
    notification or authorizer); `passed`, `event`, and `pattern` if it has one. If the event does not pass, `reason`:

    - events: `Pattern`, `Disabled` (with `schedule` if that is fired; of `scheduler`, too), `NoTargets`; of the bus itself
      (without `rule`): `NoRules`, `NoSuchEventBus`, or the code of PutEvents (`error` has its message)
    - sns: `FilterPolicy` (with `scope`, `attributes`), `PendingConfirmation`
    - sqs: `Duplicate` (`first`: the id of the message that it repeats)
    - s3: `EventType`, `KeyFilter`
    - lambda: of a mapping `Pattern`, `NotJson` (takes the mark of the one record that it is about), `SourceFailed`
      (`error`: why its `source` cannot be read; recorded once); of a function's resource policy `NoPermission` (`principal`,
      `source`)
    - elbv2: none; which rule of a listener took a request (`rule`: its ARN or `default`), its `action`, and `refused`, the
      rules before it, each with the `field` of the condition that is not met, the value that it `wanted` and the value `found`
    - apigateway, apigatewayv2: the name of the gateway's error (`type`: the kind of authorizer); who passed is the `principal`
    - iam: `ExplicitDeny` (`by`: the statement, as of a call) or `ImplicitDeny` (`missing`: the kind of policy in which no
      statement allows it; `near`: statements that nearly allow it, each `policy` and `statement` with its `conditions` that are
      not met (`key`, `operator`, `expected`, `found`: null if the request does not have the key), or the `resources` or
      `principals` that it is about instead). The record's name is the action and its resource the one that was requested;
      `principal` is the caller, `role` the role whose policies counted (none for a service), `operation` the call
      (`dynamodb.PutItem`). If `enforced` is false, the call was reported and not refused (mode `report`), so it `passed`."""
    BATCH = "batch"
    """One attempt of a function to handle what an event source mapping read. Begin: `mapping`, `source`, `target`,
    `records` (`id`; of messages `receive_count` and `group`; of a table's stream `event` and `keys`); of a queue also
    `visibility_timeout_seconds`, of a stream also `shard`, `attempt`. End: `failed`, `filtered` (ids), `error`; of a queue
    `deleted` and `visible_at` (when failed messages become visible again, by id); of a stream `committed` and `retries` (whether
    failed records are tried again)."""
    TRANSITION = "transition"
    """The execution of a state machine. Begin: `state_machine`, `execution`, `input`. End: `status`, and `output`, or `error`
    and `cause`. As a note: one `event` of its history (`id`, `previous`, `type`, `details`), named after its type, about a
    state (`resource`). `TaskToken` leaves a token, and `TaskTokenReturned` takes the result of its callback."""
    MESSAGE = "message"
    """A mail or text message that left the system: what the outbox has, without its code."""
    DEAD_LETTER = "dead-letter"
    """An event that was given up: `source` (what did not take it), `target` (what keeps it; without a target the event is lost),
    `reason` (`MaxReceiveCountExceeded`, `RetriesExhausted`, `EventAgeExceeded`, `RecordAgeExceeded`,
    `ZeroReservedConcurrency`, `DeliveryFailed`, the code of an error; `TargetRefused` and `DeadLetterQueueRefused` if the target
    did not take it either), `event` or `records`, `error`."""
    WORK = "work"
    """Something that the engine does after its response, in another thread: while it is in progress, more can follow.
    `within` is the work that waits for it, if any. As a note of the service `harness`: `reset`, the engine was emptied (`scope`,
    `account_id`)."""
    TIMER = "timer"
    """What becomes due, and what is waited for. `what`: `schedule` (a run of it: `schedule`, `event`), `alarm` (`before`,
    `after`), `fire` (an activity: a test fired something, `name`). With `when`, in seconds since the epoch, it is something that
    `POST /_harness/fire` can make due with the kind `timer` and the number of the activity:

    - as an activity until then: `Wait`, `task timeout` (a callback is awaited: `heartbeat_seconds`), `retry` of a state (those
      are about a state, `resource`), of a rule's target or of a shard's records (`attempt`). `within` is the work that waits
      for it
    - as a note, with the mark of what is kept until then: `retry` of an asynchronous event (`attempt`), `delayed message`,
      `visibility timeout` (of a message that a mapping's function failed on), `batching window`"""


class Phase(StrEnum):
    BEGIN = "begin"
    END = "end"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the journal. Empty members are not in the JSON.

    `sequence` orders the records of an engine from 1 on. `activity` is the same number in an activity's begin and end; other
    records name it as their `cause`. `at` is in seconds since the epoch. `service` is boto3's name; `name` is the operation,
    the function, the rule; `resource` is the ARN that the record is about, or an address. `trace` is the root of the X-Ray
    trace header of the request (`1-...`): everything that a client did under one header has the same.
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
        """As JSON, without empty members."""
        return {name: value for name, value in asdict(self).items() if value not in ("", (), {}, None)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(
            **{
                "cause": None,
                # A message whose action is "".
                "name": "",
                **data,
                "kind": Kind(data["kind"]),
                "phase": Phase(data["phase"]),
                "takes": tuple(data.get("takes", ())),
                "leaves": tuple(data.get("leaves", ())),
            }
        )
