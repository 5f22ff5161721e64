"""What happened in an engine: records, and the stream of them.

`records` is the format that the engine and the harness share; it imports no other module of the harness. `stream` reads the
records of an engine as they happen.
"""
