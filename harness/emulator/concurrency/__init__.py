"""No call fails, or returns a wrong result, because of a concurrent one.

LocalStack 4.14.0 and moto keep their state in plain dicts and lists, and serve requests in many threads without locks:
"dictionary changed size during iteration", two resources of one name, a page that skips an entry. Four rules, each for
all services:

1. **One operation of a service at a time** (`monitors`). Services that share a store share a monitor. An operation gives its
   monitor up for good at its first call to another service and its first wait.
2. **Loops over a store go over its state at one moment** (`steady`), because threads outside of operations (pollers,
   schedules, executions, entry points) and operations that have given up their monitor read stores, too.
3. **All pages of a listing are of the moment of its first** (`pages`).
4. **Objects that are changed outside of operations have a lock for their kind** (`guarded`): the keys of buckets.

Compared with this: one monitor for each account and region keeps apart what LocalStack shares (CrossRegionAttribute,
CrossAccountAttribute, names of buckets, ARNs of other accounts), and gains nothing, as Python runs one thread at a time.
Snapshots alone leave checks apart from what they allow: two CreateQueue, two conditional writes. Locks for readers and
writers need to know which of 2,000 operations write; moto's "reads" do (they expire, count, move to the next state).

**No deadlock**: a thread holds at most one monitor, and waits for none while it holds another. It gives its monitor up before
it calls another service, waits for a condition (events, futures and queues are made of them), sleeps or sends an HTTP request,
and nothing takes it back. It may wait for LocalStack's own locks with its monitor in hand, so a thread with such a lock must not
wait for that monitor: an operation that calls its own service continues without (`Monitor`), and CloudWatch's lock, which it
holds while it calls itself from any thread, is replaced by its monitor. If a thread waits for long nevertheless, it continues
and the engine logs what it waited for.
"""

from harness.emulator.concurrency.monitors import Monitor, give_up, monitor
from harness.emulator.concurrency.steady import SteadyDefaultDict, SteadyDict, guarded, steady, steady_attributes

__all__ = [
    "Monitor",
    "SteadyDefaultDict",
    "SteadyDict",
    "give_up",
    "guarded",
    "monitor",
    "steady",
    "steady_attributes",
]
