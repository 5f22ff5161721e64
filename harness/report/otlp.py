"""A story as OpenTelemetry spans, for Jaeger and whatever else takes traces: OTLP in JSON.

The encoding is that of OTLP/HTTP (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): ids in hex, times as
text in nanoseconds since the epoch, enumerations as numbers. Names of attributes are OpenTelemetry's semantic conventions
(https://opentelemetry.io/docs/specs/semconv/), and `harness.*` where those have none.

A trace has the id that X-Ray gives it
(https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-traceids), so that spans which a
function sends by itself come into the same trace.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness import aws
from harness.flow.outcome import Outcome
from harness.report.story import Cause, Hop, Story, Trace

SCOPE = "serverless-harness"
_ROOT = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})")

_INTERNAL, _SERVER, _CLIENT, _PRODUCER, _CONSUMER = 1, 2, 3, 4, 5
"""Span.SpanKind."""
_ERROR = 2
"""Status.StatusCode."""

_SENDS = frozenset(
    {"Publish", "PublishBatch", "PutEvents", "PutRecord", "PutRecords", "SendMessage", "SendMessageBatch"}
)


def export(trace: Trace) -> dict[str, Any]:
    """The body of an ExportTraceServiceRequest with every story; POST it to `/v1/traces` of a collector."""
    spans: dict[tuple[tuple[str, str], ...], list[dict[str, Any]]] = {}
    for story in trace.stories:
        teller = _Teller(story)
        for hop in story.hops:
            spans.setdefault(tuple(sorted(teller.resource(hop).items())), []).append(teller.span(hop))
    version = trace.versions.get(SCOPE) or trace.versions.get("harness") or ""
    scope = {"name": SCOPE, **({"version": version} if version else {})}
    return {
        "resourceSpans": [
            {"resource": {"attributes": attributes(dict(resource))}, "scopeSpans": [{"scope": scope, "spans": of_it}]}
            for resource, of_it in spans.items()
        ]
    }


def trace_id(root: str) -> str:
    """The 32 hexadecimal digits of an X-Ray trace's root; of any other text its digest's."""
    if found := _ROOT.fullmatch(root.lower()):
        return found[1] + found[2]
    return hashlib.sha256(root.encode()).hexdigest()[:32]


def span_id(hop: int) -> str:
    return f"{hop:016x}"


class _Teller:
    def __init__(self, story: Story) -> None:
        self._story = story
        self._trace = trace_id(story.root)
        self._hops = {hop.id: hop for hop in story.hops}
        self._findings: dict[int, list[Cause]] = {}
        for cause in story.findings:
            if cause.hops:
                self._findings.setdefault(cause.hops[0], []).append(cause)

    def resource(self, hop: Hop) -> dict[str, str]:
        """Who did it: a function for what it handled, else the AWS service."""
        arn = hop.resource.split(":") if hop.resource.startswith("arn:") else []
        found = {"cloud.provider": "aws", "service.name": hop.service}
        region = str(hop.facts.get("region") or (arn[3] if len(arn) > 4 else ""))
        account = arn[4] if len(arn) > 4 else ""
        if hop.kind == "invocation":
            stack, _, logical_id = (hop.node or hop.name).rpartition(".")
            found |= {"service.name": logical_id, "cloud.platform": "aws_lambda", "faas.name": hop.name}
            if stack:
                found["service.namespace"] = stack
            if arn:
                found["cloud.resource_id"] = hop.resource
            if account:
                found["cloud.account.id"] = account
        if region:
            found["cloud.region"] = region
        return found

    def span(self, hop: Hop) -> dict[str, Any]:
        start = self._story.began + hop.began
        pending = hop.outcome is Outcome.PENDING
        end = self._story.began + self._story.seconds if pending else start + hop.seconds
        findings = self._findings.get(hop.id, [])
        links = [{"traceId": self._trace, "spanId": span_id(other)} for other in hop.others if other in self._hops]
        span: dict[str, Any] = {
            "traceId": self._trace,
            "spanId": span_id(hop.id),
            "name": self._name(hop),
            "kind": self._kind(hop),
            "startTimeUnixNano": _nanoseconds(start),
            "endTimeUnixNano": _nanoseconds(max(start, end)),
            "attributes": attributes(self._about(hop)),
        }
        if hop.parent in self._hops:
            span["parentSpanId"] = span_id(int(hop.parent or 0))
        if events := [*self._exceptions(hop, max(start, end)), *(_finding(cause, start) for cause in findings)]:
            span["events"] = events
        if links:
            span["links"] = links
        if status := _status(hop, findings):
            span["status"] = status
        return span

    def _name(self, hop: Hop) -> str:
        match hop.kind:
            case "call":
                return f"{_rpc_service(hop)}.{hop.name}"
            case "invocation":
                return (hop.node or hop.name).rpartition(".")[2]
        return hop.title

    def _kind(self, hop: Hop) -> int:
        match hop.kind:
            case "request":
                return _SERVER
            case "frame":
                return _PRODUCER if hop.facts.get("direction") == "out" else _SERVER
            case "call":
                return _PRODUCER if hop.name in _SENDS else _CLIENT
            case "delivery":
                return _PRODUCER
            case "batch":
                return _CONSUMER
            case "invocation":
                parent = self._hops.get(hop.parent or 0)
                # Of an asynchronous event the call that left it ended before.
                waits = parent is not None and parent.began + parent.seconds < hop.began + hop.seconds
                return _CONSUMER if waits else _SERVER
        return _INTERNAL

    def _about(self, hop: Hop) -> dict[str, Any]:
        about: dict[str, Any] = {
            "harness.kind": hop.kind,
            "harness.label": hop.title,
            "harness.outcome": hop.outcome.value,
            "harness.hidden": hop.hidden,
        }
        if hop.said:
            about["harness.detail"] = hop.said
        if hop.node:
            about["harness.resource"] = hop.node
        if hop.place:
            about["harness.place"] = hop.place
        if hop.outcome is Outcome.FAILED:
            # https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/: of a failed answer its status.
            answered = str(hop.facts.get("status") or "") if hop.kind == "request" else ""
            about["error.type"] = (hop.error.code if hop.error else answered) or answered or "_OTHER"
        about |= self._by_kind(hop)
        return {name: value for name, value in about.items() if value not in (None, "")}

    def _by_kind(self, hop: Hop) -> dict[str, Any]:
        match hop.kind:
            case "call":
                return _about_call(hop)
            case "invocation":
                return {
                    "faas.invocation_id": hop.facts.get("request_id"),
                    "faas.coldstart": hop.facts.get("cold"),
                    "faas.trigger": self._trigger(hop),
                    "aws.lambda.invoked_arn": hop.resource,
                }
            case "request":
                return _about_request(hop)
            case "batch":
                records = hop.before if isinstance(hop.before, Sequence) else ()
                about = {"messaging.operation.type": "process", "messaging.operation.name": "process"}
                return {**about, "messaging.batch.message_count": len(records)}
            case "delivery":
                about = {
                    "messaging.system": aws.service(hop.service).messaging_system,
                    "messaging.operation.type": "send",
                }
                return {**about, "harness.attempt": hop.facts.get("attempt")}
            case "frame" | "connection":
                return {
                    "network.protocol.name": "websocket",
                    "harness.connection.id": hop.facts.get("connection"),
                    "harness.connection.route": hop.facts.get("route"),
                }
            case "decision":
                passed = hop.outcome is not Outcome.REFUSED
                return {"harness.decision.passed": passed, "harness.decision.reason": hop.facts.get("reason")}
            case "dead-letter":
                return {"harness.dead_letter.reason": hop.facts.get("reason")}
        return {}

    def _trigger(self, hop: Hop) -> str:
        """What an invocation came of: the nearest before it that is not how its function was called."""
        at = self._hops.get(hop.parent or 0)
        while at is not None:
            if at.kind == "timer":
                return "timer"
            if at.kind in ("request", "delivery", "frame", "connection") or (
                at.kind == "call" and at.service != "lambda"
            ):
                return aws.service(at.service).trigger or "other"
            at = self._hops.get(at.parent or 0)
        return "other"

    def _exceptions(self, hop: Hop, at: float) -> Iterator[dict[str, Any]]:
        if hop.error is None or hop.outcome is not Outcome.FAILED:
            return
        about = {"exception.type": hop.error.code, "exception.message": hop.error.message}
        if hop.error.lines:
            about["exception.stacktrace"] = "".join(
                line if line.endswith("\n") else f"{line}\n" for line in hop.error.lines
            )
        told = {name: value for name, value in about.items() if value}
        yield {"name": "exception", "timeUnixNano": _nanoseconds(at), "attributes": attributes(told)}


def _rpc_service(hop: Hop) -> str:
    """AWS's id of the service (https://opentelemetry.io/docs/specs/semconv/cloud-providers/aws-sdk/)."""
    return aws.service(hop.service).sdk_id or hop.service


def _about_call(hop: Hop) -> dict[str, Any]:
    given = hop.before if isinstance(hop.before, Mapping) else {}
    gave = hop.after if isinstance(hop.after, Mapping) else {}
    about: dict[str, Any] = {
        "rpc.system": "aws-api",
        "rpc.service": _rpc_service(hop),
        "rpc.method": hop.name,
        "aws.request_id": hop.facts.get("request_id"),
        "http.response.status_code": hop.facts.get("status"),
    }
    system = aws.service(hop.service).messaging_system
    if system and (hop.name in _SENDS or hop.name.startswith(("Receive", "Delete", "Change"))):
        about |= {
            "messaging.system": system,
            "messaging.destination.name": _last_part(hop.resource),
            "messaging.operation.name": hop.name,
            "messaging.operation.type": _operation_type(hop.name),
            "messaging.message.id": gave.get("MessageId"),
        }
    return about | _of_service(hop, given, gave)


def _about_request(hop: Hop) -> dict[str, Any]:
    given: Mapping[str, Any] = hop.before if isinstance(hop.before, Mapping) else {}
    headers: Mapping[str, Any] = given.get("headers") or {}
    return {
        "http.request.method": given.get("method") or hop.name,
        "url.path": given.get("path"),
        "http.response.status_code": hop.facts.get("status"),
        "user_agent.original": next((v for name, v in headers.items() if str(name).lower() == "user-agent"), None),
    }


def _finding(cause: Cause, at: float) -> dict[str, Any]:
    about = {
        "harness.finding.cause": cause.cause,
        "harness.finding.sentence": cause.sentence,
        "harness.finding.resource": cause.resource,
        "harness.finding.lost": cause.lost,
        **({"harness.finding.place": cause.place} if cause.place else {}),
    }
    return {"name": "harness.finding", "timeUnixNano": _nanoseconds(at), "attributes": attributes(about)}


def _status(hop: Hop, findings: Sequence[Cause]) -> dict[str, Any] | None:
    """A hop that failed, and one where an event was lost though nothing failed, are errors; what was refused is none.

    "For HTTP status codes in the 4xx range span status MUST be left unset in case of `SpanKind.SERVER` and SHOULD be set to
    `Error` in case of `SpanKind.CLIENT`": https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status. So requests of
    clients have no status, and calls that a function makes are errors. "Instrumentation Libraries SHOULD leave the status code
    as Unset unless there is an error": https://opentelemetry.io/docs/specs/otel/trace/api/#set-status.
    """
    if lost := [cause.sentence for cause in findings if cause.lost]:
        return {"code": _ERROR, "message": lost[0]}
    if hop.outcome is Outcome.FAILED:
        return {"code": _ERROR, "message": str(hop.error or hop.said or hop.title)}
    return None


def _of_service(hop: Hop, given: Mapping[str, Any], gave: Mapping[str, Any]) -> dict[str, Any]:
    """https://opentelemetry.io/docs/specs/semconv/registry/attributes/aws/"""
    match hop.service:
        case "dynamodb":
            tables = [given["TableName"]] if given.get("TableName") else sorted(given.get("RequestItems") or {})
            return {
                "db.system.name": "aws.dynamodb",
                "db.operation.name": hop.name,
                "aws.dynamodb.table_names": [_last_part(str(table)) for table in tables] or None,
            }
        case "kinesis":
            return {"aws.kinesis.stream_name": given.get("StreamName")}
        case "lambda":
            return {"aws.lambda.resource_mapping.id": given.get("UUID") or gave.get("UUID")}
        case "s3":
            return {"aws.s3.bucket": given.get("Bucket"), "aws.s3.key": given.get("Key")}
        case "secretsmanager":
            return {"aws.secretsmanager.secret.arn": gave.get("ARN")}
        case "sns":
            return {"aws.sns.topic.arn": given.get("TopicArn")}
        case "sqs":
            return {"aws.sqs.queue.url": given.get("QueueUrl")}
        case "stepfunctions":
            return {"aws.step_functions.state_machine.arn": given.get("stateMachineArn")}
    return {}


def _operation_type(operation: str) -> str:
    if operation.startswith("Receive"):
        return "receive"
    return "settle" if operation.startswith(("Delete", "Change")) else "send"


def _last_part(resource: str) -> str:
    return resource.rstrip("/").rpartition("/")[2].rpartition(":")[2]


def _nanoseconds(seconds: float) -> str:
    return str(round(seconds * 1_000_000_000))


def attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    """AnyValue, by the type of the value. 64-bit numbers are text in protobuf's JSON."""
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list() | tuple():
            return {"arrayValue": {"values": [_value(member) for member in value]}}
    return {"stringValue": str(value)}
