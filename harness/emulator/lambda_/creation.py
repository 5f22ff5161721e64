"""Makes functions ready when the call that creates or changes them returns, and refuses what cannot run.

LocalStack 4.14.0 prepares a version in the background; clients that wait for it poll once a second (the SDK's waiters,
CloudFormation's resource providers), so a function whose code is unpacked in 10 ms costs a second. Here the call
waits for the preparation. Its response stays AWS's: `State: Pending`, `LastUpdateStatus: InProgress`.
https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
"""

import concurrent.futures
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.api.lambda_ import PackageType
from localstack.aws.chain import HandlerChain
from localstack.http import Response
from localstack.services.cloudformation.resource_provider import OperationStatus
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.services.lambda_.provider import LambdaProvider
from localstack.utils import testutil

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.lambda_.executor import refuse_unsupported_runtimes, runs_functions
from harness.emulator.patches import inserted, patched, replaced

PREPARATION_SECONDS = 5.0
"""After this the call returns while the preparation continues, as on AWS: packages may have to be installed."""
WORKERS = 32
"""LocalStack has one thread a core and four, and stopping an old version holds one of them for up to five seconds."""


def install() -> None:
    _wait_for_versions()
    if runs_functions():
        _refuse_runtimes()
    zip_inline_code_without_a_program()
    when_loaded("cloudformation", _reserve_concurrency)


def _wait_for_versions() -> None:
    @patched(
        LambdaService.__init__,
        because="a function is active a second after its code is in place, because callers ask once a second",
        source="https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html",
    )
    def init(original: Any, self: Any) -> None:
        original(self)
        self.task_executor.shutdown(wait=False)
        self.task_executor = ThreadPoolExecutor(WORKERS, thread_name_prefix="lambda-service-task")

    @patched(
        LambdaService.create_function_version,
        because="a function is active a second after its code is in place, because callers ask once a second",
        source="https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html",
    )
    def create_function_version(original: Any, self: Any, function_version: Any) -> Future[None]:
        # Updates go this way, too.
        prepared: Future[None] = original(self, function_version)
        concurrent.futures.wait([prepared], timeout=PREPARATION_SECONDS)
        return prepared


def _refuse_runtimes() -> None:
    @patched(
        LambdaProvider._validate_runtime,
        because="functions are created whose runtime nothing here can run",
        source="https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html",
    )
    def validate_runtime(original: Any, self: Any, package_type: str, runtime: str | None) -> None:
        original(self, package_type, runtime)
        refuse_unsupported_runtimes(None if package_type == PackageType.Image else runtime)

    inserted(
        handlers,
        "serve_custom_service_request_handlers",
        _refuse_runtime_of_update,
        because="functions are changed to runtimes that nothing here can run",
        source="https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html",
    )


def _refuse_runtime_of_update(_chain: HandlerChain, context: RequestContext, _response: Response) -> None:
    """LocalStack looks at the runtime when a function is created, and not again when it is changed."""
    if context.operation is None or context.operation.name != "UpdateFunctionConfiguration":
        return
    if runtime := (context.service_request or {}).get("Runtime"):
        refuse_unsupported_runtimes(runtime)


def zip_inline_code_without_a_program() -> None:
    """`Code: {ZipFile: ...}` in a template: LocalStack calls the program `zip` on Debian, which need not be there."""

    def create_zip_file(source_path: str, base_dir: str, zip_file: str) -> None:
        del source_path  # the same folder, as the program wants it
        testutil.create_zip_file_python(base_dir=base_dir, zip_file=zip_file, mode="w")

    replaced(
        testutil,
        "create_zip_file_cli",
        create_zip_file,
        because="inline code needs the program zip",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html",
    )


def _reserve_concurrency() -> None:
    """`ReservedConcurrentExecutions` in a template, which LocalStack leaves out
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html)."""
    from localstack.services.lambda_.resource_providers.aws_lambda_function import LambdaFunctionProvider

    @patched(
        LambdaFunctionProvider.create,
        because="a function is active a second after its code is in place, because callers ask once a second",
        source="https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html",
    )
    def create(original: Any, self: Any, request: Any) -> Any:
        made = original(self, request)
        if made.status == OperationStatus.SUCCESS:
            _set_reserved_concurrency(request)
        return made

    @patched(
        LambdaFunctionProvider.update,
        because="a function is active a second after its code is in place, because callers ask once a second",
        source="https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html",
    )
    def update(original: Any, self: Any, request: Any) -> Any:
        changed = original(self, request)
        if changed.status == OperationStatus.SUCCESS:
            _set_reserved_concurrency(request)
        return changed


def _set_reserved_concurrency(request: Any) -> None:
    previous, desired = request.previous_state or {}, request.desired_state
    before, after = (state.get("ReservedConcurrentExecutions") for state in (previous, desired))
    if before == after:
        return
    functions = request.aws_client_factory.lambda_
    # A name that the template does not give was made up when the function was created.
    name = desired.get("FunctionName") or previous["FunctionName"]
    if after is None:
        functions.delete_function_concurrency(FunctionName=name)
    else:
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=int(after))
