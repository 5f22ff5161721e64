"""The state of AWS's Runtime API for one execution environment: which event is in flight, and what the runtime did.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html; refusals in the words of AWS's own server
(github.com/aws/aws-lambda-runtime-interface-emulator, `internal/lambda/rapi/rendering`).
"""

import json
import queue
import threading
from dataclasses import dataclass
from http import HTTPStatus

MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; AWS adds 100 bytes for its envelope."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event for the environment. `deadline_ms` is in milliseconds since the epoch."""

    request_id: str
    function_arn: str
    payload: bytes
    trace_header: str
    deadline_ms: int
    client_context: str | None = None


@dataclass(frozen=True, slots=True)
class RuntimeReady:
    """The runtime asked for its first event: initialisation is over."""


@dataclass(frozen=True, slots=True)
class InitError:
    """The runtime could not load the handler; `body` is the error as JSON."""

    body: bytes


@dataclass(frozen=True, slots=True)
class HandlerResult:
    """What the handler returned, or the error that it raised, as JSON."""

    request_id: str
    body: bytes
    is_error: bool
    ends_runtime: bool = False
    """The runtime learns that its answer is refused; AWS's clients end then."""


@dataclass(frozen=True, slots=True)
class Exited:
    """The environment's process ended; `status` is as `os.waitpid` gives it."""

    status: int


Happening = RuntimeReady | InitError | HandlerResult | Exited


class RefusedError(Exception):
    """The runtime asked for what it may not do now."""

    def __init__(self, status: HTTPStatus, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class RuntimeApi:
    """What the requests of a runtime do; `happenings` are the environment's events, in order.

    Requests may come on several connections at the same time. Only the event in flight can be answered, and once.
    """

    def __init__(self) -> None:
        self.happenings: queue.SimpleQueue[Happening] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._offered: Invocation | None = None
        self._in_flight: str | None = None
        self._asked = 0
        self._closed = False

    def offer(self, invocation: Invocation) -> None:
        """Give the environment its next event."""
        with self._changed:
            self._offered = invocation
            self._changed.notify_all()

    def close(self) -> None:
        """Drop the request for the next event that waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def next_event(self) -> Invocation | None:
        """Wait for the next event; None when there will be none for this request.

        A runtime whose request was cut asks again, and the event is for its last request.
        """
        with self._changed:
            if self._in_flight is not None:
                raise _not_now("asked for the next event before it answered the event that it has")
            self._asked += 1
            mine = self._asked
            if mine == 1:
                self.happenings.put(RuntimeReady())
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._closed or self._asked != mine or self._offered is not None)
            if self._closed or self._asked != mine or self._offered is None:
                return None
            event, self._offered = self._offered, None
            self._in_flight = event.request_id
            return event

    def fail_initialization(self, body: bytes) -> None:
        with self._changed:
            if self._asked:
                raise _not_now("reported an error of its initialisation after it had asked for an event")
            self.happenings.put(InitError(body))

    def answer(self, request_id: str, body: bytes, *, is_error: bool) -> None:
        """Take the answer to the event in flight; what is longer than AWS allows is an error of the function."""
        too_large = not is_error and len(body) > MAX_RESPONSE_BYTES
        with self._changed:
            if request_id != self._in_flight:
                raise RefusedError(HTTPStatus.BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
            self._in_flight = None
            answer = HandlerResult(request_id, body, is_error)
            self.happenings.put(
                HandlerResult(request_id, _too_large(), True, ends_runtime=True) if too_large else answer
            )
        if too_large:
            message = f"Exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestEntityTooLarge", message)


def _not_now(what: str) -> RefusedError:
    return RefusedError(HTTPStatus.FORBIDDEN, "InvalidStateTransition", f"The runtime {what}.")


def _too_large() -> bytes:
    message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
    return json.dumps({"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}).encode()
