"""Empties the state of the engine: `POST /_harness/reset`.

`all` leaves an engine as after its start. `data` keeps what is deployed and empties what ran through it.
"""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from localstack.aws.connect import connect_to
from localstack.services.plugins import SERVICE_PLUGINS
from localstack.state import AssetDirectory, StateVisitor
from pydantic import BaseModel, ConfigDict, Field

from harness.emulator.apigateway.lambda_authorizer import ANSWERS
from harness.emulator.concurrency import monitor
from harness.emulator.faults import FAULTS
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.outbox import OUTBOX
from harness.emulator.websocket.gateway import close_all
from harness.emulator.websocket.throttling import THROTTLE

ARTIFACTS = "harness-artifacts-"
"""Buckets of this prefix hold the code and templates of what is deployed; resetting the data keeps them."""


class Scope(BaseModel):
    """What a reset empties: everything (the default) or the data, of every account or of one."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    scope: Literal["all", "data"] = "all"
    account_id: str | None = Field(default=None, pattern=r"^\d{12}$")


def reset(scope: Scope) -> dict[str, Any]:
    """Returns `{"scope", "services": names, "messages": how many left the outbox}`."""
    loaded = sorted(SERVICE_PLUGINS.list_loaded_services())
    # Clients of what was; nobody is told, since what would hear it is emptied.
    close_all("reset", account_id=scope.account_id)
    THROTTLE.forget()
    services = _reset_data(loaded, scope.account_id) if scope.scope == "data" else _reset_all(loaded, scope.account_id)
    FAULTS.remove()
    ANSWERS.forget()
    if scope.scope == "all" and scope.account_id is None:
        # What led to the state that is gone; its sequence goes on, so that a reader that follows misses nothing new.
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


def _provider(name: str) -> Any:
    return SERVICE_PLUGINS.get_service(name)._provider


def _stop_what_runs(loaded: list[str], account_id: str | None) -> None:
    """LocalStack's stores can be emptied under threads that go on with the old world; these are ended first."""
    if "lambda" in loaded and account_id is not None:
        _delete_functions(account_id)
    if "stepfunctions" in loaded:
        _stop_executions(account_id)
    if "sqs" in loaded:
        from localstack.services.sqs.models import sqs_stores

        for _, _, store in _of_account(sqs_stores, account_id):
            for queue in store.queues.values():
                queue.shutdown()
    if "events" in loaded:
        _forget_rules(account_id)


def _of_account(stores: Any, account_id: str | None) -> Iterator[tuple[str, str, Any]]:
    for account, region, store in list(stores.iter_stores()):
        if account_id in (None, account):
            yield account, region, store


def _delete_functions(account_id: str) -> None:
    from localstack.services.lambda_.invocation.models import lambda_stores

    for _, region, store in _of_account(lambda_stores, account_id):
        client = connect_to(aws_access_key_id=account_id, region_name=region).lambda_
        for mapping in list(store.event_source_mappings):
            client.delete_event_source_mapping(UUID=mapping)
        for function in list(store.functions):
            client.delete_function(FunctionName=function)


def _stop_executions(account_id: str | None) -> None:
    from localstack.services.stepfunctions.backend.store import sfn_stores

    for _, _, store in _of_account(sfn_stores, account_id):
        for execution in list(store.executions.values()):
            execution.stop(datetime.now(UTC), "Harness.Reset", "the engine was reset")


def _forget_rules(account_id: str | None) -> None:
    """EventBridge keeps services beside its store, by ARN."""
    provider = _provider("events")
    for name in ("rule", "event_bus", "archive", "replay", "connection", "api_destination"):
        services = getattr(provider, f"_{name}_services_store", None)
        services = getattr(provider, f"_{name}_service_store", {}) if services is None else services
        for arn in list(services):
            if account_id is None or f":{account_id}:" in arn:
                services.pop(arn, None)
    senders = provider._target_sender_store
    for arn in list(senders):
        if account_id is None or f":{account_id}:" in arn:
            senders.pop(arn, None)


# ---- data --------------------------------------------------------------------------------------------------------


def _reset_data(loaded: list[str], account_id: str | None) -> list[str]:
    empty: dict[str, Callable[[str | None], None]] = {
        "s3": _empty_buckets,
        "dynamodb": _empty_tables,
        "kinesis": _empty_streams,
        "sqs": _empty_queues,
        "cognito-idp": _empty_user_pools,
        "logs": _empty_log_streams,
        "stepfunctions": _forget_executions,
        "events": _empty_archives,
        "ses": _forget_sent_mails,
    }
    emptied = [name for name in loaded if name in empty]
    for name in emptied:
        with monitor(name):
            empty[name](account_id)
    return emptied


def _empty_buckets(account_id: str | None) -> None:
    from localstack.services.s3.models import s3_stores

    storage = _provider("s3")._storage_backend
    seen = set()
    for _, _, store in _of_account(s3_stores, account_id):
        for bucket in list(store.buckets.values()):  # one mapping for all regions
            if bucket.name.startswith(ARTIFACTS) or bucket.name in seen:
                continue
            seen.add(bucket.name)
            for upload in list(bucket.multiparts.values()):
                storage.remove_multipart(bucket.name, upload)
            bucket.multiparts.clear()
            storage.remove(bucket.name, [o for o in bucket.objects.values(with_versions=True) if hasattr(o, "etag")])
            bucket.objects._store.clear()


def _moto(service: str, account_id: str | None) -> Iterator[Any]:
    import moto.backends

    for account, regions in list(moto.backends.get_backend(service).items()):
        if account_id in (None, account):
            yield from list(regions.values())


def _empty_tables(account_id: str | None) -> None:
    """Without stream records: a reset is no event of the architecture's."""
    for backend in _moto("dynamodb", account_id):
        for table in backend.tables.values():
            table.items.clear()


def _empty_streams(account_id: str | None) -> None:
    for backend in _moto("kinesis", account_id):
        for stream in backend.streams.values():
            for shard in stream.shards.values():
                shard.records.clear()


def _empty_queues(account_id: str | None) -> None:
    from localstack.services.sqs.models import sqs_stores

    for _, _, store in _of_account(sqs_stores, account_id):
        for queue in list(store.queues.values()):
            queue.clear()


def _empty_user_pools(account_id: str | None) -> None:
    from harness.emulator.cognito.user_pool import all_pools

    for pool in all_pools():
        if account_id in (None, pool.arn.split(":")[4]):
            pool.moto.users.clear()
            pool.state.users.clear()
            for group in pool.moto.groups.values():
                group.users.clear()


def _empty_log_streams(account_id: str | None) -> None:
    for backend in _moto("logs", account_id):
        for group in backend.groups.values():
            group.streams.clear()


def _forget_executions(account_id: str | None) -> None:
    from localstack.services.stepfunctions.backend.store import sfn_stores

    _stop_executions(account_id)
    for _, _, store in _of_account(sfn_stores, account_id):
        store.executions.clear()


def _empty_archives(account_id: str | None) -> None:
    from localstack.services.events.models import events_stores

    for _, _, store in _of_account(events_stores, account_id):
        for archive in store.archives.values():
            archive.events.clear()


def _forget_sent_mails(account_id: str | None) -> None:
    """LocalStack lists sent mails of all accounts together, without saying whose they are."""
    from localstack.services.ses.provider import EMAILS

    if account_id is None:
        EMAILS.clear()
