"""Empties the state of the engine: `POST /_harness/reset`."""

from typing import Any

from localstack.services.plugins import SERVICE_PLUGINS
from localstack.services.stores import AccountRegionBundle
from localstack.state import StateVisitor
from pydantic import BaseModel, ConfigDict

from harness.emulator.apigateway.lambda_authorizer import ANSWERS
from harness.emulator.faults import FAULTS
from harness.emulator.outbox import OUTBOX


class Scope(BaseModel):
    """What a reset empties: everything (the default), or one account."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    account_id: str | None = None


class _Empty(StateVisitor):
    """Empties the stores of LocalStack (AccountRegionBundle) and of moto (BackendDict)."""

    def __init__(self, account_id: str | None):
        self.account_id = account_id

    def visit(self, state_container: Any) -> None:
        if self.account_id is None:
            state_container.reset()
        elif isinstance(state_container, AccountRegionBundle):
            state_container.pop(self.account_id, None)
        else:
            state_container.pop(self.account_id, None)


def reset(scope: Scope) -> dict[str, Any]:
    services = []
    for name in SERVICE_PLUGINS.list_loaded_services():
        service = SERVICE_PLUGINS.get_service(name)
        service.lifecycle_hook.on_before_state_reset()
        service.accept_state_visitor(_Empty(scope.account_id))
        service.lifecycle_hook.on_after_state_reset()
        services.append(name)
    removed = OUTBOX.clear(scope.account_id)
    FAULTS.remove()
    ANSWERS.forget()
    return {"services": sorted(services), "messages": removed}
