"""Flows as an engine would write them down, on a small shop: what a customer orders is announced on a bus and mailed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.flow.explanation import Explanation, Finding, Place
from harness.flow.history import Activity, History
from harness.flow.names import names
from harness.flow.pending import Pending
from harness.flow.steps import ShownFlow
from harness.journal.records import Kind, Phase, Record
from harness.topology import Template, Topology, read_topology

TRACE = "1-00000000-000000000000000000000000"
REGION, ACCOUNT = "eu-central-1", "111111111111"
TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: shop}}
  PlacedRule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern:
        source: [shop.orders]
      Targets:
        - {Id: Mail, Arn: !GetAtt MailFunction.Arn}
  MailFunction:
    Type: AWS::Serverless::Function
    Properties: {Handler: mail.handler, Runtime: python3.13, InlineCode: "pass"}
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties: {RoleArn: none, DefinitionString: '{}'}
"""
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/shop/shop-PlacedRule"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-MailFunction"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:Machine"
EVENT = {
    "version": "0", "id": "e-1", "detail-type": "Placed", "source": "shop.orders", "detail": {"order": 7}
}  # fmt: skip


def topology(directory: Path) -> Topology:
    """The shop, deployed; its template is written into the directory."""
    file = directory / "template.yaml"
    file.write_text(TEMPLATE)
    ids = {"Bus": "shop", "PlacedRule": "shop|shop-PlacedRule", "MailFunction": "shop-MailFunction", "Orders": "shop-Orders",
           "Machine": MACHINE}  # fmt: skip
    region = {"shop": {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT}}
    return read_topology([Template(file, "shop")], parameters=region, physical_ids={"shop": ids})


@dataclass
class Journal:
    """Writes records. Every activity takes 10 ms and begins when the one before began, 10 ms later."""

    records: list[Record] = field(default_factory=list)
    at: float = 1_700_000_000.0

    def begin(self, kind: Kind, service: str, name: str, cause: int | None = None, **fields: Any) -> int:
        """The number of the activity. What is no field of a record is data."""
        self.at += fields.pop("after", 0.01)
        number = max((record.activity for record in self.records), default=0) + 1
        phase = fields.pop("phase", Phase.BEGIN)
        own = {n: fields.pop(n) for n in ("resource", "takes", "leaves", "region") if n in fields}
        trace = {"trace": TRACE} if cause is None else {}
        self.records.append(
            Record(
                len(self.records) + 1, kind, phase, number, cause, self.at, service, name, data=fields, **own, **trace
            )
        )
        return number

    def end(self, number: int, after: float = 0.01, **fields: Any) -> None:
        self.at += after
        begun = next(record for record in self.records if record.activity == number)
        own = {n: fields.pop(n) for n in ("takes", "leaves") if n in fields}
        fields = {"kind": begun.kind, "service": begun.service, "name": begun.name, "data": fields, **own}
        self.records.append(
            Record(sequence=len(self.records) + 1, phase=Phase.END, activity=number, cause=None, at=self.at, **fields)
        )

    def note(self, kind: Kind, service: str, name: str, cause: int | None = None, **fields: Any) -> int:
        return self.begin(kind, service, name, cause, phase=Phase.NOTE, **fields)

    def call(self, service: str, name: str, cause: int | None = None, **fields: Any) -> int:
        """A call that has come back."""
        ended = {n: fields.pop(n) for n in ("response", "error", "status") if n in fields}
        number = self.begin(Kind.CALL, service, name, cause, **fields)
        self.end(number, **ended, leaves=fields.get("leaves", ()))
        return number

    def put(self, event: Any = EVENT) -> int:
        """PutEvents of a client."""
        entry = {"Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"])}
        return self.call(
            "events", "PutEvents", resource="shop", region=REGION, request={"Entries": [entry]}, response={"FailedEntryCount": 0},
            status=200, caller={"kind": "client"},
        )  # fmt: skip

    def decide(self, cause: int, event: Any = EVENT) -> int:
        """The rule's decision: a refusal where the source is not the shop's."""
        passed = event["source"] == "shop.orders"
        reason = {} if passed else {"reason": "Pattern"}
        return self.note(
            Kind.DECISION, "events", "shop-PlacedRule", cause, resource=RULE, rule=RULE, passed=passed, event=event,
            pattern={"source": ["shop.orders"]}, **reason,
        )  # fmt: skip

    def deliver(self, cause: int, event: Any = EVENT) -> int:
        """From the rule to the function, by an asynchronous call of Lambda; the number of that call."""
        number = self.begin(
            Kind.DELIVERY,
            "events",
            "Mail",
            cause,
            resource=FUNCTION,
            source=RULE,
            target=FUNCTION,
            event=event,
            attempt=1,
        )
        call = self.call(
            "lambda", "Invoke", number, resource=FUNCTION, caller={"kind": "service", "principal": "events", "source_arn": RULE},
            request={"InvocationType": "Event"}, leaves=("invocation:r-1",),
        )  # fmt: skip
        self.end(number)
        return call

    def invoke(self, event: Any = EVENT, *, error: Any = None, log: str = "", **fields: Any) -> int:
        """An attempt of the function at the event that was left for it."""
        number = self.begin(
            Kind.INVOCATION, "lambda", "shop-MailFunction", None, resource=FUNCTION, takes=("invocation:r-1",), event=event,
            request_id="r-1", **fields,
        )  # fmt: skip
        self.call(
            "dynamodb",
            "PutItem",
            number,
            resource="shop-Orders",
            request={"TableName": "shop-Orders"},
            caller={"kind": "function"},
        )
        self.end(number, log=log, cold=True, **({"error": error} if error else {"result": None}))
        return number

    def activities(self) -> list[Activity]:
        history = History()
        for record in self.records:
            history.add(record)
        return sorted(history, key=lambda activity: activity.begin.sequence)


def refused() -> Journal:
    """An event that the only rule refuses."""
    journal = Journal()
    event = {**EVENT, "source": "shop.order"}
    journal.decide(journal.put(event), event)
    return journal


def retried() -> Journal:
    """An event that the function fails on, and handles when it is tried again after a second."""
    journal = Journal()
    journal.deliver(journal.decide(journal.put()))
    frames = [
        '  File "/var/runtime/lib/client.py", line 5, in call\n    raise\n',
        '  File "/var/task/mail.py", line 12, in handler\n    send()\n',
    ]
    error = {"errorType": "SmtpError", "errorMessage": "mailbox full", "stackTrace": frames}
    first = journal.invoke(
        error=error, log="START RequestId: r-1\n" + json.dumps({"level": "ERROR", "message": "no luck", "order": 7})
    )
    journal.note(Kind.TIMER, "lambda", "shop-MailFunction", first, resource=FUNCTION, what="retry", when=journal.at + 1.01,
                 leaves=("invocation:r-1",))  # fmt: skip
    second = journal.invoke(after=1.0)
    mail = {"channel": "mail", "recipients": ["ada@shop.example"], "subject": "Your order", "text": "It is on its way."}
    journal.note(Kind.MESSAGE, "ses", "mail", second, resource="ada@shop.example", **mail)
    return journal


def finding(journal: Journal, directory: Path, line: int = 9) -> Finding:
    """What an explanation says of `refused`: the line of the pattern's field."""
    [decision] = [a for a in journal.activities() if a.kind is Kind.DECISION]
    return Finding(
        "pattern-refused", "Rule PlacedRule refused the event: its source is 'shop.order', and the rule takes 'shop.orders'.",
        "shop.PlacedRule", Place(directory / "template.yaml", line), (decision,), True,
    )  # fmt: skip


@dataclass
class FakeFlow:
    """A flow in the harness's form, made of existing records."""

    journal: Journal
    topology: Topology
    findings: Iterable[Finding] = ()
    waits: tuple[Pending, ...] = ()
    root: str = TRACE

    @property
    def activities(self) -> list[Activity]:
        return self.journal.activities()

    def shown(self) -> ShownFlow:
        return ShownFlow(self.activities, names(self.topology))

    def explain(self) -> Explanation:
        return Explanation(tuple(self.findings))

    def pending(self) -> list[Pending]:
        return list(self.waits)
