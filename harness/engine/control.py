"""`/_harness/*` of a target, as functions."""

from collections.abc import Sequence
from typing import Any

import httpx

from harness.engine import token, tracing
from harness.errors import EngineError

# The API answers a long-polling request after at most 60 seconds.
_TIMEOUT = httpx.Timeout(10, read=75)


class HarnessApi:
    """The engine's test API (docs/reference/harness-api.md). Every call raises EngineError when it is refused."""

    def __init__(self, endpoint_url: str, *, secret: str | None = None, trust_env: bool = False) -> None:
        """`secret` is the engine's token; `trust_env` uses the environment's proxies, for an engine on another machine."""
        self._http = httpx.Client(
            base_url=f"{endpoint_url}/_harness", timeout=_TIMEOUT, trust_env=trust_env, headers=token.headers(secret)
        )

    def ready(self) -> dict[str, Any]:
        return self.call("GET", "/ready")

    def reset(self, **scope: Any) -> dict[str, Any]:
        return self.call("POST", "/reset", json=scope)

    def preload(self, resource_types: Sequence[str]) -> None:
        """Let the engine load the services of these resource types now, in the background."""
        self.call("POST", "/preload", json={"resource_types": list(resource_types)})

    def outbox(self, **query: Any) -> list[dict[str, Any]]:
        """The messages that left the system, oldest first.

        `query`: `after` (a sequence number), `recipient`, `channel` (mail or sms), `subject` (a regular expression),
        `wait_seconds` (respond when a message matches, at most after 60).
        """
        messages: list[dict[str, Any]] = self.call("GET", "/outbox", params=query)["messages"]
        return messages

    def clear_outbox(self) -> int:
        return int(self.call("DELETE", "/outbox")["removed"])

    def put_fault(self, **fault: Any) -> str:
        """Put a fault in force and return its id; the fields are those of `harness.faults.Faults.failing`."""
        return str(self.call("PUT", "/faults", json=fault)["fault_id"])

    def remove_fault(self, fault_id: str) -> None:
        self.call("DELETE", f"/faults/{fault_id}")

    def faults(self) -> list[dict[str, Any]]:
        faults: list[dict[str, Any]] = self.call("GET", "/faults")["faults"]
        return faults

    def fire(self, kind: str, **parameters: Any) -> dict[str, Any]:
        """Make due now what real time would make due; what it causes belongs to the flow of the block."""
        headers: dict[str, str] = {}
        tracing.add_header(headers)
        return self.call("POST", "/fire", json={"kind": kind, **parameters}, headers=headers)

    def iam(self) -> dict[str, Any]:
        """How calls are decided: `mode`, `denied`, `reported`, `unmapped`."""
        return self.call("GET", "/iam")

    def set_iam(self, mode: str) -> None:
        """Decide calls in this mode from now on: enforce, report or off."""
        self.call("PUT", "/iam", json={"mode": mode})

    def get(self, path: str) -> dict[str, Any]:
        """`GET /_harness<path>`. Raises EngineError for an error response."""
        return self.call("GET", path)

    def call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, **request)
        except httpx.TransportError as error:
            raise EngineError(
                f"The engine at {self._http.base_url} does not answer {method} {path}: {error!r}"
            ) from error
        if response.is_error:
            try:
                reason = response.json()["error"]
            except (ValueError, LookupError, TypeError):
                reason = response.text[:500]
            raise EngineError(f"{method} /_harness{path} was refused ({response.status_code}): {reason}")
        body: dict[str, Any] = response.json()
        return body
