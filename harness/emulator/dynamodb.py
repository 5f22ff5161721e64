"""DynamoDB on moto, completed: stream records as AWS writes them, and the deletion of expired items.

`POST /_harness/fire {"kind": "dynamodb-ttl", "table": name}` deletes now what AWS deletes within days; `account_id` and
`region` say where the table is (default: the default account, us-east-1).
"""

import contextvars
import time
from collections.abc import Mapping
from typing import Any

from localstack.services.lambda_.event_source_mapping.pollers.dynamodb_poller import DynamoDBPoller
from localstack.utils.patch import patch
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import StreamRecord, StreamShard

from harness.emulator.timers import on_fire

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
TTL_IDENTITY = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
TOO_OLD_SECONDS = 5 * 365 * 24 * 3600
"""A time further back than five years is taken for a mistake, and the item stays."""

_by_ttl: contextvars.ContextVar[bool] = contextvars.ContextVar("deleted_by_ttl", default=False)


@on_fire("dynamodb-ttl")
def delete_expired_items(parameters: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(parameters) - {"table", "account_id", "region"}
    name = parameters.get("table")
    if unknown or not isinstance(name, str):
        raise ValueError('dynamodb-ttl takes "table" (its name), and optionally "account_id" and "region"')
    account_id, region = parameters.get("account_id", "000000000000"), parameters.get("region", "us-east-1")
    table = dynamodb_backends[account_id][region].tables.get(name)
    if table is None:
        raise LookupError(f"no table {name} in account {account_id}, region {region}")
    if table.ttl.get("TimeToLiveStatus") != "ENABLED":
        raise ValueError(f"time to live is not enabled for the table {name}")
    now = time.time()
    expired = [item for item in table.all_items() if _is_expired(item, table.ttl["AttributeName"], now)]
    token = _by_ttl.set(True)
    try:
        for item in expired:
            table.delete_item(item.hash_key, item.range_key)
    finally:
        _by_ttl.reset(token)
    return {"deleted": len(expired)}


def _is_expired(item: Any, attribute: str, now: float) -> bool:
    value = item.to_json()["Attributes"].get(attribute, {})
    # Only a number is a time; AWS leaves items alone whose attribute is of another type.
    return "N" in value and now - TOO_OLD_SECONDS < float(value["N"]) < now


def install() -> None:
    @patch(StreamShard.add)
    def add(original: Any, self: Any, old: Any, new: Any) -> None:
        # A write that changes nothing leaves no record:
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
        if old is None or new is None or old.to_json() != new.to_json():
            original(self, old, new)

    @patch(StreamRecord.__init__)
    def record(original: Any, self: Any, table: Any, *args: Any) -> None:
        original(self, table, *args)
        self.record["awsRegion"] = table.region_name
        self.record["eventVersion"] = "1.1"
        # moto gives an insertion an empty OldImage and a deletion an empty NewImage; AWS gives none.
        for image in ("OldImage", "NewImage"):
            if not self.record["dynamodb"].get(image):
                self.record["dynamodb"].pop(image, None)
        if _by_ttl.get():
            self.record["userIdentity"] = TTL_IDENTITY

    @patch(DynamoDBPoller.transform_into_events)
    def transform(original: Any, self: Any, records: list[dict[str, Any]], shard_id: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = original(self, records, shard_id)
        for event, source in zip(events, records, strict=True):
            if identity := source.get("userIdentity"):
                # The API writes the names in capitals, the function's event does not.
                event["userIdentity"] = {"type": identity["Type"], "principalId": identity["PrincipalId"]}
        return events
