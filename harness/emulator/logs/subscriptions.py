"""Fixes log groups with subscriptions in LocalStack 4.14.0.

A new stream of a group that has a subscription filter is created, and CreateLogStream fails nevertheless ("'dict_values'
object is not subscriptable"): a function whose group was subscribed to before its first invocation never logs there.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched


def install() -> None:
    when_loaded("logs", _patch)


def _patch() -> None:
    from moto.logs.exceptions import ResourceAlreadyExistsException
    from moto.logs.models import LogGroup, LogStream

    @patched(
        LogGroup.create_log_stream,
        because="CreateLogStream fails in a log group that has a subscription filter",
        source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html",
    )
    def create_log_stream(_original: Any, self: Any, log_stream_name: str) -> None:
        if log_stream_name in self.streams:
            raise ResourceAlreadyExistsException()
        self.streams[log_stream_name] = LogStream(log_group=self, name=log_stream_name)
