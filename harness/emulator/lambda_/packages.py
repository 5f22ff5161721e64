"""The packages of functions and layers: checked when they are submitted, unpacked by `harness.emulator.bounded.archives`.

LocalStack 4.14.0 unpacks with the program `unzip`, which follows links that the archive itself has made, and gives every
file of it, and what its links point to, the mode 755 (`lambda_models.ArchiveCode`); what it cannot unpack fails later,
in the background. AWS answers the call that hands it in.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from localstack import config
from localstack.aws.api.lambda_ import InvalidParameterValueException
from localstack.services.lambda_ import provider
from localstack.services.lambda_.api_utils import (
    LAYER_VERSION_ARN_PATTERN,
    get_account_and_region,
    get_name_and_qualifier,
)
from localstack.services.lambda_.invocation import lambda_models, lambda_service
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.lambda_.provider import LambdaProvider
from localstack.utils import archives as localstack_archives
from localstack.utils import common

from harness.emulator.bounded.archives import ArchiveError, inspect_zip, unpack_tar, unpack_zip
from harness.emulator.host.attachments import UNPACKED_BYTES
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched, replaced

_REFUSED = "Could not unzip uploaded file. Please check your file, then try to upload again."
_layer_bytes: ContextVar[int] = ContextVar("layer_bytes", default=0)
"""The size of the layers of the function whose code is being submitted."""


def install() -> None:
    for module in (localstack_archives, common, lambda_models):
        replaced(
            module,
            "unzip",
            _unzip,
            because="archives are unpacked through the links that they make",
            source="https://snyk.io/research/zip-slip-vulnerability",
        )
    for module in (localstack_archives, common):
        replaced(
            module,
            "untar",
            _untar,
            because="archives are unpacked through the links that they make",
            source="https://snyk.io/research/zip-slip-vulnerability",
        )
    # Unpacked files have their modes; LocalStack's way changes what links point to.
    replaced(
        lambda_models,
        "chmod_r",
        lambda _path, _mode: None,
        because="archives are unpacked through the links that they make",
        source="https://snyk.io/research/zip-slip-vulnerability",
    )
    replaced(
        lambda_service,
        "store_lambda_archive",
        _checked(lambda_service.store_lambda_archive),
        because="archives are unpacked through the links that they make",
        source="https://snyk.io/research/zip-slip-vulnerability",
    )
    replaced(
        provider,
        "store_lambda_archive",
        _checked(lambda_service.store_lambda_archive),
        because="archives are unpacked through the links that they make",
        source="https://snyk.io/research/zip-slip-vulnerability",
    )
    _hold_layers_to_the_limit()
    when_loaded("cloudformation", _name_inline_code)


def _name_inline_code() -> None:
    """The source in a template is a file named index, whatever its handler says; LocalStack writes it where that points.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html
    """
    from localstack.services.lambda_.resource_providers import aws_lambda_function

    def file_name(_handler: str, runtime: str) -> str:
        return "index.js" if runtime.startswith("node") else "index.py"

    replaced(
        aws_lambda_function,
        "get_handler_file_from_name",
        file_name,
        because="inline code is put into the file that its handler names",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html",
    )


def _unzip(path: str, target_dir: str, overwrite: bool = True) -> None:
    del overwrite  # every caller of LocalStack's wants it
    unpack_zip(path, target_dir)


def _untar(path: str, target_dir: str) -> None:
    unpack_tar(path, target_dir)


def _checked(original: Any) -> Any:
    def store_lambda_archive(archive_file: bytes, *arguments: Any, **options: Any) -> Any:
        try:
            size = inspect_zip(archive_file).size_bytes
        except ArchiveError as error:
            raise _refusal(error) from error
        limit = config.LAMBDA_LIMITS_CODE_SIZE_UNZIPPED
        if size >= limit:
            raise InvalidParameterValueException(f"Unzipped size must be smaller than {limit} bytes", Type="User")
        _hold_to_the_limit(size, _layer_bytes.get())
        code = original(archive_file, *arguments, **options)
        UNPACKED_BYTES[code] = size
        try:
            # Once, and before the call is answered: preparing the version finds it unpacked.
            code.prepare_for_execution()
        except ArchiveError as error:
            code.destroy()
            raise _refusal(error) from error
        return code

    return store_lambda_archive


def _refusal(error: ArchiveError) -> InvalidParameterValueException:
    return InvalidParameterValueException(f"{_REFUSED} {error}", Type="User")


def _hold_to_the_limit(code: int, layers: int) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 250 MB unzipped, layers included."""
    limit = config.LAMBDA_LIMITS_CODE_SIZE_UNZIPPED
    if layers and code + layers > limit:
        raise InvalidParameterValueException(
            f"Function code combined with layers exceeds the maximum allowed size of {limit} bytes. "
            f"The actual size is {code + layers} bytes.",
            Type="User",
        )


def _hold_layers_to_the_limit() -> None:
    @patched(
        LambdaProvider.create_function,
        because="code and layers together may be larger than 250 MB",
        source="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
    )
    def create_function(original: Any, self: Any, context: Any, request: Any) -> Any:
        with _beside(_bytes_of_layers(request.get("Layers") or ())):
            return original(self, context, request)

    @patched(
        LambdaProvider.update_function_code,
        because="code and layers together may be larger than 250 MB",
        source="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
    )
    def update_function_code(original: Any, self: Any, context: Any, request: Any) -> Any:
        latest = _latest(context, request)
        layers = latest.config.layers if latest is not None else ()
        with _beside(sum(_unzipped(layer.code) for layer in layers)):
            return original(self, context, request)

    @patched(
        LambdaProvider.update_function_configuration,
        because="code and layers together may be larger than 250 MB",
        source="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
    )
    def update_function_configuration(original: Any, self: Any, context: Any, request: Any) -> Any:
        latest = _latest(context, request)
        if latest is not None and latest.config.code is not None:
            _hold_to_the_limit(_unzipped(latest.config.code), _bytes_of_layers(request.get("Layers") or ()))
        return original(self, context, request)


@contextmanager
def _beside(layer_bytes: int) -> Iterator[None]:
    before = _layer_bytes.set(layer_bytes)
    try:
        yield
    finally:
        _layer_bytes.reset(before)


def _latest(context: Any, request: Any) -> Any:
    """The function that a call changes; None if it does not exist, which LocalStack answers."""
    account, region = get_account_and_region(request["FunctionName"], context)
    name, _ = get_name_and_qualifier(request["FunctionName"], None, context)
    function = lambda_stores[account][region].functions.get(name)
    return function.latest() if function is not None else None


def _bytes_of_layers(arns: Sequence[str]) -> int:
    """What those layers take that exist; LocalStack refuses the others."""
    found = 0
    for arn in arns:
        if (parts := LAYER_VERSION_ARN_PATTERN.match(arn)) is None:
            continue
        layer = lambda_stores[parts["account_id"]][parts["region_name"]].layers.get(parts["layer_name"])
        published = layer.layer_versions.get(parts["layer_version"]) if layer is not None else None
        found += _unzipped(published.code) if published is not None else 0
    return found


def _unzipped(code: Any) -> int:
    # Code that is mounted for hot reloading is no archive.
    return UNPACKED_BYTES.get(code) or 0
