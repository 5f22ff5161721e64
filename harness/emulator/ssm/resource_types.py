"""Completes LocalStack's resource types of Systems Manager: changes in place, and properties that a creation ignores."""

from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.left_out import parameters_of

TYPES = (KnownType("AWS::SSM::Parameter", parameters=parameters_of("put_parameter", "DataType")),)
