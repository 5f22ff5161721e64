"""Records every AWS API call, with its caller."""

from collections.abc import Mapping
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.http import Response

from harness.emulator.host import attachments
from harness.emulator.journal import enrichers, marks, payloads
from harness.emulator.journal.activity import GATHERED, Gathered
from harness.emulator.journal.causes import CAUSE, HEADER, SEGMENTS, Cause
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.patches import inserted
from harness.journal.records import Kind

POLLING = frozenset(
    {
        "DescribeAlarms",
        "DescribeStream",
        "GetMetricData",
        "GetQueueAttributes",
        "GetRecords",
        "GetShardIterator",
        "ListShards",
        "ReceiveMessage",
    }
)
"""Asked again and again by event source mappings and alarms. What comes of it is recorded as a batch or a timer."""
BOOKKEEPING = frozenset(
    {
        ("cloudwatch", "PutMetricData"),
        ("lambda", "GetPolicy"),
        ("logs", "CreateLogGroup"),
        ("logs", "CreateLogStream"),
        ("logs", "PutLogEvents"),
        ("sqs", "GetQueueUrl"),
        ("sts", "AssumeRole"),
    }
)
"""Calls that services of the engine make to one another whatever they do."""


def begin(_chain: HandlerChain, context: RequestContext, _response: Response) -> None:
    if not JOURNAL.enabled or context.service is None or context.operation is None:
        return
    service, operation = context.service.service_name, context.operation.name
    caused_by = _cause(context)
    if context.is_internal_call and (
        (service, operation) in BOOKKEEPING or (caused_by is None and operation in POLLING)
    ):
        # What it triggers (a subscription of a log group) has the cause that it has.
        CAUSE.set(caused_by)
        return
    header = context.trace_context.get("aws_trace_header")
    request = context.service_request or {}
    activity = JOURNAL.begin(
        Kind.CALL,
        service=service,
        name=operation,
        cause=caused_by,
        trace=caused_by.trace if caused_by and caused_by.trace else (header.root if header else ""),
        account_id=context.account_id,
        region=context.region,
        resource=enrichers.resource_of(context) or marks.resource(service, request),
        takes=marks.taken_by_call(service, operation, request, context.account_id, context.region),
        data={
            "request": _recorded_request(context, service, request),
            "caller": _caller(context, caused_by),
            "request_id": context.request_id,
        },
    )
    attachments.ACTIVITY[context] = activity
    attachments.GATHERED[context] = gathered = Gathered()
    GATHERED.set(gathered)
    CAUSE.set(activity)


def end(_chain: HandlerChain, context: RequestContext, response: Response) -> None:
    activity = attachments.ACTIVITY.get(context)
    if activity is None or context.service is None or context.operation is None:
        return
    service, operation = context.service.service_name, context.operation.name
    answer: Any = context.service_response
    error = context.service_exception
    data: dict[str, Any] = {"status": response.status_code, **enrichers.added(context)}
    gathered = attachments.GATHERED[context]
    leaves = tuple(gathered.leaves)
    if error is not None:
        data["error"] = {"code": error.code, "message": error.message or str(error)}
        if (fault := attachments.FAULT.get(context)) is not None:
            data["fault"] = fault
    else:
        data["response"] = payloads.call_payload(context.operation, context.operation.output_shape, answer)
        leaves += marks.left_by_call(
            service,
            operation,
            context.service_request or {},
            answer,
            context.request_id,
            context.account_id,
            context.region,
        )
    takes = tuple(gathered.takes)
    JOURNAL.end(Kind.CALL, activity, service=service, name=operation, takes=takes, leaves=leaves, data=data)


def forget(_chain: HandlerChain, _context: RequestContext, _response: Response) -> None:
    """The thread goes back to its pool, and its next request has another cause."""
    CAUSE.set(None)
    GATHERED.set(None)


def _recorded_request(context: RequestContext, service: str, request: Mapping[str, Any]) -> Any:
    recorded = payloads.call_payload(context.operation, context.operation.input_shape, request)
    return enrichers.redacted(service, recorded, request)


def _cause(context: RequestContext) -> Cause | None:
    """Another service's activity, by our own header; or a function's invocation, by the segment that it was given."""
    header = context.request.headers.get(HEADER)
    if header is not None and context.is_internal_call:
        return Cause.from_header(header)
    trace = context.trace_context.get("aws_trace_header")
    return SEGMENTS.get(trace.parent if trace else None)


def _caller(context: RequestContext, caused_by: Cause | None) -> dict[str, Any]:
    """Who made the call: a service of the engine, a function, or a client outside."""
    if context.is_internal_call:
        told: Any = context.internal_request_params or {}
        named = {"principal": told.get("service_principal"), "source_arn": told.get("source_arn")}
        return {"kind": "service", **{name: value for name, value in named.items() if value}}
    agent = str(context.request.headers.get("user-agent", ""))
    # A function says what runs it, also where it calls outside of an invocation.
    if caused_by is not None or "exec-env/AWS_Lambda" in agent:
        return {"kind": "function"}
    return {"kind": "client", "agent": agent[:80]}


def install() -> None:
    # Before the faults: a call that a fault refuses was made.
    inserted(handlers, "serve_custom_service_request_handlers", begin, because="calls are recorded", first=True)
    inserted(handlers, "run_custom_response_handlers", end, because="calls are recorded")
    inserted(handlers, "run_custom_finalizers", forget, because="calls are recorded")
