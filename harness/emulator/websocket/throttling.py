"""Holds a stage's routes to their limits: a bucket of tokens each, refilled at a rate.

https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
"""

import threading
import time
from collections.abc import Mapping
from typing import Any

from harness.emulator.websocket.apis import Settings
from harness.emulator.websocket.integrations import GatewayError


def settings_of(stage: Settings, route_key: str) -> dict[str, Any]:
    """A route's settings at a stage: its own, else the stage's."""
    default: Mapping[str, Any] = stage.get("DefaultRouteSettings") or {}
    own: Mapping[str, Any] = (stage.get("RouteSettings") or {}).get(route_key) or {}
    return {**default, **own}


class Throttle:
    """The buckets, by the ARN of stage and route."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, route_arn: str, settings: Mapping[str, Any]) -> None:
        """Raise GatewayError where the route has no token left; without limits it is never short of one."""
        rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
        if rate is None and burst is None:
            return
        size = float(burst if burst is not None else max(float(rate or 0), 1.0))
        now = time.monotonic()
        with self._lock:
            tokens, at = self._buckets.get(route_arn, (size, now))
            # Without a rate AWS has the account's, which no test comes near.
            tokens = size if rate is None else min(size, tokens + (now - at) * float(rate))
            allowed = tokens >= 1
            self._buckets[route_arn] = (tokens - 1 if allowed else tokens, now)
        if not allowed:
            raise GatewayError(429, "Too Many Requests", "TooManyRequestsException")

    def forget(self) -> None:
        with self._lock:
            self._buckets.clear()


THROTTLE = Throttle()
"""Of this LocalStack process; a reset forgets what was taken."""
