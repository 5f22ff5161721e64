"""Ends integrations at their `timeoutInMillis`, which LocalStack 4.14.0 keeps and never looks at.

https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html
"""

import contextvars
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any

from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import IntegrationTimeoutError
from localstack.services.apigateway.next_gen.execute_api.handlers.integration import IntegrationHandler

from harness.emulator.patches import patched

DEFAULT_MILLISECONDS = 29_000


def install() -> None:
    @patched(
        IntegrationHandler.__call__,
        because="timeoutInMillis of an integration has no effect",
        source="https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html",
    )
    def call(original: Any, self: Any, chain: Any, context: RestApiInvocationContext, response: Any) -> None:
        if context.integration["type"] == "MOCK":
            original(self, chain, context, response)
            return
        ended: Future[None] = Future()

        def run() -> None:
            try:
                original(self, chain, context, response)
            except Exception as error:  # noqa: BLE001 - handed to the thread that waits
                ended.set_exception(error)
            else:
                ended.set_result(None)

        # A late function continues, as on AWS, so its thread outlives the request.
        threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()
        # CloudFormation hands it on as text.
        timeout = int(context.integration.get("timeoutInMillis") or DEFAULT_MILLISECONDS)
        try:
            ended.result(timeout / 1000)
        except NotYet as late:
            if ended.done():
                raise
            raise IntegrationTimeoutError("Endpoint request timed out", status_code=504) from late
