"""One thread for all execution environments: it reads what they write, notices their end, and accepts their connections to the
Runtime API."""

import contextlib
import logging
import selectors
import socket
import threading
from collections.abc import Callable

LOG = logging.getLogger(__name__)

Ready = Callable[[], bool]
"""Called when there is something to read; returns whether there will be more."""


class DescriptorWatch:
    """Calls back when a file descriptor can be read. The thread ends when there is none to watch."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._selector: selectors.BaseSelector | None = None
        self._wake: socket.socket | None = None

    def add(self, descriptors: dict[int, Ready]) -> None:
        with self._lock:
            if self._selector is None:
                self._begin()
            assert self._selector is not None
            assert self._wake is not None
            for descriptor, ready in descriptors.items():
                self._selector.register(descriptor, selectors.EVENT_READ, ready)
            # A selector need not see what is registered while it waits.
            with contextlib.suppress(BlockingIOError):
                self._wake.send(b"\0")

    def remove(self, *descriptors: int) -> None:
        """Before they are closed: the system gives the number of a closed one to the next that is opened."""
        with self._lock:
            for descriptor in descriptors:
                if self._selector is not None and descriptor in self._selector.get_map():
                    self._selector.unregister(descriptor)

    def _begin(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake, woken = socket.socketpair()
        self._wake.setblocking(False)
        self._selector.register(woken, selectors.EVENT_READ, None)
        threading.Thread(target=self._watch, args=(self._selector, woken), name="lambda-watch", daemon=True).start()

    def _watch(self, selector: selectors.BaseSelector, woken: socket.socket) -> None:
        while True:
            for key, _events in selector.select():
                if key.data is None:
                    woken.recv(4096)
                    continue
                try:
                    more = key.data()
                except Exception:
                    LOG.exception("an execution environment can no longer be watched")
                    more = False
                if not more:
                    with self._lock:
                        # Its number may be another's by now.
                        if selector.get_map().get(key.fd) == key:
                            selector.unregister(key.fd)
            with self._lock:
                # The one that is left wakes this thread.
                if len(selector.get_map()) > 1:
                    continue
                assert self._wake is not None
                self._wake.close()
                woken.close()
                selector.close()
                self._selector = self._wake = None
                return


WATCH = DescriptorWatch()
"""That of this process."""
