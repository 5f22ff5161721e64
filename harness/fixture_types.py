"""The types of the pytest fixtures that are functions, for annotations in tests: `def test_it(flow: NewFlow, aws: NewClient)`.

The other fixtures are objects of classes: `engine` is a `Target`, `deployment` a `Deployment`, `outbox` an `Outbox`, `faults`
a `Faults`, `schedules` a `Schedules`, `project` a `Project`, `callback` a `Callback`, `http` an `httpx.Client`.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from harness.engine.websocket import WebSocket
    from harness.flow import Flow
    from harness.topology import Topology


class NewClient(Protocol):
    """The fixture `aws`: `aws("sqs")` is a boto3 client of the engine, the same object each time."""

    def __call__(self, service: str, /) -> Any: ...


class NewFlow(Protocol):
    """The fixture `flow`: `with flow() as f: ...` records what the block causes.

    `topology` is for other stacks than those of `deployment`; it is called when `f.explain()` needs it.
    """

    def __call__(self, topology: "Callable[[], Topology] | None" = None) -> "AbstractContextManager[Flow]": ...


class NewWebSocket(Protocol):
    """The fixture `websocket`: connects to a WebSocket API, `ws://...`.

    `settings` are those of `websockets.sync.client.connect`.
    """

    def __call__(self, url: str, **settings: Any) -> "WebSocket": ...


class Settled(Protocol):
    """The fixture `settled`: `with settled(): ...` ends when everything that the block caused has settled."""

    def __call__(self) -> AbstractContextManager[None]: ...


class Fire(Protocol):
    """The fixture `fire`: `fire("cognito-code-expiry", ...)` makes one thing due now that real time would make due later."""

    def __call__(self, kind: str, **arguments: Any) -> dict[str, Any]: ...
