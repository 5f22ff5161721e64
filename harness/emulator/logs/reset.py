"""What a reset does to log groups."""

from harness.emulator.controls.emptying import empties, moto_backends


def install() -> None:
    empties("logs", _empty_log_streams)


def _empty_log_streams(account_id: str | None) -> None:
    for backend in moto_backends("logs", account_id):
        for group in backend.groups.values():
            group.streams.clear()
