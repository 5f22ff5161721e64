"""The service `xray` as LocalStack plugin. What it does not support it refuses; nothing is accepted without effect.

https://docs.aws.amazon.com/xray/latest/api/API_Operations.html
"""

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.skeleton import Skeleton
from localstack.aws.spec import load_service
from localstack.services.plugins import Service, aws_provider

from harness.emulator.controls.emptying import empties
from harness.emulator.xray import filter_expressions, graph, matching, pages, sampling, segments, state, summaries
from harness.emulator.xray.traces import XrayTrace

Request = dict[str, Any]
Handler = Callable[[RequestContext, Any], Any]

_MAX_TRACE_IDS = 5
_SUMMARIES_RANGE = timedelta(hours=24)
_GRAPH_RANGE = timedelta(hours=6)
_TRACE_ID = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")
_DEFAULT_GROUP = "Default"


def _invalid(message: str) -> CommonServiceException:
    return CommonServiceException("InvalidRequestException", message, status_code=400, sender_fault=True)


def _unsupported(what: str, instead: str) -> CommonServiceException:
    return _invalid(f"The emulator does not support {what}. {instead}")


def _store(context: RequestContext) -> state.TraceStore:
    return state.STORES[context.account_id][context.region]


# ---- sending -----------------------------------------------------------------------------------------------------


def _put_trace_segments(context: RequestContext, request: Request) -> Any:
    now = time.time()
    store = _store(context)
    store.forget_old(now)
    refused = []
    for text in request["TraceSegmentDocuments"]:
        try:
            store.put(segments.parse(text, now), len(text))
        except segments.InvalidDocumentError as error:
            refused.append(error.as_response())
    return {"UnprocessedTraceSegments": refused}


def _put_telemetry_records(_context: RequestContext, _request: Request) -> Any:
    """Counts of the daemon, which no operation of X-Ray returns."""
    return {}


# ---- reading -----------------------------------------------------------------------------------------------------


def _get_trace_summaries(context: RequestContext, request: Request) -> Any:
    start, end = _time_range(request, _SUMMARIES_RANGE)
    if request.get("Sampling") or request.get("SamplingStrategy"):
        raise _unsupported("Sampling and SamplingStrategy of GetTraceSummaries", "Omit them to get every trace.")
    expression = None
    if text := request.get("FilterExpression"):
        try:
            expression = filter_expressions.parse(text)
        except filter_expressions.FilterExpressionError as error:
            raise _invalid(str(error)) from None
    is_in_range = summaries.IN_RANGE[request.get("TimeRangeType") or "TraceId"]
    scanned = [each for each in _store(context).compiled() if is_in_range(each, start, end)]
    account_id = context.account_id
    found = [each for each in scanned if expression is None or matching.matches(each, expression, account_id)]
    try:
        shown, token = pages.page(found, request)
    except pages.InvalidTokenError as error:
        raise _invalid(str(error)) from None
    return {
        "TraceSummaries": [summaries.summary(each, account_id) for each in shown],
        "TracesProcessedCount": len(scanned),
        "ApproximateTime": datetime.fromtimestamp(shown[-1].time if token else start, UTC),
        **({"NextToken": token} if token else {}),
    }


def _batch_get_traces(context: RequestContext, request: Request) -> Any:
    found, missing = _traces(context, request, _MAX_TRACE_IDS)
    return {"Traces": [_whole(each) for each in found], "UnprocessedTraceIds": missing}


def _whole(trace: XrayTrace) -> dict[str, Any]:
    compiled = trace.compiled()
    whole = {"Id": trace.id, "LimitExceeded": trace.is_limit_exceeded, "Segments": compiled.segment_documents()}
    return whole if compiled.duration is None else {**whole, "Duration": round(compiled.duration, 6)}


def _get_trace_graph(context: RequestContext, request: Request) -> Any:
    found, _missing = _traces(context, request, None)
    return {"Services": graph.service_graph(each.compiled() for each in found)}


def _get_service_graph(context: RequestContext, request: Request) -> Any:
    start, end = _time_range(request, _GRAPH_RANGE)
    _refuse_token(request)
    arn = f"arn:aws:xray:{context.region}:{context.account_id}:group/{_DEFAULT_GROUP}"
    if request.get("GroupName") not in (None, _DEFAULT_GROUP) or request.get("GroupARN") not in (None, arn):
        raise _unsupported("groups", f"The only one is '{_DEFAULT_GROUP}', which has every trace.")
    is_in_range = summaries.IN_RANGE["Event"]
    return {
        "StartTime": request["StartTime"],
        "EndTime": request["EndTime"],
        "Services": graph.service_graph(each for each in _store(context).compiled() if is_in_range(each, start, end)),
        "ContainsOldGroupVersions": False,
    }


def _time_range(request: Request, longest: timedelta) -> tuple[float, float]:
    """AWS documents no limits; it has refused a longer range with these words
    (`Time range cannot be longer than 6 hours`, for the service graph)."""
    start, end = request["StartTime"], request["EndTime"]
    if start > end:
        raise _invalid("StartTime cannot be after EndTime")
    if end - start > longest:
        raise _invalid(f"Time range cannot be longer than {longest // timedelta(hours=1)} hours")
    return start.timestamp(), end.timestamp()


def _traces(context: RequestContext, request: Request, limit: int | None) -> tuple[list[XrayTrace], list[str]]:
    """The traces that exist, and the ids that no trace has."""
    _refuse_token(request)
    names = list(dict.fromkeys(request["TraceIds"]))
    if limit is not None and len(names) > limit:
        raise _invalid(f"TraceIds has {len(names)} trace ids. It can have up to {limit}.")
    for name in names:
        if not _TRACE_ID.fullmatch(name):
            raise _invalid(f"Invalid trace id: {name}")
    kept = _store(context).traces
    found = [kept[name] for name in names if name in kept]
    return found, [name for name in names if name not in kept]


def _refuse_token(request: Request) -> None:
    if request.get("NextToken"):
        raise _invalid("The NextToken is not valid.")


# ---- sampling ----------------------------------------------------------------------------------------------------


def _get_sampling_rules(context: RequestContext, request: Request) -> Any:
    _refuse_token(request)
    return {"SamplingRuleRecords": [sampling.default_rule(context.account_id, context.region)]}


def _get_sampling_targets(_context: RequestContext, request: Request) -> Any:
    return sampling.targets(request["SamplingStatisticsDocuments"], datetime.now(UTC))


# ---- the service -------------------------------------------------------------------------------------------------

OPERATIONS: Mapping[str, Handler] = {
    "BatchGetTraces": _batch_get_traces,
    "GetSamplingRules": _get_sampling_rules,
    "GetSamplingTargets": _get_sampling_targets,
    "GetServiceGraph": _get_service_graph,
    "GetTraceGraph": _get_trace_graph,
    "GetTraceSummaries": _get_trace_summaries,
    "PutTelemetryRecords": _put_telemetry_records,
    "PutTraceSegments": _put_trace_segments,
}


def _refusal(operation: str) -> Handler:
    def refuse(_context: RequestContext, _request: Any) -> Any:
        raise _unsupported(f"{operation} of X-Ray", f"Supported are {', '.join(OPERATIONS)}.")

    return refuse


@aws_provider(api="xray", name="default")
def xray() -> Service:
    model = load_service("xray")
    table = {operation: OPERATIONS.get(operation) or _refusal(operation) for operation in model.operation_names}
    service = Service(name="xray", skeleton=Skeleton(model, table))
    service._provider = state.XrayState()
    # A service that was never called is not loaded, and has nothing to empty.
    empties("xray", state.empty)
    return service
