"""Ends the threads of pools that have had nothing to do for a while.

Neither Python's ThreadPoolExecutor nor Twisted's pool ever ends a thread before the pool itself ends. LocalStack 4.14.0 has a
pool for each function and one for each service, so the threads of the busiest moment stay for as long as the engine runs.
"""

import queue
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import thread as _thread
from typing import Any

from twisted.internet import reactor as twisted_reactor
from twisted.internet.task import LoopingCall

from harness.emulator.patches import replaced

IDLE_SECONDS = 10.0
KEPT_FOR_REQUESTS = 4
"""Threads of the gateway that stay, so that a request after a pause finds one."""

_LOCK = threading.Lock()
_STANDARD: Any = _thread
"""The module of the standard library, whose private parts these are."""


class _Threads:
    """How many threads of a pool wait for a task that is not promised to another submission, and how many tasks have
    no thread coming for them."""

    __slots__ = ("backlog", "idle")

    def __init__(self) -> None:
        self.idle = self.backlog = 0


_OF_POOL: "weakref.WeakKeyDictionary[ThreadPoolExecutor, _Threads]" = weakref.WeakKeyDictionary()


def install() -> None:
    pools: Any = ThreadPoolExecutor
    replaced(
        pools,
        "_adjust_thread_count",
        _provide_thread,
        because="threads of pools that are idle end; the standard library keeps them",
        source="https://docs.python.org/3/library/concurrent.futures.html#threadpoolexecutor",
    )
    reactor: Any = twisted_reactor
    reactor.callFromThread(
        lambda: LoopingCall(_Gateway(reactor.getThreadPool()).shrink).start(IDLE_SECONDS / 2, now=False)
    )


def _provide_thread(pool: Any) -> None:
    """Called by `submit` for each task, with the lock that a thread needs to leave the pool."""
    with _LOCK:
        threads = _OF_POOL.setdefault(pool, _Threads())
        if threads.idle:
            threads.idle -= 1
            return
        if len(pool._threads) >= pool._max_workers:
            threads.backlog += 1
            return

    def pool_is_gone(_reference: Any, tasks: Any = pool._work_queue) -> None:
        tasks.put(None)

    thread = threading.Thread(
        name=f"{pool._thread_name_prefix or pool}_{len(pool._threads)}",
        target=serve_pool,
        args=(weakref.ref(pool, pool_is_gone), pool._work_queue, threads, pool._initializer, pool._initargs),
    )
    thread.start()
    pool._threads.add(thread)
    _STANDARD._threads_queues[thread] = pool._work_queue


def serve_pool(reference: Any, tasks: Any, threads: _Threads, initializer: Any, initial: Any) -> None:
    """What a thread of a pool runs: `concurrent.futures.thread._worker`, with an end."""
    try:
        if initializer is not None:
            initializer(*initial)
    except BaseException:
        _STANDARD._base.LOGGER.critical("Exception in initializer:", exc_info=True)
        if (pool := reference()) is not None:
            pool._initializer_failed()
        return
    while True:
        try:
            task = tasks.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            if _leaves(reference, threads):
                return
            continue
        if task is None:
            # The pool is shut down, collected, or the interpreter ends.
            if (pool := reference()) is not None:
                pool._shutdown = True
            tasks.put(None)
            return
        task.run()
        del task
        with _LOCK:
            if threads.backlog:
                threads.backlog -= 1
            else:
                threads.idle += 1


def _leaves(reference: Any, threads: _Threads) -> bool:
    """Whether this thread, which waited for IDLE_SECONDS, leaves its pool; not where a task is on its way to it."""
    pool = reference()
    if pool is None:
        return False
    # While a thread holds this no task is submitted, and a shutdown does not wait for the threads yet.
    with pool._shutdown_lock, _LOCK:
        if pool._shutdown or not threads.idle:
            return False
        threads.idle -= 1
        pool._threads.discard(threading.current_thread())
        return True


class _Gateway:
    """The pool in which requests are handled."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._spare = 0

    def shrink(self) -> None:
        idle = len(self._pool.waiters)
        # Those that were idle the last time, too.
        for _ in range(min(idle, self._spare) - KEPT_FOR_REQUESTS):
            self._pool.stopAWorker()
        self._spare = idle
        self._pool.threads[:] = [thread for thread in self._pool.threads if thread.is_alive()]
