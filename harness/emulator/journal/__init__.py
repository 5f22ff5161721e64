"""Writes the journal: everything that happens in this engine, with its cause (`harness.journal.records`).

- `recorder` keeps the records, bounded in memory, and gives them to readers as they come
- `causes` carries the cause along threads, pools and internal calls
- `payloads` makes payloads safe and small: secrets out, large ones cut
- the other modules record one kind of activity each

Setting, an environment variable of the engine: `HARNESS_JOURNAL=off` records nothing.
"""
