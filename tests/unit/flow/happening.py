"""Records of a flow in an engine's form, for tests of its steps."""

from typing import Any

from harness.flow.history import Activity, History
from harness.journal.records import Kind, Phase, Record

ROOT = "1-6b01b2d8-9558c7f63e0f29d5516c5dcb"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:"
TOPIC = "arn:aws:sns:us-east-1:000000000000:"
RULE = "arn:aws:events:us-east-1:000000000000:rule/lumen/"
BY_SERVICE = {"caller": {"kind": "service"}}
BY_FUNCTION = {"caller": {"kind": "function"}}
BY_CLIENT = {"caller": {"kind": "client", "agent": "Boto3/1.42.54 md/Botocore"}}


class Happening:
    """What has happened so far. Times are seconds since the beginning, which is at second 1000."""

    def __init__(self) -> None:
        self.history = History()
        self.records: list[Record] = []
        self._begun: dict[int, Record] = {}
        self._next = 1

    def _add(self, kind: Kind, phase: Phase, number: int, at: float, what: dict[str, Any]) -> None:
        cause = what.pop("cause", None)
        trace = what.pop("trace", ROOT if cause is None and not what.get("takes") else "")
        record = Record(
            sequence=len(self.records) + 1, kind=kind, phase=phase, activity=number, cause=cause, at=1000 + at,
            trace=trace, **what,
        )  # fmt: skip
        self.records.append(record)
        self.history.add(record)

    def begin(self, kind: Kind, service: str, name: str, at: float = 0.0, **what: Any) -> int:
        """Returns its number, for `end` and for what it causes."""
        number, self._next = self._next, self._next + 1
        self._add(kind, Phase.BEGIN, number, at, {"service": service, "name": name, **what})
        self._begun[number] = self.records[-1]
        return number

    def end(self, number: int, at: float, **what: Any) -> None:
        begun = self._begun[number]
        self._add(
            begun.kind, Phase.END, number, at, {"service": begun.service, "name": begun.name, "trace": "", **what}
        )

    def did(self, kind: Kind, service: str, name: str, at: float = 0.0, until: float = 0.0, **what: Any) -> int:
        """Something that began and ended, with what `ended` says; returns its number."""
        ended = what.pop("ended", {})
        leaves = what.pop("leaves", ())
        number = self.begin(kind, service, name, at, **what)
        self.end(number, max(at, until), data=ended, leaves=leaves)
        return number

    def note(self, kind: Kind, service: str, name: str, at: float = 0.0, **what: Any) -> int:
        number, self._next = self._next, self._next + 1
        self._add(kind, Phase.NOTE, number, at, {"service": service, "name": name, **what})
        return number

    @property
    def activities(self) -> list[Activity]:
        return self.history.closure(self.history.roots_of(ROOT))


def welcome_that_cannot_be_mailed() -> Happening:
    """An event whose function fails three times, as SES refuses its mail, and that ends in a dead-letter queue.

    As an engine recorded it, without data that its steps do not use.
    """
    happened = Happening()
    put = happened.begin(
        Kind.CALL,
        "events",
        "PutEvents",
        resource="lumen",
        data={**BY_CLIENT, "request": {"Entries": [{"Source": "lumen.users", "DetailType": "UserRegistered"}]}},
    )
    work = happened.begin(Kind.WORK, "engine", "events-process-rules", 0.001, cause=put)
    archive = happened.note(
        Kind.DECISION, "events", "Events-Archive-all", 0.002, cause=put,
        resource=f"{RULE}Events-Archive-all", data={"rule": f"{RULE}Events-Archive-all", "passed": True},
    )  # fmt: skip
    happened.note(Kind.DELIVERY, "events", "Events-Archive-all", 0.002, cause=archive, data={"target": "archive/all"})
    rule = happened.note(
        Kind.DECISION, "events", "registrations", 0.003, cause=put,
        resource=f"{RULE}registrations", data={"rule": f"{RULE}registrations", "passed": True},
    )  # fmt: skip
    delivery = happened.begin(
        Kind.DELIVERY, "events", "Welcome", 0.004, cause=rule,
        resource=f"{FUNCTION}welcome", data={"target": f"{FUNCTION}welcome"},
    )  # fmt: skip
    happened.end(put, 0.005, data={"status": 200})
    invoke = happened.begin(
        Kind.CALL, "lambda", "Invoke", 0.006, cause=delivery, resource=f"{FUNCTION}welcome", data=BY_SERVICE
    )
    happened.end(invoke, 0.007, leaves=("invocation:r",))
    happened.end(delivery, 0.008)
    happened.end(work, 0.009)
    for number, at in enumerate((0.01, 1.1, 3.2), 1):
        attempt = happened.begin(
            Kind.INVOCATION, "lambda", "welcome", at, resource=f"{FUNCTION}welcome", takes=("invocation:r",)
        )
        happened.did(
            Kind.CALL, "dynamodb", "PutItem", at + 0.01, at + 0.012,
            cause=attempt, resource="sent", data=BY_FUNCTION, ended={"status": 200},
        )  # fmt: skip
        happened.did(
            Kind.CALL, "ses", "SendEmail", at + 0.02, at + 0.021,
            cause=attempt, data=BY_FUNCTION, ended={"error": {"code": "Paused", "message": "Sending is paused."}},
        )  # fmt: skip
        happened.end(
            attempt, at + 0.05,
            data={"error": {"errorType": "Paused", "errorMessage": "An error occurred (Paused) when calling the SendEmail "
                            "operation: Sending is paused."}},
        )  # fmt: skip
        if number < 3:
            happened.note(
                Kind.TIMER, "lambda", "welcome", at + 0.051,
                cause=attempt, leaves=("invocation:r",), data={"what": "retry", "when": 1000 + at + 1},
            )  # fmt: skip
        else:
            given_up = happened.note(
                Kind.DEAD_LETTER, "lambda", "welcome", at + 0.052, cause=attempt, takes=("invocation:r",),
                data={"reason": "RetriesExhausted", "target": f"{QUEUE}dead"},
            )  # fmt: skip
            happened.did(
                Kind.CALL, "sqs", "SendMessage", at + 0.053, at + 0.06,
                cause=given_up, resource="http://localhost/000000000000/dead", data=BY_SERVICE,
            )  # fmt: skip
    return happened
