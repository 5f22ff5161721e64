"""The flows of a test run: one reader of the journal for all of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.engine import Target, secrets
from harness.engine.tracing import new_root, tracing
from harness.flow.event_source_mappings import EventSourceMappings
from harness.flow.flow import Flow
from harness.flow.history import History
from harness.journal.records import Record
from harness.journal.stream import JournalStream
from harness.topology import Topology


class Flows:
    """Watches a target, and keeps its records as long as a flow is in use.

    `topology` returns what is deployed there, when an explanation needs it. Raises MissingCapabilityError for a target
    without a journal. With `show_secrets` flows contain the secrets that the engine cut out of them; raises EngineError for
    an engine that does not keep them.
    """

    def __init__(
        self, target: Target, topology: Callable[[], Topology] = Topology.empty, *, show_secrets: bool = False
    ) -> None:
        target.require("journal")
        self._target = target
        self._topology = topology
        self._history = History()
        self._mappings = EventSourceMappings(target)
        self._held: list[Flow] = []
        self._stream = JournalStream(
            str(target.endpoint_url),
            headers=target.harness_headers,
            shown=secrets.Shown(target) if show_secrets else None,
        )
        self._stream.listen(self._take)

    def open(self) -> None:
        """Begin to watch. Raises JournalError."""
        self._stream.open()

    def close(self) -> None:
        self._stream.close()

    @contextmanager
    def flow(self, topology: Callable[[], Topology] | None = None) -> Iterator[Flow]:
        """The flow of what this thread does in the block. `settle` may be called in the block or after it, until `release`.

        `topology` replaces that of the target's deployment, for a flow about other stacks.
        """
        begun = Flow(self._target, self._stream, self._history, new_root(), topology or self._topology, self._mappings)
        with self._stream.held():
            self._held.append(begun)
        with tracing(begun.root, begun.claim):
            yield begun

    def release(self, flow: Flow) -> None:
        """End the use of this flow. With the last flow the records are forgotten."""
        with self._stream.held():
            self._held.remove(flow)
            if not self._held:
                self._history.clear()

    def _take(self, record: Record) -> None:
        self._mappings.note(record)
        if self._held:
            self._history.add(record)
