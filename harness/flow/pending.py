"""What keeps a flow from rest."""

from dataclasses import dataclass

from harness.flow.history import Activity


@dataclass(frozen=True, slots=True)
class Pending:
    """Something of a flow that has not ended: an activity in progress, or something that was left and waits."""

    activity: Activity
    what: str
    timer: Activity | None = None
    """Where only time is waited for: the record that announced it, which `POST /_harness/fire` makes due."""
    due: float | None = None
    """When that is, in seconds since the epoch."""
    callback: str = ""
    """The state of an execution that waits here to be called back."""

    def __str__(self) -> str:
        return self.what
