"""Whether a function's resource policy allows API Gateway to invoke it.

https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-permissions
"""

from collections.abc import Callable

from harness.emulator.access.enforcement import service_may

API_GATEWAY = "apigateway.amazonaws.com"
_REFUSED: list[Callable[[str, str], None]] = []


def on_refused(listener: Callable[[str, str], None]) -> None:
    """Call `listener` with the function's ARN and the source's whenever a function refuses."""
    _REFUSED.append(listener)


def may_invoke(function_arn: str, source_arn: str) -> bool:
    """Whether `function_arn`, which may end in a version or an alias, permits the method or authorizer `source_arn`.

    A function that is not there permits nothing.
    """
    permitted = service_may("apigateway", source_arn, "lambda:InvokeFunction", function_arn)
    if not permitted:
        for listener in _REFUSED:
            listener(function_arn, source_arn)
    return permitted
