"""DescribeStackResources by a physical id, which LocalStack 4.14.0 does not look up.

"If you do not provide a stack name, you must provide a physical resource id; CloudFormation returns all associated resources of
the stack to which the resource belongs."
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
"""

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.http import Response
from localstack.services.cloudformation.engine.validations import ValidationError
from localstack.services.cloudformation.stores import get_cloudformation_store

from harness.emulator.patches import inserted


def install() -> None:
    inserted(
        handlers,
        "serve_custom_service_request_handlers",
        _name_the_stack,
        because="DescribeStackResources does not look up a physical id",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html",
    )


def _name_the_stack(_chain: HandlerChain, context: RequestContext, _response: Response) -> None:
    """A request handler; IAM is asked about the stack that it finds."""
    if context.operation is None or context.operation.name != "DescribeStackResources" or not context.service_request:
        return
    request: dict[str, object] = dict(context.service_request)
    if "StackName" not in request and (physical_id := request.pop("PhysicalResourceId", None)):
        context.service_request = request | {"StackName": _stack_of(context, str(physical_id))}


def _stack_of(context: RequestContext, physical_id: str) -> str:
    for stack in list(get_cloudformation_store(context.account_id, context.region).stacks_v2.values()):
        if any(state.get("PhysicalResourceId") == physical_id for state in list(stack.resource_states.values())):
            return str(stack.stack_id)
    raise ValidationError(f"Stack for {physical_id} does not exist")
