"""The edges of the topology: how an event gets from one resource to another, and on which condition.

Each kind of edge has its own condition, a frozen dataclass with what AWS decides by. Durations are in seconds.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.topology.document import Location
from harness.topology.nodes import NodeId
from harness.topology.patterns import EventPattern, EventSourceFilters, FilterPolicy, ObjectFilter

EdgeKind = Literal[
    "alarm_action",
    "archive",
    "authorizer",
    "bus_rule",
    "calls",
    "custom_resource",
    "dead_letter",
    "destination",
    "event_source_mapping",
    "log_subscription",
    "logs",
    "metric",
    "notification",
    "permission",
    "redrive",
    "repository_trigger",
    "route",
    "rule_target",
    "schedule",
    "subscription",
    "task",
    "user_pool_trigger",
    "viewer",
]


@dataclass(frozen=True)
class RuleCondition:
    """Bus to rule. A rule without a pattern runs on its schedule."""

    pattern: EventPattern | None = None
    schedule: str | None = None
    enabled: bool = True


@dataclass(frozen=True)
class TargetSettings:
    """Rule or schedule to target: its input and its retries."""

    target_id: str = ""
    input: Any = None
    """A constant, in JSON text."""
    input_path: str | None = None
    input_transformer: Any = None
    """{"InputPathsMap": ..., "InputTemplate": ...}"""
    maximum_retry_attempts: int = 185
    maximum_event_age_seconds: int = 86400
    schedule: str | None = None
    enabled: bool = True


@dataclass(frozen=True)
class SubscriptionCondition:
    """Topic to subscriber."""

    protocol: str
    filter_policy: FilterPolicy | None = None
    raw_message_delivery: bool = False


@dataclass(frozen=True)
class RedriveCondition:
    """Queue to the queue that gets a message after this many receives without a deletion."""

    max_receive_count: int


@dataclass(frozen=True)
class MappingCondition:
    """Queue, stream or table to function."""

    filters: EventSourceFilters | None = None
    enabled: bool = True
    batch_size: int | None = None
    maximum_batching_window_seconds: int = 0
    report_batch_item_failures: bool = False
    maximum_retry_attempts: int = -1
    """-1: until the record expires."""
    maximum_record_age_seconds: int = -1
    bisect_batch_on_error: bool = False
    parallelization_factor: int = 1
    starting_position: str | None = None
    maximum_concurrency: int | None = None


@dataclass(frozen=True)
class AsynchronousCondition:
    """Function to the target of its asynchronous events (dead_letter, destination)."""

    on: Literal["failure", "success"]
    maximum_retry_attempts: int = 2
    maximum_event_age_seconds: int = 21600


@dataclass(frozen=True)
class RouteCondition:
    """API or load balancer to function."""

    method: str
    """In capitals, "ANY" for all; "" on WebSocket APIs."""
    path: str
    """"/users/{id}", or the route key of a WebSocket or HTTP API ("$connect", "$default")."""
    authorizer: str | None = None
    """The name of the authorizer, "AWS_IAM", or None if no authorization is required."""
    also: tuple[str, ...] = ()
    """The other conditions of a load balancer's rule, in words: "host shop.example.com", "header x-beta: 1"."""


@dataclass(frozen=True)
class NamedCondition:
    """A condition with only a name: a Cognito trigger, an authorizer, a CodeCommit trigger, an edge event."""

    name: str


@dataclass(frozen=True)
class TaskCondition:
    """State machine to what a task calls."""

    state: str
    resource: str
    """As in the definition: "arn:aws:states:::lambda:invoke.waitForTaskToken"."""
    wait_for_task_token: bool = False
    heartbeat_seconds: int | None = None
    retried: tuple[str, ...] = ()
    caught: tuple[str, ...] = ()
    """The errors that it retries and catches."""


@dataclass(frozen=True)
class LogCondition:
    filter_pattern: str


@dataclass(frozen=True)
class MetricCondition:
    """Resource to the alarm that watches one of its metrics."""

    metric: str
    statistic: str
    comparison: str
    threshold: float | None
    period_seconds: int | None


@dataclass(frozen=True)
class AlarmCondition:
    """Alarm to the target of its actions."""

    state: Literal["ALARM", "OK", "INSUFFICIENT_DATA"]


@dataclass(frozen=True)
class ArchiveCondition:
    pattern: EventPattern | None = None
    retention_days: int = 0


@dataclass(frozen=True)
class PermissionCondition:
    """Who may invoke a function by its resource policy. The edge begins at the source if one is named, else at the service."""

    principal: str
    action: str


@dataclass(frozen=True)
class CallCondition:
    """Function to what its environment or its role names: it may call that, but nothing shows that it does."""

    environment: tuple[str, ...] = ()
    """The variables that name it."""
    actions: tuple[str, ...] = ()
    """The IAM actions that its role allows on it; the name of the policy template if SAM generates them."""


Condition = (
    RuleCondition
    | TargetSettings
    | SubscriptionCondition
    | RedriveCondition
    | MappingCondition
    | AsynchronousCondition
    | RouteCondition
    | NamedCondition
    | TaskCondition
    | LogCondition
    | MetricCondition
    | AlarmCondition
    | ArchiveCondition
    | PermissionCondition
    | CallCondition
    | ObjectFilter
)


@dataclass(frozen=True, slots=True)
class Edge:
    """One path that an event can take."""

    kind: EdgeKind
    source: NodeId
    target: NodeId
    condition: Condition | None
    via: NodeId
    """The resource that creates the edge: the mapping, the subscription, the rule. Its logical id is the deployed one,
    also if SAM generates it."""
    file: Path
    line: int
    """Where the edge is declared."""
    failures: tuple[NodeId, ...] = ()
    """The targets of events that cannot be delivered or handled."""
    inferred: bool = False
    """Inferred from names: nothing in the template states that events take this path."""
    problem: str = ""
    """Why the condition has no pattern although the template has one: AWS would refuse it (its message), or a part of it is
    known only to a deployment."""
    pattern_location: Location = field(default=(), repr=False)
    """The location of the condition's pattern in the template; a Refusal's location continues it."""

    @property
    def asynchronous(self) -> bool:
        """Whether the caller does not wait for the response, so that a failure needs a target."""
        return self.kind in _ASYNCHRONOUS


_ASYNCHRONOUS = frozenset({"rule_target", "subscription", "notification", "event_source_mapping", "schedule",
                           "log_subscription", "repository_trigger"})  # fmt: skip
