"""The place that answers AWS calls, and the harness's own API of it."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
import httpx
from botocore.config import Config

from harness.engine.errors import EngineError


class HarnessApi:
    """`/_harness/*` of a target, as functions (the table is in ARCHITECTURE.md)."""

    def __init__(self, endpoint_url: str) -> None:
        self._http = httpx.Client(base_url=f"{endpoint_url}/_harness", timeout=httpx.Timeout(10, read=75))

    def ready(self) -> dict[str, Any]:
        return self._call("GET", "/ready")

    def reset(self, **scope: Any) -> dict[str, Any]:
        return self._call("POST", "/reset", json=scope)

    def outbox(self, **query: Any) -> list[dict[str, Any]]:
        """Messages that left the system: `after`, `recipient`, `channel`, `subject` (a regular expression), `wait_seconds`."""
        messages: list[dict[str, Any]] = self._call("GET", "/outbox", params=query)["messages"]
        return messages

    def clear_outbox(self) -> int:
        return int(self._call("DELETE", "/outbox")["removed"])

    def put_fault(self, **fault: Any) -> str:
        return str(self._call("PUT", "/faults", json=fault)["fault_id"])

    def remove_fault(self, fault_id: str) -> None:
        self._call("DELETE", f"/faults/{fault_id}")

    def faults(self) -> list[dict[str, Any]]:
        faults: list[dict[str, Any]] = self._call("GET", "/faults")["faults"]
        return faults

    def fire(self, kind: str, **parameters: Any) -> dict[str, Any]:
        return self._call("POST", "/fire", json={"kind": kind, **parameters})

    def close(self) -> None:
        self._http.close()

    def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        response = self._http.request(method, path, **request)
        if response.is_error:
            raise EngineError(f"{method} /_harness{path} was answered {response.status_code}: {response.text}")
        body: dict[str, Any] = response.json()
        return body


@dataclass(frozen=True)
class Target:
    """Where AWS calls go.

    `engine` names how it came to be: embedded, docker, endpoint or aws. `endpoint_url` is None for AWS itself.
    `capabilities` says what of the harness's own API it has.
    """

    engine: str
    endpoint_url: str
    region: str = "us-east-1"
    account_id: str = "000000000000"
    capabilities: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def session(self) -> boto3.Session:
        # An access key id that is twelve digits selects the account in LocalStack.
        return boto3.Session(
            aws_access_key_id=self.account_id, aws_secret_access_key="test", region_name=self.region
        )

    def client(self, service: str, **arguments: Any) -> Any:
        """A boto3 client of this target. Retries are off, so that a test sees the first answer."""
        config = Config(
            retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, max_pool_connections=50
        ).merge(arguments.pop("config", Config()))
        return self.session.client(service, endpoint_url=self.endpoint_url, config=config, **arguments)

    @cached_property
    def harness(self) -> HarnessApi:
        return HarnessApi(self.endpoint_url)
