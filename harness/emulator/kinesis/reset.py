"""What a reset does to streams."""

from harness.emulator.controls.emptying import empties, moto_backends


def install() -> None:
    empties("kinesis", _empty_streams)


def _empty_streams(account_id: str | None) -> None:
    for backend in moto_backends("kinesis", account_id):
        for stream in backend.streams.values():
            for shard in stream.shards.values():
                shard.records.clear()
