"""Values that the emulator keeps on objects of LocalStack and moto: the context of a call, a poller, a shard, a rule.

It ends with the object, and a reset takes it along. Each has its name, its type and the kind of object that holds it here, and is
read and written by these alone: `MAPPING[poller] = configuration`, `MAPPING.get(poller)`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from harness.emulator.cognito.identity_pools import IdentityPoolState
    from harness.emulator.cognito.user_pool import UserPoolState
    from harness.emulator.event_sources.batching_windows import Window
    from harness.emulator.event_sources.queue_reader import QueueReader
    from harness.emulator.event_sources.stream_reader import StreamReader
    from harness.emulator.journal.activity import Gathered
    from harness.emulator.journal.causes import Cause
    from harness.emulator.load_balancing.answer import Problem

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AttachedValue(Generic[T]):
    """A value that objects of one kind may hold. The objects are foreign, so any is taken."""

    name: str

    def __getitem__(self, holder: Any) -> T:
        """Raises AttributeError where it holds none."""
        value: T = getattr(holder, self.name)
        return value

    def __setitem__(self, holder: Any, value: T) -> None:
        # Not by the object itself, which may be frozen or look at what is set.
        object.__setattr__(holder, self.name, value)

    def get(self, holder: Any) -> T | None:
        value: T | None = getattr(holder, self.name, None)
        return value

    def setdefault(self, holder: Any, value: T) -> T:
        kept: T = vars(holder).setdefault(self.name, value)
        return kept


# ---- contexts of requests
ACTIVITY: "AttachedValue[Cause]" = AttachedValue("harness_activity")
"""The call as it is recorded."""
GATHERED: "AttachedValue[Gathered]" = AttachedValue("harness_gathered")
"""What the call has left and taken until now."""
FRONT_DOOR_REQUEST: "AttachedValue[tuple[str, Cause]]" = AttachedValue("harness_request")
"""The service whose entry point received the request, and the request as it is recorded."""
ACCESS: AttachedValue[list[dict[str, Any]]] = AttachedValue("harness_access")
"""What IAM decided of the call."""
FAULT: AttachedValue[str] = AttachedValue("harness_fault")
"""The id of the fault that made the call fail."""
PROBLEM: "AttachedValue[Problem | None]" = AttachedValue("harness_problem")
"""Why a load balancer answered for its target."""
COMPLETED: AttachedValue[bool] = AttachedValue("harness_completed")
"""Whether parameters of the call were completed, so that they are not those on the wire."""
SEQUENCER: AttachedValue[str] = AttachedValue("harness_sequencer")
"""Of the event of a bucket, one for all who are notified of it."""

# ---- event source mappings and queues
MAPPING: AttachedValue[dict[str, Any]] = AttachedValue("harness_mapping")
"""Of a poller: the configuration of its mapping."""
READER: "AttachedValue[QueueReader | StreamReader]" = AttachedValue("harness_reader")
"""Of a worker: what reads its source."""
WINDOW: "AttachedValue[Window | None]" = AttachedValue("harness_window")
"""Of the visible messages of a queue: the batching window that is open."""
GIVEN_UP: "AttachedValue[Cause]" = AttachedValue("harness_given_up")
"""Of an asynchronous event: the record that it was given up."""

# ---- state machines
CAUSE: "AttachedValue[Cause]" = AttachedValue("harness_cause")
"""Of an environment: what called back and let it continue."""
CLOSED: AttachedValue[bool] = AttachedValue("harness_closed")
"""Of the endpoint of a task token: that it is used up; of the pool of an execution: that this has ended."""

# ---- resources
FIRST_SEEN: AttachedValue[datetime] = AttachedValue("harness_first_seen")
"""Of a rule with a schedule: when the clock saw it first."""
FIRST_NUMBER: AttachedValue[int] = AttachedValue("harness_first")
LAST_NUMBER: AttachedValue[int | None] = AttachedValue("harness_last")
"""Of a shard: the sequence numbers at which it begins and ends; None while it is open."""
UNPACKED_BYTES: AttachedValue[int] = AttachedValue("harness_unzipped_bytes")
"""Of a function's or layer's code."""
USER_POOL: "AttachedValue[UserPoolState]" = AttachedValue("_harness_state")
IDENTITY_POOL: "AttachedValue[IdentityPoolState]" = AttachedValue("_harness_state")
"""Of moto's pools: what moto does not keep."""
