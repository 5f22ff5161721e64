"""Changes of a DynamoDB table that is there
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html)."""

from typing import Any

from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.updates import TypeUpdate, Update


def change_table(update: Update) -> None:
    dynamodb, name = update.client("dynamodb"), update.after["TableName"]
    after = update.after
    given: dict[str, Any] = {}
    if update.changes("BillingMode", "ProvisionedThroughput"):
        given["BillingMode"] = after.get("BillingMode", "PROVISIONED")
        if given["BillingMode"] == "PROVISIONED":
            given["ProvisionedThroughput"] = _numbers(after.get("ProvisionedThroughput") or {})
    if update.changes("DeletionProtectionEnabled"):
        given["DeletionProtectionEnabled"] = str(after.get("DeletionProtectionEnabled", False)).lower() == "true"
    if update.changes("TableClass"):
        given["TableClass"] = after.get("TableClass", "STANDARD")
    if update.changes("SSESpecification"):
        settings = dict(after.get("SSESpecification") or {"SSEEnabled": False})
        settings["Enabled"] = settings.pop("SSEEnabled")
        given["SSESpecification"] = settings
    if given:
        dynamodb.update_table(TableName=name, **given)
    if update.changes("StreamSpecification"):
        _change_stream(update, dynamodb)
    _change_indexes(update, dynamodb)
    if update.changes("TimeToLiveSpecification"):
        _change_time_to_live(update, dynamodb)
    if update.changes("PointInTimeRecoverySpecification"):
        settings = after.get("PointInTimeRecoverySpecification") or {"PointInTimeRecoveryEnabled": False}
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=settings)
    if update.changes("Tags"):
        _change_tags(update, dynamodb)


def _change_stream(update: Update, dynamodb: Any) -> None:
    """Another view of a stream is another stream: the old one ends first."""
    name = update.after["TableName"]
    if update.before.get("StreamSpecification"):
        dynamodb.update_table(TableName=name, StreamSpecification={"StreamEnabled": False})
        update.after.pop("StreamArn", None)
    if settings := update.after.get("StreamSpecification"):
        dynamodb.update_table(TableName=name, StreamSpecification={"StreamEnabled": True, **settings})
        update.after["StreamArn"] = dynamodb.describe_table(TableName=name)["Table"]["LatestStreamArn"]


def _change_indexes(update: Update, dynamodb: Any) -> None:
    """One at a time, as DynamoDB allows no more; one whose keys or projection change is recreated."""
    before, after = (
        {one["IndexName"]: one for one in state.get("GlobalSecondaryIndexes") or ()}
        for state in (update.before, update.after)
    )
    anew = {n for n in before.keys() & after.keys() if any(before[n].get(k) != after[n].get(k) for k in _FIXED)}
    operations: list[dict[str, Any]] = [{"Delete": {"IndexName": n}} for n in (*(before.keys() - after.keys()), *anew)]
    operations += [{"Create": _index(after[n])} for n in (*(after.keys() - before.keys()), *anew)]
    operations += [
        {"Update": {"IndexName": n, "ProvisionedThroughput": _numbers(after[n]["ProvisionedThroughput"])}}
        for n in before.keys() & after.keys() - anew
        if before[n] != after[n] and after[n].get("ProvisionedThroughput")
    ]
    for operation in operations:
        dynamodb.update_table(
            TableName=update.after["TableName"],
            AttributeDefinitions=update.after["AttributeDefinitions"],
            GlobalSecondaryIndexUpdates=[operation],
        )


_FIXED = ("KeySchema", "Projection")


def _index(index: dict[str, Any]) -> dict[str, Any]:
    taken = {name: index[name] for name in ("IndexName", *_FIXED) if name in index}
    if throughput := index.get("ProvisionedThroughput"):
        taken["ProvisionedThroughput"] = _numbers(throughput)
    return taken


def _numbers(throughput: dict[str, Any]) -> dict[str, int]:
    return {name: int(throughput.get(name, 5)) for name in ("ReadCapacityUnits", "WriteCapacityUnits")}


def _change_time_to_live(update: Update, dynamodb: Any) -> None:
    before, after = update.before.get("TimeToLiveSpecification"), update.after.get("TimeToLiveSpecification")
    settings = after or {**(before or {}), "Enabled": False}
    dynamodb.update_time_to_live(TableName=update.after["TableName"], TimeToLiveSpecification=settings)


def _change_tags(update: Update, dynamodb: Any) -> None:
    before, after = ({tag["Key"] for tag in one.get("Tags") or ()} for one in (update.before, update.after))
    if left := sorted(before - after):
        dynamodb.untag_resource(ResourceArn=update.after["Arn"], TagKeys=left)
    if after:
        dynamodb.tag_resource(ResourceArn=update.after["Arn"], Tags=update.after["Tags"])


TYPES = (
    KnownType(
        "AWS::DynamoDB::Table",
        change=TypeUpdate(
            change_table,
            given=frozenset({"TableName"}),
            takes=frozenset(
                {
                    "AttributeDefinitions",
                    "BillingMode",
                    "DeletionProtectionEnabled",
                    "GlobalSecondaryIndexes",
                    "PointInTimeRecoverySpecification",
                    "ProvisionedThroughput",
                    "SSESpecification",
                    "StreamSpecification",
                    "TableClass",
                    "Tags",
                    "TimeToLiveSpecification",
                }
            ),
            completes=frozenset({"DeletionProtectionEnabled", "PointInTimeRecoverySpecification", "TableClass"}),
        ),
        ignored={
            "ContributorInsightsSpecification": ({"Enabled": False},),
            "ImportSourceSpecification": (),
            "OnDemandThroughput": (),
            "ResourcePolicy": (),
            "VectorIndexes": (),
            "WarmThroughput": (),
        },
    ),
)
