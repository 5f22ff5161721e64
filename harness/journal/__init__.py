"""What happened in an engine: records, and the stream of them.

`records` is the language that the engine and the harness share; it imports nothing of ours. `stream` reads the records of
an engine as they happen.
"""
