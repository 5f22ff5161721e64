"""Why things happened: the tree of everything that one stimulus caused, when it has come to rest, and why events of it
were lost."""

from harness.flow.explanation import Explanation, Finding, Place
from harness.flow.flow import Flow
from harness.flow.flows import Flows
from harness.flow.history import Activity, History
from harness.flow.pending import Pending
from harness.flow.recorded import Beginning, RecordedFlows, outcome_of, short_name
from harness.flow.steps import Outcome, Step
from harness.flow.telling import tell
from harness.flow.tree import Line, Role, duration

__all__ = [
    "Activity",
    "Beginning",
    "Explanation",
    "Finding",
    "Flow",
    "Flows",
    "History",
    "Line",
    "Outcome",
    "Pending",
    "Place",
    "RecordedFlows",
    "Role",
    "Step",
    "duration",
    "outcome_of",
    "short_name",
    "tell",
]
