"""How IAM sees DynamoDB: what a call asks for, its condition keys, and the policies of resources."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from harness.emulator.access.engine_state import split_arn
from harness.emulator.access.operation import Operation, RequestedAction, arn_or
from harness.emulator.access.services import Found, adds_facts, asks, keeps_policies

_TRANSACTED = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
_PARTIQL = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE)\b(?:.*?\b(?:FROM|INTO))?\s+\"?([\w.\-:/]+)\"?(?:\.\"?([\w.\-]+)\"?)?",
    re.IGNORECASE | re.DOTALL,
)


def install() -> None:
    asks("dynamodb", _asked)
    adds_facts("dynamodb", _facts)
    keeps_policies("dynamodb", _policy)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    parameters = operation.parameters
    match operation.name:
        case "BatchGetItem" | "BatchWriteItem":
            return [
                RequestedAction(action, _table(operation, table), facts=_leading_keys(operation, table, entries))
                for table, entries in (parameters.get("RequestItems") or {}).items()
            ]
        case "TransactGetItems" | "TransactWriteItems":
            # Each of its items is decided as the single call that it stands for
            # (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html).
            return [
                RequestedAction(f"dynamodb:{_TRANSACTED.get(kind, 'GetItem')}", _table(operation, item["TableName"]))
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
            return [RequestedAction(action, found[0])] if found else None
    if stream_arn := parameters.get("StreamArn"):
        return [RequestedAction(action, str(stream_arn))]
    if table := parameters.get("TableName"):
        return [RequestedAction(action, _table(operation, str(table), parameters.get("IndexName")))]
    return None


def _table(operation: Operation, name: str, index: str | None = None) -> str:
    arn = arn_or(name, lambda n: operation.arn("dynamodb", f"table/{n}"))
    return f"{arn}/index/{index}" if index else arn


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


def partition_key(account_id: str, region: str, table: str) -> str | None:
    """The name of the table's partition key."""
    from moto.dynamodb.models import dynamodb_backends

    found = dynamodb_backends[account_id][region].tables.get(table)
    return str(found.hash_key_attr) if found is not None else None


def _partiql(operation: Operation, statement: str) -> RequestedAction:
    found = _PARTIQL.match(statement)
    if found is None:
        return RequestedAction("dynamodb:PartiQLSelect", "*", mapped=False)
    return RequestedAction(f"dynamodb:PartiQL{found[1].capitalize()}", _table(operation, found[2], found[3]))


def _facts(operation: Operation) -> Found:
    parameters = operation.parameters
    facts: Found = {}
    attributes = parameters.get("AttributesToGet")
    if parameters.get("ProjectionExpression"):
        names = parameters.get("ExpressionAttributeNames") or {}
        attributes = [names.get(a.strip(), a.strip()) for a in str(parameters["ProjectionExpression"]).split(",")]
    if attributes:
        facts["dynamodb:attributes"] = tuple(str(a) for a in attributes)
    table = parameters.get("TableName")
    items = [parameters[n] for n in ("Key", "Item") if isinstance(parameters.get(n), Mapping)]
    if table and items:
        facts.update(leading_keys(operation, str(table), items))
    return facts


def _policy(arn: str, _action: str) -> Any:
    from moto.dynamodb.models import dynamodb_backends

    region, account_id, rest = split_arn(arn)
    # An index has no policy: its table's policy covers it.
    table = arn if "/" not in rest else ":".join([*arn.split(":")[:5], "/".join(rest.split("/")[:2])])
    policy = dynamodb_backends[account_id][region].resource_policies.get(table)
    return policy.policy_doc if policy is not None else None
