"""What a reset does to queues."""

from harness.emulator.controls.emptying import empties, of_account, stops


def install() -> None:
    stops("sqs", _shut_queues)
    empties("sqs", _empty_queues)


def _empty_queues(account_id: str | None) -> None:
    from localstack.services.sqs.models import sqs_stores

    for _, _, store in of_account(sqs_stores, account_id):
        for queue in list(store.queues.values()):
            queue.clear()


def _shut_queues(account_id: str | None) -> None:
    from localstack.services.sqs.models import sqs_stores

    for _, _, store in of_account(sqs_stores, account_id):
        for queue in store.queues.values():
            queue.shutdown()
