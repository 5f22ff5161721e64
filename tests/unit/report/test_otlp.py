"""The export conforms to OpenTelemetry's definitions and describes the whole flow."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from harness.flow.explanation import Finding, Place
from harness.journal.records import Kind
from harness.report import Trace, otlp, trace_activities
from tests.unit.flow.happening import (
    BY_CLIENT,
    BY_SERVICE,
    FUNCTION,
    QUEUE,
    ROOT,
    Happening,
    welcome_that_cannot_be_mailed,
)


def _exported(happened: Happening, *findings: Finding) -> dict[str, Any]:
    flow = trace_activities(happened.activities, explanation=findings, root=ROOT)
    return json.loads(json.dumps(otlp.export(Trace((flow,), versions={"serverless-harness": "0.1.0"}))))


def _parsed(exported: dict[str, Any]) -> ExportTraceServiceRequest:
    """By OTLP's own rules: ids are hex, where protobuf's JSON has base64; any field that there is not is an error."""

    def with_base64(value: Any) -> Any:
        if isinstance(value, list):
            return [with_base64(member) for member in value]
        if not isinstance(value, dict):
            return value
        return {
            name: base64.b64encode(bytes.fromhex(member)).decode()
            if name in ("traceId", "spanId", "parentSpanId")
            else with_base64(member)
            for name, member in value.items()
        }

    return json_format.ParseDict(with_base64(exported), ExportTraceServiceRequest())


def _spans(request: ExportTraceServiceRequest) -> list[Span]:
    return [span for of in request.resource_spans for scope in of.scope_spans for span in scope.spans]


def _attributes(of: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of.attributes}


def _named(happened: Happening, name: str, *findings: Finding) -> Span:
    return next(span for span in _spans(_parsed(_exported(happened, *findings))) if span.name == name)


def test_every_activity_is_a_span_below_its_cause():
    happened = welcome_that_cannot_be_mailed()
    spans = _spans(_parsed(_exported(happened)))
    assert len(spans) == len(happened.activities)
    assert len({span.span_id for span in spans}) == len(spans)
    assert {span.trace_id.hex() for span in spans} == {"6b01b2d89558c7f63e0f29d5516c5dcb"}
    assert all(len(span.span_id) == 8 for span in spans)
    known = {span.span_id: span for span in spans}
    parents = {span.name: known[span.parent_span_id].name for span in spans if span.parent_span_id}
    assert parents["DynamoDB.PutItem"] == "welcome"
    assert parents["Lambda.Invoke"] == "function welcome"
    assert [span.name for span in spans if not span.parent_span_id] == ["EventBridge.PutEvents"]


def test_times_are_nanoseconds_since_the_epoch():
    span = _named(welcome_that_cannot_be_mailed(), "DynamoDB.PutItem")
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (1_000_020_000_000, 1_000_022_000_000)


def test_spans_of_call_function_and_batch_follow_conventions():
    happened = Happening()
    happened.did(
        Kind.CALL, "sqs", "SendMessage", resource="http://localhost/000000000000/orders",
        data={**BY_CLIENT, "request": {"QueueUrl": "http://localhost/000000000000/orders"}, "request_id": "r-1"},
        ended={"status": 200, "response": {"MessageId": "m-1"}}, leaves=("message:q:1",),
    )  # fmt: skip
    batch = happened.begin(
        Kind.BATCH, "lambda", "worker", 1, takes=("message:q:1",),
        data={"source": f"{QUEUE}orders", "target": f"{FUNCTION}worker", "records": [{"id": "1"}, {"id": "2"}]},
    )  # fmt: skip
    happened.did(
        Kind.INVOCATION, "lambda", "worker", 1, 2, cause=batch, resource=f"{FUNCTION}worker",
        data={"request_id": "i-1"}, ended={"cold": True},
    )  # fmt: skip
    happened.end(batch, 3)
    call = _named(happened, "SQS.SendMessage")
    assert call.kind == Span.SPAN_KIND_PRODUCER
    assert _attributes(call).items() >= {
        "rpc.system": "aws-api", "rpc.service": "SQS", "rpc.method": "SendMessage", "aws.request_id": "r-1",
        "http.response.status_code": 200, "messaging.system": "aws_sqs", "messaging.destination.name": "orders",
        "messaging.operation.type": "send", "messaging.message.id": "m-1",
        "aws.sqs.queue.url": "http://localhost/000000000000/orders",
    }.items()  # fmt: skip
    function = _named(happened, "worker")
    assert function.kind == Span.SPAN_KIND_SERVER
    assert _attributes(function).items() >= {
        "faas.invocation_id": "i-1", "faas.coldstart": True, "faas.trigger": "pubsub",
        "aws.lambda.invoked_arn": f"{FUNCTION}worker",
    }.items()  # fmt: skip
    [read] = [span for span in _spans(_parsed(_exported(happened))) if span.kind == Span.SPAN_KIND_CONSUMER]
    assert _attributes(read)["messaging.batch.message_count"] == 2


def test_a_resource_is_a_function_or_a_service():
    resources = {
        _attributes(of.resource)["service.name"]: _attributes(of.resource)
        for of in _parsed(_exported(welcome_that_cannot_be_mailed())).resource_spans
    }
    assert set(resources) == {"events", "lambda", "welcome", "dynamodb", "ses", "sqs", "engine"}
    assert resources["welcome"] == {
        "cloud.provider": "aws", "cloud.platform": "aws_lambda", "cloud.region": "us-east-1",
        "cloud.account.id": "000000000000", "cloud.resource_id": f"{FUNCTION}welcome",
        "faas.name": "welcome", "service.name": "welcome",
    }  # fmt: skip


def test_failed_span_has_a_status_and_an_exception():
    span = _named(welcome_that_cannot_be_mailed(), "SES.SendEmail")
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "Paused: Sending is paused.")
    [event] = span.events
    assert (event.name, _attributes(event)) == (
        "exception", {"exception.type": "Paused", "exception.message": "Sending is paused."}
    )  # fmt: skip
    assert _attributes(span)["error.type"] == "Paused"
    assert _named(welcome_that_cannot_be_mailed(), "DynamoDB.PutItem").status.code == Status.STATUS_CODE_UNSET


def test_span_of_a_lost_event_is_an_error_with_reason_and_line(tmp_path: Path):
    happened = Happening()
    happened.note(
        Kind.DECISION, "events", "orders",
        data={"rule": "arn:aws:events:us-east-1:0:rule/orders", "passed": False, "reason": "Pattern"},
    )  # fmt: skip
    [decision] = happened.activities
    place = Place(tmp_path / "template.yaml", 41)
    sentence = "Rule Orders refuses it: source is shop, and not store."
    [span] = _spans(
        _parsed(_exported(happened, Finding("pattern-refused", sentence, "s.Orders", place, (decision,), True)))
    )
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, sentence)
    [event] = span.events
    assert event.name == "harness.finding"
    assert _attributes(event) == {
        "harness.finding.cause": "pattern-refused", "harness.finding.sentence": sentence,
        "harness.finding.resource": "s.Orders", "harness.finding.lost": True,
        "harness.finding.place": f"{tmp_path}/template.yaml:41",
    }  # fmt: skip
    assert _attributes(span).items() >= {"harness.decision.passed": False, "harness.decision.reason": "Pattern"}.items()


def test_a_batch_of_several_senders_is_linked_to_each_of_them():
    happened = Happening()
    for number in (1, 2, 3):
        happened.did(
            Kind.CALL, "sqs", "SendMessage", number, resource="orders", data=BY_CLIENT, leaves=(f"message:q:{number}",)
        )
    happened.did(
        Kind.BATCH, "lambda", "worker", 5, takes=("message:q:1", "message:q:2", "message:q:3"),
        data={"source": f"{QUEUE}orders", "target": f"{FUNCTION}worker", "records": [{"id": n} for n in "123"]},
    )  # fmt: skip
    first, second, third, batch = _spans(_parsed(_exported(happened)))
    assert batch.parent_span_id == first.span_id
    assert [link.span_id for link in batch.links] == [second.span_id, third.span_id]
    assert {link.trace_id for link in batch.links} == {batch.trace_id}


def test_unfinished_span_ends_at_the_last_known_time():
    happened = Happening()
    call = happened.begin(Kind.CALL, "lambda", "Invoke", 0, resource="f", data=BY_SERVICE)
    happened.did(Kind.CALL, "sqs", "SendMessage", 1, 2, cause=call, resource="q")
    span = _named(happened, "Lambda.Invoke")
    assert span.end_time_unix_nano - span.start_time_unix_nano == 2_000_000_000
    assert _attributes(span)["harness.outcome"] == "pending"


@pytest.mark.parametrize("root", ["", "1-nonsense", "anything", ROOT.upper()])
def test_a_trace_has_an_id_whatever_its_root(root: str):
    found = otlp.trace_id(root)
    assert len(bytes.fromhex(found)) == 16
    assert found == otlp.trace_id(root)
    assert int(found, 16)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (True, {"boolValue": True}),
        (7, {"intValue": "7"}),
        (0.5, {"doubleValue": 0.5}),
        ("x", {"stringValue": "x"}),
        (["a", 1], {"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "1"}]}}),
    ],
)
def test_attributes_have_the_type_of_their_value(value: Any, encoded: dict[str, Any]):
    assert otlp.attributes({"name": value}) == [{"key": "name", "value": encoded}]
