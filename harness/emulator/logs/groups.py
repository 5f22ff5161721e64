"""Lists log groups without copying them: LocalStack 4.14.0 copies every line of every log group for each DescribeLogGroups."""

from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched


def install() -> None:
    when_loaded("logs", _describe)


def _describe() -> None:
    from localstack.aws.api.logs import DescribeLogGroupsResponse, InvalidParameterException, LogGroupClass
    from localstack.services.logs.models import get_moto_logs_backend
    from localstack.services.logs.provider import LogsProvider
    from moto.logs.models import LogGroup

    @patched(
        LogsProvider.describe_log_groups,
        because="DescribeLogGroups copies every line of every log group",
        source="https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html",
    )
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

    @patched(
        LogGroup.to_describe_dict,
        because="DescribeLogGroups copies every line of every log group",
        source="https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html",
    )
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
