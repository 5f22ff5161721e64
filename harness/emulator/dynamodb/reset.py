"""What a reset does to tables."""

from harness.emulator.controls.emptying import empties, moto_backends


def install() -> None:
    empties("dynamodb", _empty_tables)


def _empty_tables(account_id: str | None) -> None:
    """Without stream records: a reset is no event of the architecture's."""
    for backend in moto_backends("dynamodb", account_id):
        for table in backend.tables.values():
            table.items.clear()
