"""Local emulation and integration-test harness for a complete AWS serverless architecture.

What tests import is here; a name is loaded when it is first used. `harness.errors` has the errors. Everything else may
change between releases. The parts and who may import whom are in ARCHITECTURE.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.deploy import DeployedResource, DeployedStack, Deployment, Schedules
    from harness.engine import Callback, Message, Outbox, Target
    from harness.engine.websocket import WebSocket
    from harness.errors import HarnessError
    from harness.faults import Faults
    from harness.fixture_types import Fire, NewClient, NewFlow, NewWebSocket, Settled
    from harness.flow import Activity, Explanation, Finding, Flow, Pending
    from harness.journal.records import Kind
    from harness.project import Project
    from harness.topology import Topology

_WHERE = {
    "harness.deploy": ("DeployedResource", "DeployedStack", "Deployment", "Schedules"),
    "harness.engine": ("Callback", "Message", "Outbox", "Target"),
    "harness.engine.websocket": ("WebSocket",),
    "harness.errors": ("HarnessError",),
    "harness.faults": ("Faults",),
    "harness.fixture_types": ("Fire", "NewClient", "NewFlow", "NewWebSocket", "Settled"),
    "harness.flow": ("Activity", "Explanation", "Finding", "Flow", "Pending"),
    "harness.journal.records": ("Kind",),
    "harness.project": ("Project",),
    "harness.topology": ("Topology",),
}
_MODULES = {name: module for module, names in _WHERE.items() for name in names}

__all__ = [
    "Activity",
    "Callback",
    "DeployedResource",
    "DeployedStack",
    "Deployment",
    "Explanation",
    "Faults",
    "Finding",
    "Fire",
    "Flow",
    "HarnessError",
    "Kind",
    "Message",
    "NewClient",
    "NewFlow",
    "NewWebSocket",
    "Outbox",
    "Pending",
    "Project",
    "Schedules",
    "Settled",
    "Target",
    "Topology",
    "WebSocket",
]


def __getattr__(name: str) -> Any:
    # Importing boto3 and what else they need takes a second; the engine's image has none of it.
    if (module := _MODULES.get(name)) is None:
        raise AttributeError(f"module 'harness' has no attribute {name!r}; it has: {', '.join(__all__)}")
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
