"""What a reset does to state machines."""

from datetime import UTC, datetime

from harness.emulator.controls.emptying import empties, of_account, stops


def install() -> None:
    stops("stepfunctions", _stop_executions)
    empties("stepfunctions", _forget_executions)


def _stop_executions(account_id: str | None) -> None:
    from localstack.services.stepfunctions.backend.store import sfn_stores

    for _, _, store in of_account(sfn_stores, account_id):
        for execution in list(store.executions.values()):
            execution.stop(datetime.now(UTC), "Harness.Reset", "the engine was reset")


def _forget_executions(account_id: str | None) -> None:
    from localstack.services.stepfunctions.backend.store import sfn_stores

    _stop_executions(account_id)
    for _, _, store in of_account(sfn_stores, account_id):
        store.executions.clear()
