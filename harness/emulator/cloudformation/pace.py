"""CloudFormation checks more often whether a resource is ready.

LocalStack 4.14.0 asks five times without a pause and from then on once a second; a stack's resources come one after the
other, so twelve functions cost twelve seconds of waiting for what takes a tenth of that.
"""

import inspect

from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor

from harness.emulator.patches import replaced

_POLL_SECONDS = 0.05


def install() -> None:
    deploy_loop = ResourceProviderExecutor.deploy_loop
    parameters = inspect.signature(deploy_loop).parameters
    # The loop's number of rounds is its time limit divided by this pause, so the limit stays what it is.
    defaults = tuple(
        _POLL_SECONDS if parameter.name == "sleep_time" else parameter.default
        for parameter in parameters.values()
        if parameter.default is not parameter.empty
    )
    replaced(
        deploy_loop,
        "__defaults__",
        defaults,
        because="LocalStack looks once a second whether a resource is ready",
    )
