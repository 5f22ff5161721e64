"""Services whose requests name their resources in ways of their own.

Each rule answers what the call asks for, or None where the authorization reference says it well enough.
"""

import email
import email.policy
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

from harness.emulator.access.engine_state import (
    iam_arn,
    key_arn,
    key_of_ciphertext,
    lacks_object,
    machine_of_task_token,
    mail_identity,
    partition_key,
    secret_arn,
    stream_of_iterator,
)
from harness.emulator.access.operation import Asked, Operation
from harness.emulator.access.policy import listed

Rule = Callable[[Operation, str], list[Asked] | None]


def _arn_or(value: str, otherwise: Callable[[str], str]) -> str:
    return value if value.startswith("arn:") else otherwise(value)


# ---- queues and topics -------------------------------------------------------------------------------------------


def _sqs(operation: Operation, action: str) -> list[Asked] | None:
    url = operation.parameters.get("QueueUrl")
    if url:
        # .../<account>/<name>, whatever is before it.
        *before, queue = urlsplit(str(url)).path.strip("/").split("/")
        account = before[-1] if before else ""
        known = account if re.fullmatch(r"\d{12}", account) else None
        return [Asked(action, operation.arn("sqs", queue, _queue_region(str(url)), known))]
    if name := operation.parameters.get("QueueName"):
        owner = operation.parameters.get("QueueOwnerAWSAccountId")
        return [Asked(action, operation.arn("sqs", str(name), account_id=owner))]
    return None


def _queue_region(url: str) -> str | None:
    """LocalStack's URLs say the region as AWS's do (`sqs.eu-west-1.…`) or in their path (`/queue/eu-west-1/…`)."""
    found = re.search(r"(?://(?:sqs\.)?|/queue/)([a-z]{2}(?:-[a-z]+)+-\d)[./]", url)
    return found[1] if found else None


def _sns(operation: Operation, action: str) -> list[Asked] | None:
    if operation.name == "Publish" and (number := operation.parameters.get("PhoneNumber")):
        # A phone number is no resource: policies name it by "*" alone
        # (https://docs.aws.amazon.com/sns/latest/dg/sns-using-identity-based-policies.html).
        return [Asked(action, str(number))]
    for name in ("TopicArn", "TargetArn", "ResourceArn"):
        if value := operation.parameters.get(name):
            return [Asked(action, str(value))]
    if subscription := operation.parameters.get("SubscriptionArn"):
        return [Asked(action, str(subscription).rpartition(":")[0])]
    return None


# ---- tables and streams ------------------------------------------------------------------------------------------


def _table(operation: Operation, name: str, index: str | None = None) -> str:
    arn = _arn_or(name, lambda n: operation.arn("dynamodb", f"table/{n}"))
    return f"{arn}/index/{index}" if index else arn


_TRANSACTED = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
_PARTIQL = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE)\b(?:.*?\b(?:FROM|INTO))?\s+\"?([\w.\-:/]+)\"?(?:\.\"?([\w.\-]+)\"?)?",
    re.IGNORECASE | re.DOTALL,
)


def _dynamodb(operation: Operation, action: str) -> list[Asked] | None:
    parameters = operation.parameters
    match operation.name:
        case "BatchGetItem" | "BatchWriteItem":
            return [
                Asked(action, _table(operation, table), facts=_leading_keys(operation, table, entries))
                for table, entries in (parameters.get("RequestItems") or {}).items()
            ]
        case "TransactGetItems" | "TransactWriteItems":
            # Each of its items is asked for as the call of its own that it stands for
            # (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html).
            return [
                Asked(f"dynamodb:{_TRANSACTED.get(kind, 'GetItem')}", _table(operation, item["TableName"]))
                for entry in parameters.get("TransactItems") or ()
                for kind, item in entry.items()
                if item
            ]
        case "ExecuteStatement" | "BatchExecuteStatement" | "ExecuteTransaction":
            statements = (
                [parameters]
                if "Statement" in parameters
                else parameters.get("Statements") or parameters.get("TransactStatements")
            )
            return [_partiql(operation, str(s["Statement"])) for s in statements or ()]
        case "GetRecords":
            # The iterator holds the stream's ARN.
            stream = str(parameters.get("ShardIterator", "")).partition("|")[0]
            found = re.match(r"arn:[^|]*?/stream/[^/|]+", stream)
            return [Asked(action, found[0])] if found else None
    if stream_arn := parameters.get("StreamArn"):
        return [Asked(action, str(stream_arn))]
    if table := parameters.get("TableName"):
        return [Asked(action, _table(operation, str(table), parameters.get("IndexName")))]
    return None


def _leading_keys(operation: Operation, table: str, entries: Any) -> dict[str, tuple[str, ...]]:
    if isinstance(entries, dict):
        keys = entries.get("Keys") or ()
    else:
        written = [next(iter(r.values()), None) or {} for r in entries or ()]
        keys = [entry.get("Key") or entry.get("Item") or {} for entry in written]
    return leading_keys(operation, table, keys)


def leading_keys(operation: Operation, table: str, items: Iterable[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """`dynamodb:LeadingKeys`: the partition keys that the call names
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html)."""
    name = partition_key(operation.account_id, operation.region, table.rpartition("/")[2])
    values = tuple(str(next(iter(item[name].values()))) for item in items if name and item.get(name))
    return {"dynamodb:leadingkeys": values} if values else {}


def _partiql(operation: Operation, statement: str) -> Asked:
    found = _PARTIQL.match(statement)
    if found is None:
        return Asked("dynamodb:PartiQLSelect", "*", mapped=False)
    return Asked(f"dynamodb:PartiQL{found[1].capitalize()}", _table(operation, found[2], found[3]))


def _kinesis(operation: Operation, action: str) -> list[Asked] | None:
    if consumer := operation.parameters.get("ConsumerARN"):
        return [Asked(action, str(consumer))]
    if stream := operation.parameters.get("StreamARN"):
        return [Asked(action, str(stream))]
    if name := operation.parameters.get("StreamName"):
        return [Asked(action, operation.arn("kinesis", f"stream/{name}"))]
    if operation.name == "GetRecords":
        stream = stream_of_iterator(str(operation.parameters.get("ShardIterator", "")))
        return [Asked(action, stream)] if stream else None
    return None


# ---- objects -----------------------------------------------------------------------------------------------------

_OF_OBJECTS = frozenset(
    {"RestoreObject", "AbortMultipartUpload", "ListMultipartUploadParts", "BypassGovernanceRetention"}
)
_VERSIONED = {
    "GetObject",
    "DeleteObject",
    "GetObjectAcl",
    "PutObjectAcl",
    "GetObjectTagging",
    "PutObjectTagging",
    "DeleteObjectTagging",
}
_READING = {"GetObject", "HeadObject"}


def _s3(operation: Operation, action: str) -> list[Asked] | None:
    parameters = operation.parameters
    bucket = parameters.get("Bucket")
    if not bucket:
        return [Asked(action, "*")]
    bucket_arn = _arn_or(str(bucket), lambda b: f"arn:{operation.partition}:s3:::{b}")
    if operation.name == "DeleteObjects":
        entries = (parameters.get("Delete") or {}).get("Objects") or ()
        return [
            Asked("s3:DeleteObjectVersion" if o.get("VersionId") else action, f"{bucket_arn}/{o['Key']}")
            for o in entries
        ]
    name = action.partition(":")[2]
    key = parameters.get("Key")
    if key is None or not (name in _OF_OBJECTS or "Object" in name) or name.startswith("GetBucket"):
        return [Asked(action, bucket_arn)]
    if parameters.get("VersionId") and name in _VERSIONED:
        action = f"s3:{name.replace('Object', 'ObjectVersion', 1)}"
    asked = [Asked(action, f"{bucket_arn}/{key}")]
    if source := parameters.get("CopySource"):
        asked.insert(0, _copy_source(operation, source))
    if operation.name in _READING and lacks_object(str(bucket), str(key), parameters.get("VersionId")):
        # Who may not know what is in the bucket is not told that it is not there, either
        # (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax, "Permissions").
        asked.append(Asked("s3:ListBucket", bucket_arn))
    if parameters.get("Tagging") and name == "PutObject":
        asked.append(Asked("s3:PutObjectTagging", f"{bucket_arn}/{key}"))
    if parameters.get("ACL") and name == "PutObject":
        asked.append(Asked("s3:PutObjectAcl", f"{bucket_arn}/{key}"))
    return asked


def _copy_source(operation: Operation, source: Any) -> Asked:
    if isinstance(source, dict):
        path, version = f"{source['Bucket']}/{source['Key']}", source.get("VersionId")
    else:
        path, _, query = str(source).partition("?")
        version = query.partition("versionId=")[2]
        path = unquote(path).lstrip("/")
    action = "s3:GetObjectVersion" if version else "s3:GetObject"
    return Asked(action, _arn_or(path, lambda p: f"arn:{operation.partition}:s3:::{p}"))


# ---- functions ---------------------------------------------------------------------------------------------------

_FUNCTION = re.compile(
    r"(?:arn:[^:]+:lambda:(?P<region>[^:]+):)?(?:(?P<account>\d{12}):)?(?:function:)?(?P<name>[^:]+)(?::(?P<qualifier>[^:]+))?"
)


def _lambda(operation: Operation, action: str) -> list[Asked] | None:
    parameters = operation.parameters
    name = parameters.get("FunctionName")
    if operation.name in ("CreateEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping"):
        return [Asked(action, "*")]
    found = _FUNCTION.fullmatch(str(name)) if name else None
    if found is None:
        return None
    qualifier = parameters.get("Qualifier") or found["qualifier"]
    rest = f"function:{found['name']}" + (f":{qualifier}" if qualifier else "")
    return [Asked(action, operation.arn("lambda", rest, found["region"], found["account"]))]


# ---- events and workflows ----------------------------------------------------------------------------------------


def _bus(operation: Operation, name: str | None) -> str:
    return _arn_or(name or "default", lambda n: operation.arn("events", f"event-bus/{n}"))


def _events(operation: Operation, action: str) -> list[Asked] | None:
    parameters = operation.parameters
    if operation.name == "PutEvents":
        # A condition has to hold for each entry
        # (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html).
        return [
            Asked(
                action,
                _bus(operation, entry.get("EventBusName")),
                facts={
                    key: (str(entry[name]),)
                    for key, name in (("events:source", "Source"), ("events:detail-type", "DetailType"))
                    if entry.get(name)
                },
            )
            for entry in parameters.get("Entries") or ()
        ]
    rule = parameters.get("Rule") or (parameters.get("Name") if operation.name.endswith("Rule") else None)
    if rule:
        bus = str(parameters.get("EventBusName") or "default").rpartition("/")[2]
        path = f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}"
        return [Asked(action, operation.arn("events", path))]
    if operation.name in ("PutPermission", "RemovePermission"):
        return [Asked(action, _bus(operation, parameters.get("EventBusName")))]
    if name := parameters.get("Name"):
        if operation.name.endswith("EventBus"):
            return [Asked(action, _bus(operation, str(name)))]
        for kind in ("ApiDestination", "Connection"):
            if operation.name.endswith(kind):
                path = {"ApiDestination": "api-destination", "Connection": "connection"}[kind]
                return [Asked(action, operation.arn("events", f"{path}/{name}"))]
    return None


def _states(operation: Operation, action: str) -> list[Asked] | None:
    for name in ("executionArn", "stateMachineArn", "activityArn", "mapRunArn", "resourceArn"):
        if value := operation.parameters.get(name):
            return [Asked(action, str(value))]
    # The Service Authorization Reference names no resource for these, and AWS takes that of the task all the same: CDK's
    # grantTaskResponse allows them on the state machine (https://github.com/aws/aws-cdk/pull/8486).
    if (token := operation.parameters.get("taskToken")) and (machine := machine_of_task_token(str(token), operation)):
        return [Asked(action, machine)]
    return None


def _scheduler(operation: Operation, action: str) -> list[Asked] | None:
    name = operation.parameters.get("Name")
    if name and operation.name.endswith("Schedule"):
        group = operation.parameters.get("GroupName") or "default"
        return [Asked(action, operation.arn("scheduler", f"schedule/{group}/{name}"))]
    return None


# ---- keys, secrets, parameters -----------------------------------------------------------------------------------


def _kms(operation: Operation, action: str) -> list[Asked] | None:
    parameters = operation.parameters
    if operation.name == "ReEncrypt":
        source = parameters.get("SourceKeyId")
        read = (
            key_arn(source, operation)
            if source
            else key_of_ciphertext(parameters.get("CiphertextBlob") or b"", operation)
        )
        write = key_arn(parameters["DestinationKeyId"], operation)
        return [Asked("kms:ReEncryptFrom", read or "*"), Asked("kms:ReEncryptTo", write)]
    named = parameters.get("KeyId") or parameters.get("TargetKeyId")
    if named:
        return [Asked(action, key_arn(str(named), operation))]
    if blob := parameters.get("CiphertextBlob"):
        found = key_of_ciphertext(blob, operation)
        return [Asked(action, found)] if found else None
    return None


def _secretsmanager(operation: Operation, action: str) -> list[Asked] | None:
    if operation.name == "BatchGetSecretValue":
        named = parameters if (parameters := operation.parameters.get("SecretIdList")) else ()
        return [
            Asked(action, "*"),
            *(Asked("secretsmanager:GetSecretValue", secret_arn(str(s), operation)) for s in named),
        ]
    secret = operation.parameters.get("SecretId")
    if secret:
        return [Asked(action, secret_arn(str(secret), operation))]
    if name := operation.parameters.get("Name"):
        return [Asked(action, operation.arn("secretsmanager", f"secret:{name}"))]
    return None


def _ssm(operation: Operation, action: str) -> list[Asked] | None:
    if "Parameter" not in operation.name:
        return None
    names = listed(
        operation.parameters.get("Names") or operation.parameters.get("Name") or operation.parameters.get("Path")
    )
    # A version or a label may follow the name (`name:3`); the ARN has neither.
    texts = [n if n.startswith("arn:") else str(n).partition(":")[0] for n in names]
    arns = [_arn_or(n, lambda n: operation.arn("ssm", f"parameter/{n.lstrip('/')}")) for n in texts]
    return [Asked(action, arn) for arn in arns] or None


# ---- mails, logs, people -----------------------------------------------------------------------------------------


def _ses(operation: Operation, action: str) -> list[Asked] | None:
    parameters = operation.parameters
    sender = parameters.get("Source") or parameters.get("FromEmailAddress")
    if sender is None and operation.name == "SendRawEmail":
        sender = _from_header(parameters.get("RawMessage") or {})
    if sender:
        address = str(sender).rpartition("<")[2].rstrip("> ").strip()
        identity = mail_identity(address, operation)
        facts: dict[str, tuple[str, ...]] = {"ses:fromaddress": (address,)}
        recipients = [a for to in (parameters.get("Destination") or {}).values() for a in listed(to)]
        if recipients:
            facts["ses:recipients"] = tuple(str(r) for r in recipients)
        asked = [Asked(action, operation.arn("ses", f"identity/{identity}"), facts=facts)]
        template = parameters.get("Template") or (parameters.get("Content") or {}).get("Template", {}).get(
            "TemplateName"
        )
        if template:
            asked.append(Asked(action, operation.arn("ses", f"template/{template}"), facts=facts))
        if configuration := parameters.get("ConfigurationSetName"):
            asked.append(Asked(action, operation.arn("ses", f"configuration-set/{configuration}"), facts=facts))
        return asked
    for name in ("EmailIdentity", "Identity", "EmailAddress", "Domain"):
        if value := parameters.get(name):
            resource = operation.arn("ses", f"identity/{value}")
            return [Asked(action, resource if operation.service == "sesv2" else "*")]
    return None


def _from_header(message: dict[str, Any]) -> str | None:
    data = message.get("Data") or b""
    parsed = email.message_from_bytes(
        data if isinstance(data, bytes) else str(data).encode(), policy=email.policy.default
    )
    return str(parsed["from"]) if parsed["from"] else None


def _logs(operation: Operation, action: str) -> list[Asked] | None:
    parameters = operation.parameters
    group = parameters.get("logGroupName") or parameters.get("logGroupIdentifier")
    if group is None and (prefix := parameters.get("logGroupNamePrefix")):
        group = prefix
    if group is None and operation.name == "DescribeLogGroups":
        group = ""
    if group is None:
        return None
    name = str(group).removesuffix(":*").partition(":log-group:")[2] or str(group)
    stream = parameters.get("logStreamName") or ""
    # The reason why policies end in `:*`: a group is always asked for with the stream, if an empty one
    # (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html).
    return [Asked(action, operation.arn("logs", f"log-group:{name}:log-stream:{stream}"))]


def _iam(operation: Operation, action: str) -> list[Asked] | None:
    for parameter, kind in (
        ("RoleName", "role"),
        ("UserName", "user"),
        ("GroupName", "group"),
        ("PolicyArn", "policy"),
    ):
        if value := operation.parameters.get(parameter):
            return [Asked(action, iam_arn(kind, str(value), operation))]
    return None


def _sts(operation: Operation, action: str) -> list[Asked] | None:
    if role := operation.parameters.get("RoleArn"):
        return [Asked(action, str(role))]
    return None


# ---- front doors -------------------------------------------------------------------------------------------------


def _apigateway(operation: Operation, _action: str) -> list[Asked]:
    """The actions are the methods of HTTP, the resources its paths
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html)."""
    return [
        Asked(
            f"apigateway:{operation.method}",
            f"arn:{operation.partition}:apigateway:{operation.region}::{operation.path}",
        )
    ]


WEBSOCKET_STAGE = "x-harness-websocket-stage"
"""The header with the ARN of the stage whose connection a call is about: the address that said so is taken off by then."""


def _execute_api(operation: Operation, action: str) -> list[Asked] | None:
    """A connection of a WebSocket API
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html)."""
    stage = operation.headers.get(WEBSOCKET_STAGE)
    if stage is None:
        return None
    return [Asked(action, f"{stage}/{operation.method}/{unquote(operation.path.lstrip('/'))}")]


def _cloudformation(operation: Operation, action: str) -> list[Asked] | None:
    if name := operation.parameters.get("StackName"):
        return [Asked(action, _arn_or(str(name), lambda n: operation.arn("cloudformation", f"stack/{n}/*")))]
    return None


# ---- load balancers ------------------------------------------------------------------------------------------------


def _elasticloadbalancing(operation: Operation, action: str) -> list[Asked] | None:
    """What is to be made has a name, and no id yet."""
    name = operation.parameters.get("Name")
    match operation.name:
        case "CreateLoadBalancer" if name:
            return [Asked(action, operation.arn("elasticloadbalancing", f"loadbalancer/app/{name}/*"))]
        case "CreateTargetGroup" if name:
            return [Asked(action, operation.arn("elasticloadbalancing", f"targetgroup/{name}/*"))]
        case "SetRulePriorities":
            return [Asked(action, str(each["RuleArn"])) for each in operation.parameters["RulePriorities"]]
    return None


RULES: dict[str, Rule] = {
    "apigateway": _apigateway,
    "cloudformation": _cloudformation,
    "dynamodb": _dynamodb,
    "elasticloadbalancing": _elasticloadbalancing,
    "events": _events,
    "execute-api": _execute_api,
    "iam": _iam,
    "kinesis": _kinesis,
    "kms": _kms,
    "lambda": _lambda,
    "logs": _logs,
    "s3": _s3,
    "scheduler": _scheduler,
    "secretsmanager": _secretsmanager,
    "ses": _ses,
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _ssm,
    "states": _states,
    "sts": _sts,
}
