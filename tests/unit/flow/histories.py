"""A Hypothesis strategy for flows as an engine records them: requests, calls, events, queues, topics, executions, WebSocket
connections, functions that fail and are tried again, answers that refuse, and ends that were not recorded."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from harness.journal.records import Kind
from tests.unit.flow.happening import BY_CLIENT, BY_FUNCTION, BY_SERVICE, FUNCTION, QUEUE, RULE, TOPIC, Happening

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:"
STAGE = "arn:aws:execute-api:us-east-1:000000000000:api/v1"
NAMES = ("orders", "mail", "audit")
ERRORS = (
    {"code": "ThrottlingException", "message": "Rate exceeded"},
    {"errorType": "KeyError", "errorMessage": "'id'", "stackTrace": ["line 1\n"]},
    {"errorType": "Paused", "errorMessage": "An error occurred (Paused) when calling the SendEmail operation: no"},
    "it broke\nbadly",
)
STATUSES = (200, 201, 302, 400, 401, 403, 404, 409, 429, 500, 502, 504)


@st.composite
def histories(draw: st.DrawFn) -> Happening:
    """What one client began, and all that came of it."""
    writer = _Writer(draw)
    for _ in range(draw(st.integers(1, 3))):
        writer.begin()
    return writer.happened


class _Writer:
    """Writes one flow. `draw` decides what happens."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.happened = Happening()
        self._draw = draw
        self._at = 0.0
        self._mark = 0
        self._left = 25
        """How many more things may happen."""

    def begin(self) -> None:
        """Something that a client does."""
        self._one_of(self._api, self._client_call, self._connection, self._schedule)()

    # ── what functions and clients do ───────────────────────────────────────────────────────────────────────────────

    def _api(self) -> None:
        if self._chance(0.2):
            self._activity(
                Kind.REQUEST, "apigatewayv2", "CONNECT", resource=STAGE, data={"method": "GET", "path": "/"},
                ended={"status": self._one_of(101, 101, 403, 500)},
            )  # fmt: skip
            return
        service = self._one_of("apigateway", "elbv2", "lambda")
        method = self._one_of("GET", "POST")
        number = self._open(Kind.REQUEST, service, method, data={"method": method, "path": f"/{self._name()}"})
        if self._chance(0.3):
            refused = {"passed": False, "reason": "UNAUTHORIZED", "error": "Unauthorized"}
            decided = self._one_of({"passed": True}, refused)
            self._note(Kind.DECISION, "apigateway", "jwt", number, data={"rule": "jwt", **decided})
        self._some(number, self._sync_function)
        error = {"error": ERRORS[0]} if self._chance(0.1) else {}
        self._close(number, {"status": self._one_of(*STATUSES), **error})

    def _client_call(self) -> None:
        self._call(None, BY_CLIENT)

    def _schedule(self) -> None:
        timer = self._note(
            Kind.TIMER,
            "scheduler",
            "nightly",
            None,
            data={"what": self._one_of("schedule", "fire"), "schedule": "nightly"},
        )
        self._some(timer, lambda cause: self._async_function(cause, BY_SERVICE))

    def _connection(self) -> None:
        connection = "c-1"
        for _ in range(self._draw(st.integers(1, 2))):
            route = self._one_of("ping", None)
            said = {"direction": "in", "connection": connection, "body": {"action": "x"}, "route": route}
            frame = self._open(Kind.FRAME, "apigatewayv2", route or "", resource=STAGE, data=said)
            if route is not None:
                self._some(frame, self._sync_function)
            failed = route is None or self._chance(0.3)
            if failed or self._chance(0.3):
                answer = {"direction": "out", "connection": connection, "body": {"message": "Forbidden"}}
                self._note(Kind.FRAME, "apigatewayv2", "Error", frame, resource=STAGE, data=answer)
            self._close(frame, {"error": {"message": "Forbidden"}} if failed else {"response": {}})
        if self._chance(0.3):
            ended = {"connection": connection, "by": "client", "code": 1001, "reason": "Going away"}
            self._activity(
                Kind.CONNECTION, "apigatewayv2", "DISCONNECT", resource=STAGE, data=ended, ended=self._error(0.2)
            )

    def _call(self, cause: int | None, by: dict[str, Any]) -> None:
        """A call of an AWS API, with what comes of it."""
        self._one_of(
            self._table, self._events, self._message, self._topic, self._async_function, self._execution, self._mail, self._post
        )(cause, by)  # fmt: skip

    def _table(self, cause: int | None, by: dict[str, Any]) -> None:
        operation = self._one_of("GetItem", "PutItem")
        number = self._open(Kind.CALL, "dynamodb", operation, cause=cause, resource="table", data=by)
        self._iam(number)
        self._close(number, self._error(0.3))

    def _mail(self, cause: int | None, by: dict[str, Any]) -> None:
        number = self._open(Kind.CALL, "ses", "SendEmail", cause=cause, data=by)
        failed = self._error(0.3)
        if not failed:
            self._note(
                Kind.MESSAGE,
                "ses",
                "mail",
                number,
                data={"channel": "mail", "recipients": ["a@b.example"], "subject": "Hi"},
            )
        self._close(number, failed)

    def _post(self, cause: int | None, by: dict[str, Any]) -> None:
        data = {**by, "request": {"ConnectionId": "c-1"}}
        number = self._open(
            Kind.CALL, "apigatewaymanagementapi", "PostToConnection", cause=cause, resource=STAGE, data=data
        )
        failed = self._error(0.3)
        if not failed:
            sent = {"direction": "out", "connection": "c-1", "body": {"type": "x"}}
            self._note(Kind.FRAME, "apigatewayv2", "PostToConnection", number, resource=STAGE, data=sent)
        self._close(number, failed)

    def _iam(self, call: int) -> None:
        if self._chance(0.15):
            denied = {"passed": self._chance(0.5), "reason": "ImplicitDeny", "principal": "role"}
            self._note(Kind.DECISION, "iam", "dynamodb:PutItem", call, resource="table", data=denied)

    # ── functions ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _function(self, cause: int | None, name: str, **fields: Any) -> bool:
        """An invocation; whether it went well."""
        number = self._open(
            Kind.INVOCATION, "lambda", name, cause=cause, resource=f"{FUNCTION}{name}",
            data={"event": {"n": 1}, **fields.pop("data", {})}, **fields,
        )  # fmt: skip
        for _ in range(self._draw(st.integers(0, 2))):
            if self._spend():
                self._call(number, BY_FUNCTION)
        failed = self._error(0.4)
        self._close(number, {**failed, "log": "START"} if failed else {"result": None})
        return not failed

    def _sync_function(self, cause: int | None) -> None:
        name = self._name()
        by = self._one_of(BY_SERVICE, BY_FUNCTION)
        call = self._open(Kind.CALL, "lambda", "Invoke", cause=cause, resource=f"{FUNCTION}{name}", data=by)
        self._iam(call)
        if not self._chance(0.1):
            self._function(call, name)
        self._iam(call)
        self._close(call, self._error(0.05))

    def _async_function(self, cause: int | None, by: dict[str, Any]) -> None:
        """An event for a function: accepted, then tried up to three times, and given up."""
        name, mark = self._name(), f"invocation:{self._next_mark()}"
        call = self._open(Kind.CALL, "lambda", "Invoke", cause=cause, resource=f"{FUNCTION}{name}", data=by)
        self._close(call, {}, leaves=(mark,))
        for attempt in range(1, self._draw(st.integers(0, 3)) + 1):
            data = {"request_id": mark} if self._chance(0.9) else {}
            if self._function(None, name, takes=(mark,), data=data):
                return
            if attempt < 3:
                when = {"what": "retry", "when": 1000 + self._at + 60}
                self._note(Kind.TIMER, "lambda", name, None, takes=(mark,), leaves=(mark,), data=when)
            else:
                self._dead_letter(None, name, mark)

    def _dead_letter(self, cause: int | None, name: str, mark: str) -> None:
        data: dict[str, Any] = {"reason": "RetriesExhausted", "source": f"{FUNCTION}{name}"}
        kept = self._chance(0.5)
        note = self._note(
            Kind.DEAD_LETTER, "lambda", name, cause, takes=(mark,),
            data={**data, **({"target": f"{QUEUE}dead"} if kept else {})},
        )  # fmt: skip
        if kept:
            self._activity(
                Kind.CALL,
                "sqs",
                "SendMessage",
                cause=note,
                resource=f"{QUEUE}dead",
                data=BY_SERVICE,
                ended=self._error(0.1),
            )

    # ── events, queues, topics ──────────────────────────────────────────────────────────────────────────────────────

    def _events(self, cause: int | None, by: dict[str, Any]) -> None:
        source = self._one_of("shop.orders", "aws.states")
        by = self._one_of(by, BY_SERVICE)
        event = {"source": source, "detail-type": "Placed"}
        data = {**by, "request": {"Entries": [{"Source": source, "DetailType": "Placed"}]}}
        call = self._open(Kind.CALL, "events", "PutEvents", cause=cause, resource="bus", data=data)
        if self._chance(0.3):
            archive = f"{RULE}Events-Archive-all"
            passed = {"rule": archive, "passed": True, "event": event}
            note = self._note(Kind.DECISION, "events", "Events-Archive-all", call, resource=archive, data=passed)
            self._activity(
                Kind.DELIVERY,
                "events",
                "Events-Archive-all",
                cause=note,
                data={"target": "archive/all"},
                ended=self._error(0.2),
            )
        work = self._open(Kind.WORK, "engine", "events-process-rules", cause=call)
        if self._chance(0.3):
            none = {"passed": False, "reason": "NoRules", "event": event}
            self._note(Kind.DECISION, "events", "bus", call, data=none)
        for _ in range(self._draw(st.integers(0, 2))):
            rule = self._name()
            decided = self._one_of({"passed": True}, {"passed": False, "reason": self._one_of("Pattern", "Disabled")})
            data = {"rule": f"{RULE}{rule}", "event": event, **decided}
            number = self._note(Kind.DECISION, "events", rule, call, resource=f"{RULE}{rule}", data=data)
            if decided["passed"] and self._spend():
                self._deliver(number, event)
        self._close(work, {})
        self._close(call, self._error(0.05))

    def _deliver(self, cause: int, event: dict[str, Any]) -> None:
        """From a rule or a topic to its target, with a second attempt."""
        target = self._one_of(f"{FUNCTION}orders", f"{QUEUE}orders")
        for attempt in (1, 2):
            data = {"source": f"{RULE}r", "target": target, "event": event, "attempt": attempt}
            number = self._open(Kind.DELIVERY, "events", "t", cause=cause, resource=target, data=data)
            failed = self._error(0.3)
            if failed:
                self._activity(
                    Kind.CALL, "sqs", "SendMessage", cause=number, resource=target, data=BY_SERVICE, ended=failed
                )
            elif target.startswith(FUNCTION):
                self._async_function(number, BY_SERVICE)
            else:
                self._message(number, BY_SERVICE)
            self._close(number, failed)
            if not failed:
                return
        if self._chance(0.5):
            self._note(Kind.DEAD_LETTER, "events", "t", number, data={"reason": "DeliveryFailed", "error": ERRORS[0]})

    def _message(self, cause: int | None, by: dict[str, Any]) -> None:
        """One to three messages, a batch of all of them, and another one of what failed."""
        marks = [f"message:q:{self._next_mark()}" for _ in range(self._draw(st.integers(1, 3)))]
        for mark in marks:
            self._activity(Kind.CALL, "sqs", "SendMessage", cause=cause, resource=f"{QUEUE}q", data=by, leaves=(mark,))
        for _ in range(self._draw(st.integers(0, 2))):
            if not self._spend():
                break
            batch = self._open(
                Kind.BATCH, "lambda", "worker", resource=f"{FUNCTION}worker", takes=tuple(marks),
                data={"source": f"{QUEUE}q", "target": f"{FUNCTION}worker", "records": [{"id": m} for m in marks]},
            )  # fmt: skip
            self._some(batch, self._sync_function)
            failed = self._one_of([], marks[:1], marks)
            if self._chance(0.4):
                self._activity(
                    Kind.CALL, "sqs", "DeleteMessageBatch", cause=batch, resource=f"{QUEUE}q", data=BY_SERVICE
                )
            self._close(batch, {"failed": failed})
            if not failed:
                break
        else:
            if self._chance(0.3):
                self._dead_letter(None, "worker", marks[0])

    def _topic(self, cause: int | None, by: dict[str, Any]) -> None:
        publish = self._open(Kind.CALL, "sns", "Publish", cause=cause, resource=f"{TOPIC}news", data=by)
        decided = self._one_of({"passed": True}, {"passed": False, "reason": "FilterPolicy"})
        data = {"rule": f"{TOPIC}news:1", "target": f"{QUEUE}audit", **decided}
        decision = self._note(Kind.DECISION, "sns", "filter policy", publish, resource=f"{TOPIC}news:1", data=data)
        if decided["passed"] and self._spend():
            self._deliver(decision, {"Message": "x"})
        self._close(publish, self._error(0.1))

    # ── state machines ──────────────────────────────────────────────────────────────────────────────────────────────

    def _execution(self, cause: int | None, by: dict[str, Any]) -> None:
        start = self._open(Kind.CALL, "stepfunctions", "StartExecution", cause=cause, resource=f"{MACHINE}m", data=by)
        run = self._open(
            Kind.TRANSITION, "stepfunctions", "m", cause=start, data={"state_machine": f"{MACHINE}m", "execution": "x"}
        )
        self._close(start, {})
        self._event(run, "ExecutionStarted", "")
        for state in ("Ask", "Tell")[: self._draw(st.integers(1, 2))]:
            parallel = self._chance(0.2)
            if parallel:
                self._event(run, "ParallelStateEntered", "Both")
            self._event(run, "TaskStateEntered", state)
            self._event(run, "TaskScheduled", state)
            self._some(run, self._sync_function)
            if self._chance(0.3):
                self._event(run, "TaskFailed", state, {"error": "States.Timeout", "cause": "too slow"})
            elif self._chance(0.2):
                self._activity(
                    Kind.TIMER, "stepfunctions", "m", cause=run, resource=state,
                    data={"what": self._one_of("Wait", "task timeout"), "when": 1000 + self._at + 5},
                )  # fmt: skip
            if self._chance(0.9):
                self._event(run, "TaskStateExited", state)
            if parallel:
                self._event(run, "ParallelStateExited", "Both")
        failed = self._one_of({"status": "SUCCEEDED"}, {"status": "FAILED", "error": "States.Timeout", "cause": "slow"})
        if failed["status"] == "FAILED":
            self._event(run, "ExecutionFailed", "")
        self._close(run, failed)

    def _event(self, run: int, kind: str, state: str, details: dict[str, Any] | None = None) -> None:
        data = {"event": {"type": kind, "details": details or {}}}
        self._note(Kind.TRANSITION, "stepfunctions", kind, run, resource=state, data=data)

    # ── how it is written ───────────────────────────────────────────────────────────────────────────────────────────

    def _open(self, kind: Kind, service: str, name: str, **fields: Any) -> int:
        self._at += 0.01
        return self.happened.begin(kind, service, name, self._at, **fields)

    def _close(self, number: int, data: dict[str, Any], **fields: Any) -> None:
        """The end of an activity; of one in thirty it was not recorded."""
        self._at += 0.01
        if not self._chance(1 / 30):
            self.happened.end(number, self._at, data=data, **fields)

    def _activity(self, kind: Kind, service: str, name: str, **fields: Any) -> int:
        ended, leaves = fields.pop("ended", {}), fields.pop("leaves", ())
        number = self._open(kind, service, name, **fields)
        self._close(number, ended, leaves=leaves)
        return number

    def _note(self, kind: Kind, service: str, name: str, cause: int | None, **fields: Any) -> int:
        self._at += 0.01
        return self.happened.note(kind, service, name, self._at, cause=cause, **fields)

    def _some(self, cause: int, happens: Callable[[int], object]) -> None:
        for _ in range(self._draw(st.integers(0, 2))):
            if self._spend():
                happens(cause)

    def _spend(self) -> bool:
        self._left -= 1
        return self._left > 0

    def _error(self, probability: float) -> dict[str, Any]:
        return {"error": self._one_of(*ERRORS)} if self._chance(probability) else {}

    def _chance(self, probability: float) -> bool:
        # A shrunk history is one in which little went wrong.
        return self._draw(st.integers(0, 99)) >= 100 - probability * 100

    def _one_of(self, *choices: Any) -> Any:
        return self._draw(st.sampled_from(choices))

    def _name(self) -> str:
        return str(self._one_of(*NAMES))

    def _next_mark(self) -> int:
        self._mark += 1
        return self._mark
