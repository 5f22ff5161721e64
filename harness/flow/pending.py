"""What keeps a flow from settling."""

from dataclasses import dataclass

from harness.flow.history import Activity


@dataclass(frozen=True, slots=True)
class Pending:
    """Something of a flow that has not ended: an activity in progress, or something that was left and waits."""

    activity: Activity
    what: str
    timer: Activity | None = None
    """If it waits only for a time: the record that announced it, which `POST /_harness/fire` makes due."""
    due: float | None = None
    """When it becomes due, in seconds since the epoch."""
    callback: str = ""
    """The state of an execution that waits here for a callback."""

    def __str__(self) -> str:
        return self.what
