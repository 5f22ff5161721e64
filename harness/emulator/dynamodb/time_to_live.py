"""Deletes the expired items of a DynamoDB table when a test requests it: AWS does it within days, moto never.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from localstack.aws.connect import connect_to

from harness.emulator.concurrency import monitor
from harness.emulator.controls.timers import on_fire

FIVE_YEARS_SECONDS = 5 * 365 * 24 * 3600


def install() -> None:
    """Register the timer; moto's DynamoDB loads when it is first used."""
    on_fire("dynamodb-ttl")(delete_expired_items)


def delete_expired_items(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Delete the items whose time to live is over, now; AWS does it within days.

    `table_name` is required; `account_id` and `region` default to the engine's own. Returns `{"deleted": count}`.
    """
    if unknown := set(parameters) - {"table_name", "account_id", "region"}:
        raise ValueError(f"dynamodb-ttl takes table_name, account_id and region, not {', '.join(sorted(unknown))}")
    name = parameters.get("table_name")
    if not isinstance(name, str):
        raise ValueError('dynamodb-ttl needs "table_name", the name of the table whose expired items to delete')
    account, region = parameters.get("account_id", "000000000000"), parameters.get("region", "us-east-1")
    if not isinstance(account, str) or not isinstance(region, str):
        raise ValueError("dynamodb-ttl: account_id and region are strings")
    # Loads the service where nothing has used it yet.
    connect_to(aws_access_key_id=account, region_name=region).dynamodb.list_tables(Limit=1)
    from moto.dynamodb.models import dynamodb_backends

    from harness.emulator.dynamodb.streams import deleted_by_time_to_live

    table = dynamodb_backends[account][region].tables.get(name)
    if table is None:
        raise LookupError(f"there is no table {name} in account {account}, region {region}")
    if table.ttl.get("TimeToLiveStatus") != "ENABLED":
        raise ValueError(f"table {name} has no time to live; enable it (TimeToLiveSpecification) to let items expire")
    now = Decimal(datetime.now(UTC).timestamp())
    with monitor("dynamodb"):
        expired = [item for item in table.all_items() if _is_expired(item, table.ttl["AttributeName"], now)]
        token = deleted_by_time_to_live.set(True)
        try:
            for item in expired:
                table.delete_item(item.hash_key, item.range_key)
        finally:
            deleted_by_time_to_live.reset(token)
    return {"deleted": len(expired)}


def _is_expired(item: Any, attribute: str, now: Decimal) -> bool:
    """An attribute that is no number, or one more than five years past, does not expire an item.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html
    """
    value = item.attrs.get(attribute)
    if value is None or value.type != "N":
        return False
    try:
        expires = Decimal(str(value.value))
    except InvalidOperation:
        return False
    return now - FIVE_YEARS_SECONDS < expires <= now
