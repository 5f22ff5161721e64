"""What keeps a flow from rest."""

from dataclasses import dataclass

from harness.flow.history import Activity


@dataclass(frozen=True, slots=True)
class Pending:
    """Something of a flow that has not come to its end: an activity that goes on, or what was left and waits."""

    activity: Activity
    what: str

    def __str__(self) -> str:
        return self.what
