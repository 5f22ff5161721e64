"""Completes LocalStack's resource types of Step Functions: changes in place, and properties that a creation ignores."""

from collections.abc import Mapping
from typing import Any

from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.left_out import Parameter


def _small_keys(value: Any) -> Any:
    """As services have it whose parameters begin with a small letter."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: _small_keys(each) for key, each in value.items()}
    return [_small_keys(each) for each in value] if isinstance(value, list) else value


TYPES = (
    KnownType(
        "AWS::StepFunctions::StateMachine",
        parameters={
            "Tags": Parameter("tags", ("create_state_machine",), _small_keys),
            "TracingConfiguration": Parameter("tracingConfiguration", ("create_state_machine",), _small_keys),
        },
        ignored={"EncryptionConfiguration": ({"Type": "AWS_OWNED_KEY"},)},
    ),
)
