"""Schedules of the deployed stacks, fired when a test requests it."""

from typing import Any

from harness.deploy.deployment import Deployment
from harness.engine import Target
from harness.errors import NotDeployedError

SCHEDULED = ("AWS::Events::Rule", "AWS::Scheduler::Schedule")


class Schedules:
    """Fires EventBridge rules with a schedule, and schedules of EventBridge Scheduler."""

    def __init__(self, target: Target, deployment: Deployment) -> None:
        self._target, self._deployment = target, deployment

    def fire(self, name: str, *, stack: str | None = None) -> dict[str, Any]:
        """Run a schedule now, once: `name` is its logical id in a template, its physical name or its ARN.

        If several stacks have the logical id, `stack` is the template's name for one. Returns `{"schedule": its ARN, "state",
        "targets": how many targets got the event}`; a disabled schedule invokes no target. Raises EngineError if there is no
        schedule of that name, NotDeployedError if the stack does not have it.
        """
        self._target.require("fire")
        return self._target.harness.fire("schedule", schedule=self._physical_id(name, stack))

    def _physical_id(self, name: str, stack: str | None) -> str:
        stacks = [self._deployment[stack]] if stack else list(self._deployment.stacks.values())
        found = {
            deployed.name: deployed.resources[name].physical_id
            for deployed in stacks
            if name in deployed.resources and deployed.resources[name].type in SCHEDULED
        }
        if len(found) > 1:
            raise NotDeployedError(f"Several stacks have a schedule {name}: {', '.join(sorted(found))}; say stack=...")
        if stack and not found:
            raise NotDeployedError(f"The stack {stack} has no schedule {name}.")
        return next(iter(found.values()), name)
