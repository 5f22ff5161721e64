"""https://docs.aws.amazon.com/streams/latest/dev/troubleshooting-consumers.html#shard-iterator-expires-unexpectedly"""

import pytest

from harness.emulator.kinesis.iterators import ShardIterator


def test_an_iterator_is_good_for_five_minutes():
    iterator = ShardIterator.decode(ShardIterator("arn", "shardId-000000000000", 7, issued=1000.0).encode())
    assert iterator.after == 7
    assert not iterator.expired(1300.0)
    said = iterator.expired(1301.0)
    assert said.startswith(
        "Iterator expired. The iterator was created at time Thu Jan 01 00:16:40 UTC 1970 while right now"
    )
    assert said.endswith("which is further in the future than the tolerated delay of 300000 milliseconds.")


@pytest.mark.parametrize("nonsense", ["", "x", "bm9uc2Vuc2U=", "WzEsIDJd"])
def test_invalid_shard_iterator_raises(nonsense):
    with pytest.raises(ValueError, match="Invalid ShardIterator"):
        ShardIterator.decode(nonsense)
