"""Refuses event source mappings that Lambda refuses and LocalStack 4.14.0 accepts.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from collections.abc import Callable, Mapping
from typing import Any

from localstack.aws.api.lambda_ import InvalidParameterValueException

from harness.emulator.event_sources.stream_reader import stream_of
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched


def install() -> None:
    when_loaded("lambda", _patch)


def _patch() -> None:
    from localstack.services.lambda_.provider import LambdaProvider

    @patched(
        LambdaProvider.validate_event_source_mapping,
        because="mappings are created that Lambda refuses",
        source="https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html",
    )
    def validate(original: Any, self: Any, context: Any, request: Any) -> Any:
        validated = original(self, context, request)
        for refusal in refusals(request, _visibility_timeout, validated[3].config.timeout):
            raise InvalidParameterValueException(refusal, Type="User")
        return validated

    @patched(
        LambdaProvider.check_service_resource_exists,
        because="mappings are created that Lambda refuses",
        source="https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html",
    )
    def check_service_resource_exists(
        original: Any, self: Any, service: str, resource_arn: str, *args: Any, **options: Any
    ) -> None:
        if "/consumer/" in resource_arn and not _is_registered(resource_arn):
            raise InvalidParameterValueException(f"Stream consumer not found: {resource_arn}", Type="User")
        original(self, service, stream_of(resource_arn), *args, **options)


def refusals(
    mapping: Mapping[str, Any], visibility_timeout: Callable[[str], int | None], function_timeout: int
) -> list[str]:
    """Messages of InvalidParameterValueException. `visibility_timeout` of a queue by its ARN, in seconds as all else."""
    source = str(mapping.get("EventSourceArn") or "")
    found = []
    if ":sqs:" in source:
        hidden = visibility_timeout(source)
        if hidden is not None and hidden < function_timeout:
            found.append(
                f"Queue visibility timeout: {hidden} seconds is less than Function timeout: {function_timeout} seconds"
            )
        if source.endswith(".fifo"):
            if mapping.get("MaximumBatchingWindowInSeconds"):
                found.append("Batching window is not supported for FIFO queues.")
            if (mapping.get("BatchSize") or 0) > 10:
                found.append("Batch size for FIFO queues must be less than or equal to 10.")
    if mapping.get("TumblingWindowInSeconds"):
        found.append(
            "TumblingWindowInSeconds is not served here: the emulator keeps no state between the invocations of a window. "
            "Leave it out, or test the function with events of AWS's form."
        )
    age = mapping.get("MaximumRecordAgeInSeconds")
    if age is not None and age != -1 and not 60 <= age <= 604800:
        found.append(f"MaximumRecordAgeInSeconds must be -1 or from 60 to 604800, not {age}.")
    factor = mapping.get("ParallelizationFactor")
    if factor is not None and not 1 <= factor <= 10:
        found.append(
            f"1 validation error detected: Value '{factor}' at 'parallelizationFactor' failed to satisfy constraint: Member "
            f"must have value {'less than or equal to 10' if factor > 10 else 'greater than or equal to 1'}"
        )
    return found


def _visibility_timeout(queue_arn: str) -> int | None:
    from localstack.services.sqs.models import sqs_stores

    _, _, _, region, account, name = queue_arn.split(":", 5)
    queue = sqs_stores[account][region].queues.get(name)
    return queue.visibility_timeout if queue is not None else None


def _is_registered(consumer_arn: str) -> bool:
    from moto.kinesis.models import kinesis_backends

    _, _, _, region, account, resource = consumer_arn.split(":", 5)
    stream = kinesis_backends[account][region].streams.get(resource.split("/")[1])
    return stream is not None and any(one.consumer_arn == consumer_arn for one in stream.consumers)
