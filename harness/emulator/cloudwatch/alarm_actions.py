"""DescribeAlarms by ActionPrefix: "all alarms whose actions have this prefix", of whichever state.

LocalStack 4.14.0 looks for a member `AlarmAction`, which no alarm has, and fails.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
"""

from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched

KINDS = ("AlarmActions", "OKActions", "InsufficientDataActions")


class _Actions(tuple[str, ...]):
    """Where LocalStack wants one text, all of an alarm's actions."""

    __slots__ = ()

    def startswith(self, prefix: str) -> bool:
        return any(action.startswith(prefix) for action in self)


class _Alarm(dict[str, Any]):
    def __missing__(self, key: str) -> Any:
        if key != "AlarmAction":
            raise KeyError(key)
        return _Actions(action for kind in KINDS for action in self.get(kind) or ())


def install() -> None:
    when_loaded("cloudwatch", _complete)


def _complete() -> None:
    from localstack.services.cloudwatch import models  # loads with the service, not at boot

    for alarm in (models.LocalStackMetricAlarm, models.LocalStackCompositeAlarm):

        @patched(
            alarm.__init__,
            because="DescribeAlarms with ActionPrefix reads the member AlarmAction, which no alarm has",
            source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html",
        )
        def init(original: Any, self: Any, account_id: str, region: str, alarm: Any) -> None:
            original(self, account_id, region, _Alarm(alarm))
