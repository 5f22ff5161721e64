"""What is listed may be added to meanwhile.

LocalStack 4.14.0 goes through the stacks of CloudFormation, and copies the log groups with all of their lines, while other
calls and functions add some: such a call can end as InternalError ("dictionary changed size during iteration").
"""

from collections.abc import Iterator
from typing import Any

from localstack.utils.patch import patch

from harness.emulator.service_loading import when_loaded


class Steady(dict[str, Any]):
    """Its listings are of the moment in which they began."""

    def __iter__(self) -> Iterator[str]:
        return iter(list(super().keys()))

    def keys(self) -> Any:
        return list(super().keys())

    def values(self) -> Any:
        return list(super().values())

    def items(self) -> Any:
        return list(super().items())


def install() -> None:
    when_loaded("cloudformation", _of_stacks)
    when_loaded("logs", _of_log_groups)


def _of_stacks() -> None:
    from localstack.services.cloudformation.stores import CloudFormationStore

    for name in ("stacks_v2", "change_sets"):
        vars(CloudFormationStore)[name].default = Steady


def _of_log_groups() -> None:
    from localstack.aws.api.logs import DescribeLogGroupsResponse, InvalidParameterException, LogGroupClass
    from localstack.services.logs.models import get_moto_logs_backend
    from localstack.services.logs.provider import LogsProvider
    from moto.logs.models import LogGroup

    @patch(LogsProvider.describe_log_groups)
    def describe(_original: Any, _self: Any, context: Any, request: Any) -> Any:
        pattern, prefix = request.get("logGroupNamePattern", ""), request.get("logGroupNamePrefix", "")
        if pattern and prefix:
            raise InvalidParameterException(
                "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
            )
        groups = list(get_moto_logs_backend(context.account_id, context.region).groups.values())
        return DescribeLogGroupsResponse(
            logGroups=[
                {"logGroupClass": LogGroupClass.STANDARD} | group.to_describe_dict()
                for group in sorted(groups, key=lambda group: str(group.name))
                if group.name.startswith(prefix) and pattern in group.name
            ]
        )

    @patch(LogGroup.to_describe_dict)
    def to_describe_dict(_original: Any, self: Any) -> dict[str, Any]:
        told = {
            "arn": f"{self.arn}:*",
            "logGroupArn": self.arn,
            "creationTime": self.creation_time,
            "logGroupName": self.name,
            "metricFilterCount": 0,
            "storedBytes": sum(stream.stored_bytes for stream in list(self.streams.values())),
        }
        if self.retention_in_days:
            told["retentionInDays"] = self.retention_in_days
        if self.kms_key_id:
            told["kmsKeyId"] = self.kms_key_id
        return told
