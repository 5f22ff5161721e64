"""Registers each service with the mechanisms that know no service: with CloudFormation its resource types, with IAM how its calls
and resources are read, with a reset what it stops and empties."""

from harness.emulator.apigateway import access as apigateway_access
from harness.emulator.apigateway import resource_types as api_gateway
from harness.emulator.cloudformation import access as cloudformation_access
from harness.emulator.cloudformation import nested_stacks
from harness.emulator.cloudformation.known_types import know
from harness.emulator.cloudformation.supported_types import prefer
from harness.emulator.cloudwatch import resource_types as alarms
from harness.emulator.cognito import reset as cognito_reset
from harness.emulator.dynamodb import access as dynamodb_access
from harness.emulator.dynamodb import reset as dynamodb_reset
from harness.emulator.dynamodb import resource_types as tables
from harness.emulator.events import access as events_access
from harness.emulator.events import reset as events_reset
from harness.emulator.events import resource_types as events
from harness.emulator.iam import access as iam_access
from harness.emulator.iam import resource_types as iam
from harness.emulator.kinesis import access as kinesis_access
from harness.emulator.kinesis import reset as kinesis_reset
from harness.emulator.kinesis import resource_types as streams
from harness.emulator.kms import access as kms_access
from harness.emulator.kms import resource_types as kms
from harness.emulator.lambda_ import access as lambda_access
from harness.emulator.lambda_ import reset as lambda_reset
from harness.emulator.lambda_ import resource_types as functions
from harness.emulator.load_balancing import access as load_balancing_access
from harness.emulator.load_balancing import security_groups as networks
from harness.emulator.logs import access as logs_access
from harness.emulator.logs import reset as logs_reset
from harness.emulator.logs import resource_types as logs
from harness.emulator.s3 import access as s3_access
from harness.emulator.s3 import reset as s3_reset
from harness.emulator.s3 import resource_types as buckets
from harness.emulator.scheduler import access as scheduler_access
from harness.emulator.scheduler import resource_types as schedules
from harness.emulator.secretsmanager import access as secretsmanager_access
from harness.emulator.secretsmanager import resource_types as secrets_manager
from harness.emulator.ses import access as ses_access
from harness.emulator.ses import reset as ses_reset
from harness.emulator.ses import resource_types as ses
from harness.emulator.sns import access as sns_access
from harness.emulator.sns import resource_types as topics
from harness.emulator.sqs import access as sqs_access
from harness.emulator.sqs import reset as sqs_reset
from harness.emulator.ssm import access as ssm_access
from harness.emulator.ssm import resource_types as parameter_store
from harness.emulator.stepfunctions import access as stepfunctions_access
from harness.emulator.stepfunctions import reset as stepfunctions_reset
from harness.emulator.stepfunctions import resource_types as state_machines
from harness.emulator.websocket import access as websocket_access

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
ACCESS = (
    apigateway_access.install,
    cloudformation_access.install,
    dynamodb_access.install,
    events_access.install,
    iam_access.install,
    kinesis_access.install,
    kms_access.install,
    lambda_access.install,
    load_balancing_access.install,
    logs_access.install,
    s3_access.install,
    scheduler_access.install,
    secretsmanager_access.install,
    ses_access.install,
    sns_access.install,
    sqs_access.install,
    ssm_access.install,
    stepfunctions_access.install,
    websocket_access.install,
)


def install_access() -> None:
    for part in ACCESS:
        part()


RESETS = (
    lambda_reset.install,
    stepfunctions_reset.install,
    sqs_reset.install,
    events_reset.install,
    cognito_reset.install,
    dynamodb_reset.install,
    kinesis_reset.install,
    logs_reset.install,
    s3_reset.install,
    ses_reset.install,
)
"""What runs is stopped in this order."""


def install_types() -> None:
    know(*KNOWN)
    prefer(networks.SECURITY_GROUP, ses.EMAIL_IDENTITY)


def install_resets() -> None:
    for part in RESETS:
        part()
