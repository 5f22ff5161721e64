"""Empties the state of the engine: `POST /_harness/reset`.

`all` leaves an engine as after its start. `data` keeps what is deployed and empties what ran through it.
"""

import shutil
from pathlib import Path
from typing import Any, Literal

from localstack.services.plugins import SERVICE_PLUGINS
from localstack.state import AssetDirectory, StateVisitor
from pydantic import BaseModel, ConfigDict, Field

from harness.emulator.apigateway.lambda_authorizer import ANSWERS
from harness.emulator.concurrency import monitor
from harness.emulator.controls.emptying import EMPTIES, STOPS
from harness.emulator.controls.faults import FAULTS
from harness.emulator.controls.outbox import OUTBOX
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.websocket.gateway import close_all
from harness.emulator.websocket.throttling import THROTTLE


class ResetScope(BaseModel):
    """What a reset empties: everything (the default) or the data, of every account or of one."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    scope: Literal["all", "data"] = "all"
    account_id: str | None = Field(default=None, pattern=r"^\d{12}$")


def reset(scope: ResetScope) -> dict[str, Any]:
    """Returns `{"scope", "services": names, "messages": how many left the outbox}`."""
    loaded = sorted(SERVICE_PLUGINS.list_loaded_services())
    # Clients of deleted APIs; no `$disconnect` is sent, since its receivers are emptied, too.
    close_all("reset", account_id=scope.account_id)
    THROTTLE.forget()
    services = _reset_data(loaded, scope.account_id) if scope.scope == "data" else _reset_all(loaded, scope.account_id)
    FAULTS.remove()
    ANSWERS.forget()
    if scope.scope == "all" and scope.account_id is None:
        # What led to the deleted state; the sequence continues, so that a reader that follows misses nothing new.
        JOURNAL.clear()
    return {"scope": scope.scope, "services": services, "messages": OUTBOX.clear(scope.account_id)}


# ---- all ---------------------------------------------------------------------------------------------------------


class _Empty(StateVisitor):
    """Empties the stores of LocalStack (AccountRegionBundle), of moto (BackendDict), and folders."""

    def __init__(self, account_id: str | None):
        self.account_id = account_id

    def visit(self, state_container: Any) -> None:
        if isinstance(state_container, AssetDirectory):
            if self.account_id is None and Path(state_container.path).is_dir():
                for entry in Path(state_container.path).iterdir():
                    shutil.rmtree(entry, ignore_errors=True)
        elif self.account_id is None:
            state_container.reset()
        else:
            state_container.pop(self.account_id, None)


def _reset_all(loaded: list[str], account_id: str | None) -> list[str]:
    _stop_what_runs(loaded, account_id)
    for name in loaded:
        service = SERVICE_PLUGINS.get_service(name)
        # Lambda's hooks stop the functions of every account; those of one account were deleted above.
        hooks = service.lifecycle_hook if account_id is None or name != "lambda" else None
        if hooks:
            hooks.on_before_state_reset()
        with monitor(name):
            service.accept_state_visitor(_Empty(account_id))
        if hooks:
            hooks.on_after_state_reset()
    return loaded


def _stop_what_runs(loaded: list[str], account_id: str | None) -> None:
    """LocalStack's stores can be emptied under threads that still use the old state; these are ended first."""
    for name, stop in STOPS.items():
        if name in loaded:
            stop(account_id)


def _reset_data(loaded: list[str], account_id: str | None) -> list[str]:
    emptied = [name for name in loaded if name in EMPTIES]
    for name in emptied:
        with monitor(name):
            EMPTIES[name](account_id)
    return emptied
