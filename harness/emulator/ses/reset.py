"""What a reset does to sent mails."""

from harness.emulator.controls.emptying import empties, moto_backends


def install() -> None:
    empties("ses", _forget_sent_mails)


def _forget_sent_mails(account_id: str | None) -> None:
    """LocalStack lists sent mails of all accounts together, without saying whose they are."""
    from localstack.services.ses.provider import EMAILS

    if account_id is None:
        EMAILS.clear()
    # What was sent is counted apart.
    for backend in moto_backends("ses", account_id):
        backend.sent_messages.clear()
