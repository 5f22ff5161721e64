"""What each service knows of CloudFormation's resource types, handed to the mechanism that knows no service."""

from harness.emulator.cloudformation import (
    alarms,
    api_gateway,
    buckets,
    events,
    functions,
    iam,
    kms,
    logs,
    nested_stacks,
    networks,
    parameter_store,
    schedules,
    secrets_manager,
    ses,
    state_machines,
    streams,
    tables,
    topics,
)
from harness.emulator.cloudformation.known_types import know
from harness.emulator.cloudformation.supported_types import prefer

KNOWN = (
    *alarms.TYPES,
    *api_gateway.TYPES,
    *buckets.TYPES,
    *events.TYPES,
    *functions.TYPES,
    *iam.TYPES,
    *kms.TYPES,
    *logs.TYPES,
    *nested_stacks.TYPES,
    *parameter_store.TYPES,
    *schedules.TYPES,
    *secrets_manager.TYPES,
    *state_machines.TYPES,
    *streams.TYPES,
    *tables.TYPES,
    *topics.TYPES,
)
"""LocalStack's own types."""


def install() -> None:
    know(*KNOWN)
    prefer(networks.SECURITY_GROUP, ses.EMAIL_IDENTITY)
