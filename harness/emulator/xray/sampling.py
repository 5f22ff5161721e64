"""Sampling: AWS's default rule, which is the only one, since rules of users are not supported.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sampling.html
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

DEFAULT = "Default"
_RATE = 0.05
_INTERVAL_SECONDS = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def default_rule(account_id: str, region: str) -> dict[str, Any]:
    """The first request each second, and five percent of any additional requests."""
    return {
        "SamplingRule": {
            "RuleName": DEFAULT,
            "RuleARN": f"arn:aws:xray:{region}:{account_id}:sampling-rule/{DEFAULT}",
            "ResourceARN": "*",
            "Priority": 10000,
            "FixedRate": _RATE,
            "ReservoirSize": 1,
            "ServiceName": "*",
            "ServiceType": "*",
            "Host": "*",
            "HTTPMethod": "*",
            "URLPath": "*",
            "Version": 1,
            "Attributes": {},
        },
        "CreatedAt": _EPOCH,
        "ModifiedAt": _EPOCH,
    }


def targets(statistics: Iterable[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """What a client may sample next, by the rules that it reports on."""
    known, unknown = [], []
    for each in statistics:
        if each["RuleName"] != DEFAULT:
            unknown.append(
                {
                    "RuleName": each["RuleName"],
                    "ErrorCode": "InvalidRuleName",
                    "Message": f"The sampling rule '{each['RuleName']}' does not exist.",
                }
            )
            continue
        known.append(
            {
                "RuleName": DEFAULT,
                "FixedRate": _RATE,
                "ReservoirQuota": 1,
                "ReservoirQuotaTTL": now + timedelta(seconds=_INTERVAL_SECONDS),
                "Interval": _INTERVAL_SECONDS,
            }
        )
    return {
        "SamplingTargetDocuments": known,
        "LastRuleModification": _EPOCH,
        "UnprocessedStatistics": unknown,
        "UnprocessedBoostStatistics": [],
    }
