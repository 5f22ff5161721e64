"""Why things happened: the tree of everything that one stimulus caused, when it has come to rest, and why events of it
were lost."""

from harness.flow.explanation import Explanation, Finding, Place
from harness.flow.flow import EmptyFlowError, Flow, FlowTimeoutError, NotWaitingError
from harness.flow.flows import Flows
from harness.flow.history import Activity, History
from harness.flow.pending import Pending

__all__ = [
    "Activity",
    "EmptyFlowError",
    "Explanation",
    "Finding",
    "Flow",
    "FlowTimeoutError",
    "Flows",
    "History",
    "NotWaitingError",
    "Pending",
    "Place",
]
