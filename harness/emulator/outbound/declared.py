"""The parts of LocalStack that call an address which a resource declares, as AWS does: these calls may leave the machine."""

import functools
import importlib
from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.outbound.guard import allowed
from harness.emulator.patches import replaced

CALLERS = (
    "localstack.services.apigateway.next_gen.execute_api.integrations.http",
    "localstack.services.events.target",
    "localstack.services.events.api_destination",
    "localstack.services.firehose.provider",
    # Of functions that run in containers (LAMBDA_RUNTIME_EXECUTOR=docker), at an address of Docker's network.
    "localstack.services.lambda_.invocation.executor_endpoint",
    "localstack.services.sns.publisher",
)
"""The modules whose global `requests` calls such addresses; each is loaded with the service in its name."""

_FIXED = "https://fcm.googleapis.com/"
"""Where `sns.publisher` would push to phones: Google's address and not one that a resource names."""


class _Requests:
    """The module `requests` for such a caller: each call may reach the host of its URL."""

    def __init__(self, requests: Any) -> None:
        self._requests = requests

    def __getattr__(self, name: str) -> Any:
        return getattr(self._requests, name)

    def request(self, method: str, url: str, **options: Any) -> Any:
        if url.startswith(_FIXED):
            return self._requests.request(method, url, **options)
        with allowed(url):
            return self._requests.request(method, url, **options)

    def post(self, url: str, **options: Any) -> Any:
        return self.request("post", url, **options)


def install() -> None:
    for name in CALLERS:
        when_loaded(name.split(".")[2].rstrip("_"), functools.partial(_complete, name))


def _complete(name: str) -> None:
    module = importlib.import_module(name)
    replaced(
        module,
        "requests",
        _Requests(module.requests),
        because="addresses that resources declare may be called, and no other",
    )
