"""Frees reference cycles that load leaves behind, while the engine runs.

Python traverses the engine's old objects only once in 50 million new ones, because booting allocates millions that stay
(`harness.emulator.__main__`). What load leaves in cycles, such as clients of the SDK with their hooks, would stay until then:
70 MiB in five minutes. Here it is freed once a minute, if at least a million objects came since. The objects of
the first minute, all services with their models, are not traversed again, so that a pass is short.
"""

import contextlib
import ctypes
import gc
import threading
from typing import Any

from localstack.utils.threads import TMP_THREADS

PAUSE_SECONDS = 60.0


def install() -> None:
    threading.Thread(target=_run, name="harness-garbage", daemon=True).start()


def _run() -> None:
    pause = threading.Event()
    trim = _trim()
    pause.wait(PAUSE_SECONDS)
    gc.collect()
    gc.freeze()
    while True:
        pause.wait(PAUSE_SECONDS)
        forget_ended_threads()
        # How often the generation before was looked through since.
        if gc.get_count()[2]:
            gc.collect()
            trim(0)


def forget_ended_threads() -> None:
    """LocalStack 4.14.0 lists threads to stop them when it ends, and each execution of a state machine adds some; it takes
    none out, and each keeps its execution. One that has not begun has no identity yet."""
    for thread in list(TMP_THREADS):
        if thread.ident is not None and not thread.is_alive():
            with contextlib.suppress(ValueError):
                TMP_THREADS.remove(thread)


def _trim() -> Any:
    """glibc keeps memory that was freed; elsewhere there is nothing to do."""
    with contextlib.suppress(OSError, AttributeError):
        return ctypes.CDLL(None).malloc_trim
    return lambda _keep: 0
