"""What the hops of a flow are called, and which of them nobody wants to see who does not look for them."""

from collections.abc import Mapping
from typing import Any

from harness.flow.history import Activity
from harness.flow.steps import api_of, path_of
from harness.journal.records import Kind
from harness.report.whereabouts import Names

SERVICES: Mapping[str, str] = {
    "apigateway": "API Gateway",
    "apigatewaymanagementapi": "API Gateway",
    "apigatewayv2": "API Gateway",
    "cloudwatch": "CloudWatch",
    "cognito-idp": "Cognito",
    "cognito-identity": "Cognito identity",
    "dynamodb": "DynamoDB",
    "dynamodbstreams": "DynamoDB stream",
    "elbv2": "Application Load Balancer",
    "engine": "engine",
    "events": "EventBridge",
    "iam": "IAM",
    "kinesis": "Kinesis",
    "kms": "KMS",
    "lambda": "Lambda",
    "logs": "CloudWatch Logs",
    "s3": "S3",
    "scheduler": "EventBridge Scheduler",
    "secretsmanager": "Secrets Manager",
    "ses": "SES",
    "sesv2": "SES",
    "sns": "SNS",
    "sqs": "SQS",
    "ssm": "SSM",
    "stepfunctions": "Step Functions",
    "sts": "STS",
}
"""How people call services, by boto3's names."""

_POLLING = frozenset({"ReceiveMessage", "GetRecords", "GetShardIterator", "DescribeStream", "DeleteMessageBatch"})
_FACTS = {
    Kind.INVOCATION: ("request_id", "cold", "environment"),
    Kind.CALL: ("status", "request_id"),
    Kind.REQUEST: ("status", "connection", "stage"),
    Kind.FRAME: ("direction", "connection", "route", "number"),
    Kind.CONNECTION: ("connection", "code", "reason", "by"),
    Kind.DELIVERY: ("attempt", "input", "Input", "InputPath", "InputTransformer", "raw"),
    Kind.DECISION: (
        "reason",
        "pattern",
        "scope",
        "attributes",
        "principal",
        "role",
        "operation",
        "by",
        "missing",
        "near",
        "type",
        "first",
    ),
    Kind.BATCH: ("attempt", "shard", "failed", "filtered", "deleted", "visible_at", "committed", "retries"),
    Kind.TRANSITION: ("status",),
    Kind.DEAD_LETTER: ("reason",),
    Kind.TIMER: ("what", "when", "attempt", "schedule", "before", "after"),
}


def service(name: str) -> str:
    return SERVICES.get(name, name)


def title(activity: Activity, names: Names) -> str:
    """What happened, in a few words."""
    begin, data = activity.begin, activity.data
    match activity.kind:
        case Kind.CALL if begin.name == "PutEvents":
            return " ".join([begin.name, ", ".join(_detail_types(data))]).strip()
        case Kind.REQUEST if begin.service == "apigatewayv2":
            return f"connect to {names.of(api_of(activity))}"
        case Kind.REQUEST:
            return f"{data['method']} {path_of(data.get('path'))}" if data.get("method") else begin.name
        case Kind.FRAME if data.get("direction") == "out":
            return f"frame to {data.get('connection')}"
        case Kind.FRAME:
            return " ".join(filter(None, ["frame", str(data.get("route") or "that no route takes")]))
        case Kind.CONNECTION:
            return f"connection closed by {data.get('by')}"
        case Kind.INVOCATION:
            return f"{names.of(begin.resource or begin.name)} {'fails' if activity.error else 'runs'}"
        case Kind.DELIVERY:
            return f"to {names.of(str(data.get('target') or begin.resource))}"
        case Kind.DECISION if begin.service == "iam":
            # Only what is denied is a record of its own.
            return f"IAM {'would deny' if data.get('passed') else 'denies'} {begin.name}"
        case Kind.DECISION:
            passed = "matches" if begin.service == "events" else "lets it pass"
            return f"{_decider(activity, names)} {passed if data.get('passed', True) else 'refuses it'}"
        case Kind.BATCH:
            count = len(data.get("records") or ())
            return f"{_counted(count, 'record')} to {names.of(str(data.get('target') or begin.resource))}"
        case Kind.TRANSITION if "execution" in data:
            return f"{names.of(str(data.get('state_machine') or begin.name))} {_status(data)}"
        case Kind.TRANSITION:
            return " ".join(filter(None, [begin.resource, begin.name]))
        case Kind.MESSAGE:
            channel = {"sms": "text message"}.get(str(data.get("channel")), str(data.get("channel") or "message"))
            return f"{channel} to {', '.join(map(str, data.get('recipients') or [begin.resource]))}"
        case Kind.DEAD_LETTER:
            target = names.of(str(data.get("target") or ""))
            return f"given up, kept in {target}" if target else "given up, and lost"
        case Kind.TIMER:
            return _timer(activity)
    return begin.name


def subtitle(activity: Activity, names: Names) -> str:
    """Where it was: the service, and the resource where the title does not name it."""
    begin, data = activity.begin, activity.data
    told = [service(begin.service)]
    match activity.kind:
        case Kind.FRAME | Kind.CONNECTION:
            told.append(names.of(api_of(activity)))
            told.append("" if data.get("direction") == "out" else str(data.get("connection") or ""))
        case Kind.CALL | Kind.REQUEST:
            told.append(names.of(begin.resource))
        case Kind.INVOCATION:
            told += ["cold start"] if data.get("cold") else []
        case Kind.DELIVERY:
            told.append(f"from {names.of(str(data.get('source') or ''))}" if data.get("source") else "")
            told.append(f"attempt {data['attempt']}" if data.get("attempt", 1) != 1 else "")
        case Kind.DECISION:
            told.append(str(data.get("reason") or ""))
        case Kind.BATCH:
            told.append(f"from {names.of(str(data.get('source') or ''))}" if data.get("source") else "")
            told.append(f"attempt {data['attempt']}" if data.get("attempt", 1) != 1 else "")
        case Kind.MESSAGE:
            told.append(str(data.get("subject") or ""))
        case Kind.DEAD_LETTER:
            told += [f"of {names.of(str(data.get('source') or ''))}", str(data.get("reason") or "")]
    return " · ".join(filter(None, told))


def facts(activity: Activity, names: Names) -> dict[str, Any]:
    """What else is known of it; without what is empty."""
    data = activity.data
    found = {name: data[name] for name in _FACTS.get(activity.kind, ()) if data.get(name) not in (None, "", [], {})}
    caller = data.get("caller")
    if isinstance(caller, Mapping):
        found["caller"] = _caller(caller, names)
    if decided := [_decided(each) for each in data.get("access") or () if isinstance(each, Mapping)]:
        found["access"] = "; ".join(decided)
    if isinstance(activity.error, Mapping) and activity.error.get("fault"):
        found["fault"] = f"{activity.error['fault']}, which the test put in force"
    if activity.begin.region:
        found["region"] = activity.begin.region
    return found


def failed(activity: Activity) -> bool:
    """Whether it went wrong: a function raised, a call was refused, an event was given up."""
    if activity.kind is Kind.DEAD_LETTER or activity.error not in (None, "", {}):
        return True
    if activity.kind is Kind.BATCH:
        return bool(activity.data.get("failed"))
    status = activity.data.get("status")
    if activity.kind is Kind.REQUEST:
        return isinstance(status, int) and status >= 400
    return activity.kind is Kind.TRANSITION and status in ("FAILED", "TIMED_OUT", "ABORTED")


def is_quiet(activity: Activity) -> bool:
    """Plumbing: threads of the engine, calls by which a service delivers, polling, the events of an execution's history,
    the archive that takes everything. What failed is told."""
    if activity.kind is Kind.WORK:
        return True
    if failed(activity):
        return False
    begin, data = activity.begin, activity.data
    if activity.kind is Kind.TRANSITION:
        return "execution" not in data
    if activity.kind is Kind.CALL:
        caller = data.get("caller")
        return begin.name in _POLLING or (isinstance(caller, Mapping) and caller.get("kind") == "service")
    if activity.kind is Kind.DECISION and data.get("reason") == "NoRules":
        # AWS's services tell the default bus what they do, whether anybody listens or not.
        event = data.get("event")
        return isinstance(event, Mapping) and str(event.get("source", "")).startswith("aws.")
    if activity.kind in (Kind.DECISION, Kind.DELIVERY):
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html: an archive is a rule of its own.
        return begin.name.startswith("Events-Archive-")
    return False


def _detail_types(data: Mapping[str, Any]) -> list[str]:
    request = data.get("request")
    entries = request.get("Entries") if isinstance(request, Mapping) else None
    types = [str(entry.get("DetailType", "")) for entry in entries or () if isinstance(entry, Mapping)]
    return list(dict.fromkeys(filter(None, types)))


def _decider(activity: Activity, names: Names) -> str:
    data, resource = activity.data, activity.begin.resource
    if activity.begin.service == "sns" and data.get("target"):
        return f"subscription of {names.of(str(data['target']))}"
    if activity.begin.service == "events" and not data.get("rule"):
        return f"bus {names.of(resource or activity.begin.name)}"
    kind = "rule " if activity.begin.service == "events" else ""
    return kind + names.of(str(data.get("rule") or resource) or activity.begin.name)


def _decided(decision: Mapping[str, Any]) -> str:
    """What IAM said of one action of a call, and by which statement."""
    by = decision.get("by")
    statement = (
        ", ".join(filter(None, [str(by.get("policy") or ""), str(by.get("statement") or "")]))
        if isinstance(by, Mapping)
        else ""
    )
    said = "allowed" if decision.get("allowed") else "denied"
    return " ".join(filter(None, [str(decision.get("action", "")), said, f"by {statement}" if statement else ""]))


def _caller(caller: Mapping[str, Any], names: Names) -> str:
    told = caller.get("principal") or caller.get("agent") or ""
    source = names.of(str(caller.get("source_arn") or ""))
    return " ".join(filter(None, [str(caller.get("kind", "")), str(told), f"for {source}" if source else ""]))


def _timer(activity: Activity) -> str:
    what, when = activity.data.get("what"), activity.data.get("when")
    due = f" in {max(0.0, when - activity.begin.at):.3g} s" if isinstance(when, (int, float)) else ""
    if what == "retry":
        return f"tried again{due}"
    return f"{what or activity.begin.name}{due}"


def _status(data: Mapping[str, Any]) -> str:
    return {"SUCCEEDED": "succeeds", "FAILED": "fails", "TIMED_OUT": "times out", "ABORTED": "is stopped"}.get(
        str(data.get("status")), "runs"
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_NODE_KINDS = {
    "apigateway": "rest_api", "apigatewaymanagementapi": "websocket_api", "apigatewayv2": "websocket_api",
    "cognito-idp": "user_pool", "dynamodb": "table", "dynamodbstreams": "table", "elbv2": "load_balancer", "events": "bus",
    "kinesis": "stream", "kms": "key", "lambda": "function", "logs": "log_group", "s3": "bucket", "scheduler": "schedule",
    "secretsmanager": "secret", "ses": "email_identity", "sesv2": "email_identity", "sns": "topic", "sqs": "queue",
    "stepfunctions": "state_machine", "cloudwatch": "alarm",
}  # fmt: skip


def node_kind(service_name: str, kind: str) -> str:
    """The kind of node of the topology that stands for a service; of a mail the sender's, of a timer the clock's."""
    if kind == "timer":
        return "schedule"
    if kind == "message":
        return "email_identity"
    return _NODE_KINDS.get(service_name, "external")
