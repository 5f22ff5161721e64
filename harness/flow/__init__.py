"""Why things happened: the tree of everything that one stimulus caused, once it has settled, and why events in it were lost."""

from harness.flow.explanation import Explanation, Finding, Place
from harness.flow.flow import Flow
from harness.flow.flows import Flows
from harness.flow.history import Activity, History
from harness.flow.outcome import Outcome
from harness.flow.pending import Pending
from harness.flow.recorded import Beginning, RecordedFlows, ending_of, short_name
from harness.flow.steps import ShownActivity, ShownFlow, Step

__all__ = [
    "Activity",
    "Beginning",
    "Explanation",
    "Finding",
    "Flow",
    "Flows",
    "History",
    "Outcome",
    "Pending",
    "Place",
    "RecordedFlows",
    "ShownActivity",
    "ShownFlow",
    "Step",
    "ending_of",
    "short_name",
]
