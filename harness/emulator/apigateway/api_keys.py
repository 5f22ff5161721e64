"""API keys from a file, and listings of them by name.

LocalStack 4.14.0 has no ImportApiKeys (moto reads its file as JSON), and fails to list by name where a key has none, which
CreateApiKey allows.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-key-file-format.html
https://docs.aws.amazon.com/apigateway/latest/api/API_GetApiKeys.html
"""

import csv
import io
from collections.abc import Mapping
from typing import Any

from localstack.aws.api.apigateway import ApiKeyIds, BadRequestException, NotFoundException
from localstack.aws.connect import connect_to
from localstack.services.apigateway.legacy import provider
from localstack.utils.collections import PaginatedList

from harness.emulator.patches import overrides, patched, replaced

REQUIRED = ("name", "key")
"""Columns of the file; `description`, `enabled` and `usageplanids` may be missing. Case does not matter."""


@overrides(
    because="listing by name fails where a key has none",
    source="https://docs.aws.amazon.com/apigateway/latest/api/API_GetApiKeys.html",
)
class _Named(PaginatedList):
    def get_page(self, *arguments: Any, filter_function: Any = None, **options: Any) -> Any:
        if filter_function is not None:
            matches = filter_function
            options["filter_function"] = lambda item: item.get("name") is not None and matches(item)
        return super().get_page(*arguments, **options)


def install() -> None:
    replaced(
        provider,
        "PaginatedList",
        _Named,
        because="listing by name fails where a key has none",
        source="https://docs.aws.amazon.com/apigateway/latest/api/API_GetApiKeys.html",
    )

    @patched(
        provider.ApigatewayProvider.import_api_keys,
        because="ImportApiKeys is missing: moto reads its file as JSON",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-key-file-format.html",
    )
    def import_api_keys(
        _original: Any, _self: Any, context: Any, body: Any, fail_on_warnings: bool | None = None, **_parameters: Any
    ) -> ApiKeyIds:
        # A key that breaks a constraint fails the import where it stands, with the message of CreateApiKey.
        rows = keys_of(body.read() if hasattr(body, "read") else body)
        client = connect_to(aws_access_key_id=context.account_id, region_name=context.region).apigateway
        made, warnings = [], []
        for row in rows:
            made.append(str(client.create_api_key(**row["key"])["id"]))
            for plan in row["plans"]:
                try:
                    client.get_usage_plan(usagePlanId=plan)  # moto adds a key to any plan
                    client.create_usage_plan_key(usagePlanId=plan, keyId=made[-1], keyType="API_KEY")
                except client.exceptions.NotFoundException as error:
                    if fail_on_warnings:
                        for key in made:
                            client.delete_api_key(apiKey=key)
                        raise NotFoundException(f"Invalid usage plan identifier specified: {plan}") from error
                    warnings.append(f"Invalid usage plan identifier specified: {plan}")
        return ApiKeyIds(ids=made, warnings=warnings)


def keys_of(file: bytes) -> list[dict[str, Any]]:
    """`key` are parameters of CreateApiKey, `plans` ids of usage plans. Raises BadRequestException."""
    try:
        lines = list(csv.reader(io.StringIO(file.decode("utf-8-sig")), strict=True))
    except (UnicodeError, csv.Error) as error:
        raise BadRequestException(f"The API key file is not CSV: {error}") from None
    header = [name.strip().lower() for name in lines[0]] if lines else []
    if missing := [name for name in REQUIRED if name not in header]:
        raise BadRequestException(f"The header of the API key file lacks {', '.join(missing)}")
    return [_key(dict(zip(header, map(str.strip, line), strict=False))) for line in lines[1:] if line]


def _key(row: Mapping[str, str]) -> dict[str, Any]:
    if not all(row.get(name) for name in REQUIRED):
        raise BadRequestException("Each line of the API key file needs a name and a key")
    key = {"name": row["name"], "value": row["key"], "enabled": row.get("enabled", "").lower() != "false"}
    if description := row.get("description"):
        key["description"] = description
    return {"key": key, "plans": [plan.strip() for plan in row.get("usageplanids", "").split(",") if plan.strip()]}
