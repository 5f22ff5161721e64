"""Gives an invocation what AWS sends with the event and LocalStack 4.14.0 does not.

- The trace header: LocalStack passes the caller's parent on, so two functions that one caller invokes look the same.
  Here the caller's root is kept and each invocation, each retry too, is a separate parent
  (https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader).
- The client context, which LocalStack drops
  (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#lambda-Invoke-request-ClientContext).
- The log group of a function's LoggingConfig, which LocalStack stores and does not use. Several functions may share one,
  so the names of its streams have the function's
  (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html).
- An event that is not JSON is refused before it reaches the function.

Not done: the identity of a Cognito identity pool's user, because the engine does not know who signed a request.
"""

import base64
import binascii
import json
import secrets
from datetime import UTC, datetime
from typing import Any

from localstack.aws.api.lambda_ import InvalidRequestContentException
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.utils.xray.trace_header import TraceHeader

from harness.emulator.patches import patched


def install() -> None:
    @patched(
        ExecutionEnvironment.invoke,
        because="trace header and client context of an invocation are lost",
        source="https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader",
    )
    def invoke(_original: Any, self: Any, invocation: Any) -> Any:
        return self.runtime_executor.invoke(
            payload={
                "invoke-id": invocation.request_id,
                "invoked-function-arn": invocation.invoked_arn,
                "payload": invocation.payload.decode(),
                "trace-id": own_segment(invocation.trace_context.get("aws_trace_header")),
                "client-context": client_context(invocation.client_context),
            }
        )

    @patched(
        ExecutionEnvironment.get_log_group_name,
        because="the log group of LoggingConfig is not used",
        source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html",
    )
    def get_log_group_name(original: Any, self: Any) -> str:
        return self.function_version.config.logging_config.get("LogGroup") or original(self)

    @patched(
        ExecutionEnvironment.get_log_stream_name,
        because="streams of a shared log group have the name of their function",
        source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html",
    )
    def get_log_stream_name(original: Any, self: Any) -> str:
        function = self.function_version.id
        # LocalStack writes the usual group into the configuration of a function that names none.
        if self.get_log_group_name() == f"/aws/lambda/{function.function_name}":
            return str(original(self))
        return f"{datetime.now(UTC):%Y/%m/%d}/{function.function_name}[{function.qualifier}][{self.id}]"

    @patched(
        LambdaService.invoke,
        because="an event that is not JSON reaches the function",
        source="https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors",
    )
    def invoke_function(original: Any, self: Any, *args: Any, **options: Any) -> Any:
        refuse_invalid_json(options.get("payload"))
        client_context(options.get("client_context"))
        return original(self, *args, **options)


def own_segment(caller: TraceHeader | None) -> str:
    """The header of a new invocation: the caller's root, sampling and lineage, with a new parent."""
    header = TraceHeader(
        root=caller.root if caller else None,
        parent=secrets.token_hex(8),
        sampled=caller.sampled if caller and caller.sampled in (0, 1) else 1,
        lineage=caller.lineage if caller else None,
        data=caller.data if caller else None,
    )
    return str(header.ensure_root_exists().to_header_str())


def client_context(encoded: str | None) -> str:
    """The JSON that the caller encoded in base64; empty when there is none. Raises AWS's error when it is not JSON."""
    if not encoded:
        return ""
    try:
        text = base64.b64decode(encoded, validate=True).decode()
        json.loads(text)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidRequestContentException(
            f"Client context must be a valid Base64-encoded JSON object: {error}", Type="User"
        ) from error
    return text


def refuse_invalid_json(payload: bytes | None) -> None:
    """Raise AWS's error for an event that is not JSON; an empty one is `{}`."""
    if not payload:
        return
    try:
        json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestContentException(
            f"Could not parse request body into json: Could not parse payload into json: {error}", Type="User"
        ) from error
