"""Event source mappings read when records arrive, and sleep otherwise.

LocalStack 4.14.0 has one thread for each mapping that polls its source without end, with a pause between any two batches,
reads the shards of a stream one after the other, and restarts after each update of a mapping. `arrivals` reports what arrives
in a queue or a shard; `worker` runs a mapping from its creation to its end; `queue_reader` and `stream_reader` read as
AWS's pollers do. What a batch is, how it is filtered and how the function is invoked stays LocalStack's.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""
