"""Facts about resources that several services need: the key of an alias, the role of a function.

Service modules are imported where they are asked for: they load with their service, not at boot.
"""

import re

from harness.emulator.access.operation import Operation


def key_arn(key: str, operation: Operation) -> str:
    """The ARN of the KMS key of an id, an ARN or an alias; an unknown alias is returned unchanged."""
    from localstack.services.kms.models import kms_stores

    account_id, region, rest = operation.account_id, operation.region, key
    if key.startswith("arn:"):
        _, _, _, region, account_id, rest = key.split(":", 5)
    if rest.startswith("alias/"):
        alias = kms_stores[account_id][region].aliases.get(rest)
        if alias is None:
            return operation.arn("kms", rest, region, account_id)
        rest = str(alias.metadata["TargetKeyId"])
    return operation.arn("kms", f"key/{rest.removeprefix('key/')}", region, account_id)


def role_of_function(function: str, account_id: str, region: str) -> str | None:
    """The ARN of the execution role of a function, by its name or ARN."""
    from localstack.services.lambda_.invocation.models import lambda_stores

    parts = function.split(":")
    name = (parts[6] if len(parts) > 6 else "") if parts[0] == "arn" else parts[0]
    known = lambda_stores[account_id][region].functions.get(name)
    latest = known.latest() if known is not None else None
    return str(latest.config.role) if latest is not None else None


def split_arn(arn: str) -> tuple[str, str, str]:
    """Region, account, and what follows."""
    _, _, _, region, account_id, rest = arn.split(":", 5)
    return region, account_id, rest


_ARN = re.compile(
    r"arn:(?P<partition>[^:]+):(?P<service>[^:]*):(?P<region>[^:]*):(?P<account>[^:]*):(?P<rest>.+)", re.DOTALL
)


def account_of(arn: str) -> str | None:
    """The account that a resource is in; a bucket's ARN does not say it."""
    found = _ARN.fullmatch(arn)
    if found is None:
        return None
    if found["service"] == "s3":
        from localstack.services.s3.models import s3_stores

        bucket = found["rest"].partition("/")[0]
        for account_id, _region, store in s3_stores.iter_stores():
            if bucket in store.buckets:
                return str(store.buckets[bucket].bucket_account_id or account_id)
        return None
    return found["account"] or None
