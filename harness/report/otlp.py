"""A flow as OpenTelemetry spans, for Jaeger and every other tool that accepts traces: OTLP in JSON.

The encoding is that of OTLP/HTTP (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): ids in hex, times as
text in nanoseconds since the epoch, enumerations as numbers. Names of attributes are OpenTelemetry's semantic conventions
(https://opentelemetry.io/docs/specs/semconv/), and `harness.*` where those have none.

A trace has the id that X-Ray gives it
(https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-traceids), so that spans that a
function sends itself belong to the same trace.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness import aws
from harness.flow.outcome import Outcome
from harness.report.trace import Trace, TracedActivity, TracedFinding, TracedFlow

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
    """The body of an ExportTraceServiceRequest with every flow; POST it to `/v1/traces` of a collector."""
    spans: dict[tuple[tuple[str, str], ...], list[dict[str, Any]]] = {}
    for flow in trace.flows:
        teller = _Spans(flow)
        for activity in flow.activities:
            spans.setdefault(tuple(sorted(teller.resource(activity).items())), []).append(teller.span(activity))
    version = trace.versions.get(SCOPE) or trace.versions.get("harness") or ""
    scope = {"name": SCOPE, **({"version": version} if version else {})}
    return {
        "resourceSpans": [
            {"resource": {"attributes": attributes(dict(resource))}, "scopeSpans": [{"scope": scope, "spans": of_it}]}
            for resource, of_it in spans.items()
        ]
    }


def trace_id(root: str) -> str:
    """The 32 hexadecimal digits of an X-Ray trace's root; for any other text those of its digest."""
    if found := _ROOT.fullmatch(root.lower()):
        return found[1] + found[2]
    return hashlib.sha256(root.encode()).hexdigest()[:32]


def span_id(activity: int) -> str:
    return f"{activity:016x}"


class _Spans:
    def __init__(self, flow: TracedFlow) -> None:
        self._story = flow
        self._trace = trace_id(flow.root)
        self._hops = {activity.id: activity for activity in flow.activities}
        self._findings: dict[int, list[TracedFinding]] = {}
        for cause in flow.findings:
            if cause.activities:
                self._findings.setdefault(cause.activities[0], []).append(cause)

    def resource(self, activity: TracedActivity) -> dict[str, str]:
        """The resource that did it: a function for what it handled, else the AWS service."""
        arn = activity.resource.split(":") if activity.resource.startswith("arn:") else []
        found = {"cloud.provider": "aws", "service.name": activity.service}
        region = str(activity.facts.get("region") or (arn[3] if len(arn) > 4 else ""))
        account = arn[4] if len(arn) > 4 else ""
        if activity.kind == "invocation":
            stack, _, logical_id = (activity.node or activity.name).rpartition(".")
            found |= {"service.name": logical_id, "cloud.platform": "aws_lambda", "faas.name": activity.name}
            if stack:
                found["service.namespace"] = stack
            if arn:
                found["cloud.resource_id"] = activity.resource
            if account:
                found["cloud.account.id"] = account
        if region:
            found["cloud.region"] = region
        return found

    def span(self, activity: TracedActivity) -> dict[str, Any]:
        start = self._story.began + activity.began
        pending = activity.outcome is Outcome.PENDING
        end = self._story.began + self._story.seconds if pending else start + activity.seconds
        findings = self._findings.get(activity.id, [])
        links = [{"traceId": self._trace, "spanId": span_id(other)} for other in activity.others if other in self._hops]
        span: dict[str, Any] = {
            "traceId": self._trace,
            "spanId": span_id(activity.id),
            "name": self._name(activity),
            "kind": self._kind(activity),
            "startTimeUnixNano": _nanoseconds(start),
            "endTimeUnixNano": _nanoseconds(max(start, end)),
            "attributes": attributes(self._about(activity)),
        }
        if activity.parent in self._hops:
            span["parentSpanId"] = span_id(int(activity.parent or 0))
        if events := [*self._exceptions(activity, max(start, end)), *(_finding(cause, start) for cause in findings)]:
            span["events"] = events
        if links:
            span["links"] = links
        if status := _status(activity, findings):
            span["status"] = status
        return span

    def _name(self, activity: TracedActivity) -> str:
        match activity.kind:
            case "call":
                return f"{_rpc_service(activity)}.{activity.name}"
            case "invocation":
                return (activity.node or activity.name).rpartition(".")[2]
        return activity.label

    def _kind(self, activity: TracedActivity) -> int:
        match activity.kind:
            case "request":
                return _SERVER
            case "frame":
                return _PRODUCER if activity.facts.get("direction") == "out" else _SERVER
            case "call":
                return _PRODUCER if activity.name in _SENDS else _CLIENT
            case "delivery":
                return _PRODUCER
            case "batch":
                return _CONSUMER
            case "invocation":
                parent = self._hops.get(activity.parent or 0)
                # The call that left an asynchronous event ended before the invocation.
                waits = parent is not None and parent.began + parent.seconds < activity.began + activity.seconds
                return _CONSUMER if waits else _SERVER
        return _INTERNAL

    def _about(self, activity: TracedActivity) -> dict[str, Any]:
        about: dict[str, Any] = {
            "harness.kind": activity.kind,
            "harness.label": activity.label,
            "harness.outcome": activity.outcome.value,
            "harness.hidden": activity.hidden,
        }
        if activity.said:
            about["harness.detail"] = activity.said
        if activity.node:
            about["harness.resource"] = activity.node
        if activity.place:
            about["harness.place"] = activity.place
        if activity.outcome is Outcome.FAILED:
            # https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/: for a failed response its status.
            answered = str(activity.facts.get("status") or "") if activity.kind == "request" else ""
            about["error.type"] = (activity.error.code if activity.error else answered) or answered or "_OTHER"
        about |= self._by_kind(activity)
        return {name: value for name, value in about.items() if value not in (None, "")}

    def _by_kind(self, activity: TracedActivity) -> dict[str, Any]:
        match activity.kind:
            case "call":
                return _about_call(activity)
            case "invocation":
                return {
                    "faas.invocation_id": activity.facts.get("request_id"),
                    "faas.coldstart": activity.facts.get("cold"),
                    "faas.trigger": self._trigger(activity),
                    "aws.lambda.invoked_arn": activity.resource,
                }
            case "request":
                return _about_request(activity)
            case "batch":
                records = activity.before if isinstance(activity.before, Sequence) else ()
                about = {"messaging.operation.type": "process", "messaging.operation.name": "process"}
                return {**about, "messaging.batch.message_count": len(records)}
            case "delivery":
                about = {
                    "messaging.system": aws.service(activity.service).messaging_system,
                    "messaging.operation.type": "send",
                }
                return {**about, "harness.attempt": activity.facts.get("attempt")}
            case "frame" | "connection":
                return {
                    "network.protocol.name": "websocket",
                    "harness.connection.id": activity.facts.get("connection"),
                    "harness.connection.route": activity.facts.get("route"),
                }
            case "decision":
                passed = activity.outcome is not Outcome.REFUSED
                return {"harness.decision.passed": passed, "harness.decision.reason": activity.facts.get("reason")}
            case "dead-letter":
                return {"harness.dead_letter.reason": activity.facts.get("reason")}
        return {}

    def _trigger(self, activity: TracedActivity) -> str:
        """What triggered an invocation: the nearest ancestor that is not the call of its function."""
        at = self._hops.get(activity.parent or 0)
        while at is not None:
            if at.kind == "timer":
                return "timer"
            if at.kind in ("request", "delivery", "frame", "connection") or (
                at.kind == "call" and at.service != "lambda"
            ):
                return aws.service(at.service).trigger or "other"
            at = self._hops.get(at.parent or 0)
        return "other"

    def _exceptions(self, activity: TracedActivity, at: float) -> Iterator[dict[str, Any]]:
        if activity.error is None or activity.outcome is not Outcome.FAILED:
            return
        about = {"exception.type": activity.error.code, "exception.message": activity.error.message}
        if activity.error.lines:
            about["exception.stacktrace"] = "".join(
                line if line.endswith("\n") else f"{line}\n" for line in activity.error.lines
            )
        known = {name: value for name, value in about.items() if value}
        yield {"name": "exception", "timeUnixNano": _nanoseconds(at), "attributes": attributes(known)}


def _rpc_service(activity: TracedActivity) -> str:
    """AWS's id of the service (https://opentelemetry.io/docs/specs/semconv/cloud-providers/aws-sdk/)."""
    return aws.service(activity.service).sdk_id or activity.service


def _about_call(activity: TracedActivity) -> dict[str, Any]:
    given = activity.before if isinstance(activity.before, Mapping) else {}
    gave = activity.after if isinstance(activity.after, Mapping) else {}
    about: dict[str, Any] = {
        "rpc.system": "aws-api",
        "rpc.service": _rpc_service(activity),
        "rpc.method": activity.name,
        "aws.request_id": activity.facts.get("request_id"),
        "http.response.status_code": activity.facts.get("status"),
    }
    system = aws.service(activity.service).messaging_system
    if system and (activity.name in _SENDS or activity.name.startswith(("Receive", "Delete", "Change"))):
        about |= {
            "messaging.system": system,
            "messaging.destination.name": _last_part(activity.resource),
            "messaging.operation.name": activity.name,
            "messaging.operation.type": _operation_type(activity.name),
            "messaging.message.id": gave.get("MessageId"),
        }
    return about | _of_service(activity, given, gave)


def _about_request(activity: TracedActivity) -> dict[str, Any]:
    given: Mapping[str, Any] = activity.before if isinstance(activity.before, Mapping) else {}
    headers: Mapping[str, Any] = given.get("headers") or {}
    return {
        "http.request.method": given.get("method") or activity.name,
        "url.path": given.get("path"),
        "http.response.status_code": activity.facts.get("status"),
        "user_agent.original": next((v for name, v in headers.items() if str(name).lower() == "user-agent"), None),
    }


def _finding(cause: TracedFinding, at: float) -> dict[str, Any]:
    about = {
        "harness.finding.cause": cause.cause,
        "harness.finding.sentence": cause.sentence,
        "harness.finding.resource": cause.resource,
        "harness.finding.lost": cause.lost,
        **({"harness.finding.place": cause.place} if cause.place else {}),
    }
    return {"name": "harness.finding", "timeUnixNano": _nanoseconds(at), "attributes": attributes(about)}


def _status(activity: TracedActivity, findings: Sequence[TracedFinding]) -> dict[str, Any] | None:
    """Failed activities are errors, and so are those where an event was lost without a failure; refused ones are not.

    "For HTTP status codes in the 4xx range span status MUST be left unset in case of `SpanKind.SERVER` and SHOULD be set to
    `Error` in case of `SpanKind.CLIENT`": https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status. So requests of
    clients have no status, and calls that a function makes are errors. "Instrumentation Libraries SHOULD leave the status code
    as Unset unless there is an error": https://opentelemetry.io/docs/specs/otel/trace/api/#set-status.
    """
    if lost := [cause.sentence for cause in findings if cause.lost]:
        return {"code": _ERROR, "message": lost[0]}
    if activity.outcome is Outcome.FAILED:
        return {"code": _ERROR, "message": str(activity.error or activity.said or activity.label)}
    return None


def _of_service(activity: TracedActivity, given: Mapping[str, Any], gave: Mapping[str, Any]) -> dict[str, Any]:
    """https://opentelemetry.io/docs/specs/semconv/registry/attributes/aws/"""
    match activity.service:
        case "dynamodb":
            tables = [given["TableName"]] if given.get("TableName") else sorted(given.get("RequestItems") or {})
            return {
                "db.system.name": "aws.dynamodb",
                "db.operation.name": activity.name,
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
