"""Why things happened: the tree of everything that one stimulus caused, when it has come to rest, and where it was lost."""

from harness.flow.flow import Flow, FlowTimeoutError, flow_of
from harness.flow.history import Activity, History

__all__ = ["Activity", "Flow", "FlowTimeoutError", "History", "flow_of"]
