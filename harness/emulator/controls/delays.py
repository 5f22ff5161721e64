"""How long the engine waits where AWS waits, from one place: HARNESS_DELAYS, JSON with the members of `EngineDelays`.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
"""

import os
from typing import Any

from localstack import config
from pydantic import BaseModel, ConfigDict, Field

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched, replaced

VARIABLE = "HARNESS_DELAYS"


class EngineDelays(BaseModel):
    """The members and their meaning are those of `[tool.harness.delays]` (docs/reference/settings.md)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lambda_retry_seconds: int = Field(default=1, ge=0)
    events_retry_seconds: float = Field(default=1.0, ge=0)
    stream_retry_seconds: float = Field(default=0.5, gt=0)
    source_pause_seconds: float = Field(default=60.0, gt=0)
    step_functions_factor: float = Field(default=1.0, gt=0)


DELAYS = EngineDelays.model_validate_json(os.environ.get(VARIABLE) or "{}")
"""Those of this LocalStack process."""


def install() -> None:
    replaced(
        config,
        "LAMBDA_RETRY_BASE_DELAY_SECONDS",
        DELAYS.lambda_retry_seconds,
        because="[tool.harness.delays] says how long the engine waits where AWS waits",
        source="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html",
    )
    if DELAYS.step_functions_factor != 1:
        when_loaded("stepfunctions", _scale_state_machines)


def _scale_state_machines() -> None:
    """One factor for all: a shortened wait next to an unshortened timeout would change which of the two ends first."""
    from localstack.services.stepfunctions.asl.component.common.timeouts import heartbeat, timeout
    from localstack.services.stepfunctions.asl.component.state.state_wait.wait_function.wait_function import (
        WaitFunction,
    )

    factor = DELAYS.step_functions_factor

    @patched(
        WaitFunction._eval_body,
        because="step_functions_factor scales every wait of a state machine",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html",
    )
    def wait(_original: Any, self: Any, env: Any) -> None:
        self._wait_interval(env=env, wait_seconds=self._get_wait_seconds(env=env) * factor)

    of_timeouts = [timeout.TimeoutSeconds, timeout.TimeoutSecondsJSONata, timeout.TimeoutSecondsPath]
    of_heartbeats = [heartbeat.HeartbeatSeconds, heartbeat.HeartbeatSecondsJSONata, heartbeat.HeartbeatSecondsPath]
    for kind in (*of_timeouts, *of_heartbeats):

        @patched(
            kind._eval_seconds,
            because="step_functions_factor scales timeouts and heartbeats with the waits",
            source="https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html",
        )
        def seconds(original: Any, self: Any, env: Any) -> float:
            return float(original(self, env)) * factor
