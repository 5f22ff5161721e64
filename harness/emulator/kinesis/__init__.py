"""Kinesis Data Streams on moto, which keeps streams, tags and settings; shards, records and their readers are here.

moto 5 puts records into shards that are closed, moves the records of a shard that is split or merged, numbers each shard's
records from 1, and its iterators never expire. `shards` is how AWS's shards behave, `iterators` where a reader is,
`operations` what is checked and answered, `consumers` enhanced fan-out.

https://docs.aws.amazon.com/streams/latest/dev/key-concepts.html
"""
