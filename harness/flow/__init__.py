"""Why things happened: the tree of everything that one stimulus caused, and when it has come to rest."""

from harness.flow.flow import EmptyFlowError, Flow, FlowTimeoutError
from harness.flow.flows import Flows
from harness.flow.history import Activity, History

__all__ = ["Activity", "EmptyFlowError", "Flow", "FlowTimeoutError", "Flows", "History"]
