"""Run LocalStack with the emulator's plugins, in the virtual environment that both are installed in.

`harness.engine.embedded` starts this module on this machine, LocalStack's own supervisor inside the Docker image.
"""

import contextlib
import gc
import logging
import os
import runpy
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any, NoReturn

from plux.runtime.cache import EntryPointsCache
from plux.runtime.metadata import MetadataEntryPointsResolver

from harness.emulator.host import older_python, owner
from harness.emulator.outbound import environment, guard
from harness.emulator.patches import patched, replaced

ANY_LOCALSTACK_VARIABLE = "HARNESS_ANY_LOCALSTACK"


def read_plugins_from_the_environment() -> None:
    """Bypass plux's cache of entry points in `~/.cache/plux`.

    Its key is made of modification times, which `uv` keeps when it links packages from its cache, so after an upgrade
    the cache can be stale, and then plugins are missing without a word (plux 1.16).
    """
    cache = EntryPointsCache.instance()
    resolver = MetadataEntryPointsResolver()
    replaced(
        cache,
        "_build_and_store_index",
        lambda _cache_dir: resolver.get_entry_points(),
        because="plux's cache in ~/.cache can be stale after an upgrade, and plugins are missing then",
        source="https://github.com/localstack/plux",
    )


def collect_garbage_less_often() -> None:
    """Booting and loading services allocates millions of objects that stay; looking through them again and again takes
    a sixth of the time until the stacks are up (13.1 s became 10.9)."""
    gc.set_threshold(50_000, 20, 50)


def leave(exit_code: int) -> NoReturn:
    """End the process once LocalStack has stopped its services. Python would first take everything apart that is in memory,
    for which `harness down` waited 15 seconds after a long run, and killed it then."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


def write_for_this_user_alone() -> None:
    """What the engine writes are events, mails and objects of its user. Where functions run in containers, they read their code
    as other users; there the modes stay."""
    if os.environ.get("LAMBDA_RUNTIME_EXECUTOR") == "process":
        keep_bytecode_readable(os.umask(0o077))


def keep_bytecode_readable(umask: int) -> None:
    """Bytecode lies next to modules, which other users may run, too. Python takes a file that it may not read for an error."""

    @patched(SourceFileLoader.set_data, because="other users read the bytecode beside modules that they may run, too")
    def set_data(original: Any, self: SourceFileLoader, path: str, data: bytes, *, _mode: int = 0o666) -> None:
        original(self, path, data, _mode=_mode)
        with contextlib.suppress(OSError):
            Path(path).chmod(_mode & ~umask)
            Path(path).parent.chmod(0o777 & ~umask)


def refuse_other_versions() -> None:
    """The patches were read against one version of LocalStack. On another one they may change what is no longer there."""
    from localstack.constants import VERSION

    from harness.emulator.patches.register import Accepted

    supported = Accepted.read().packages["localstack"].rpartition(" ")[2]
    if supported != VERSION and os.environ.get(ANY_LOCALSTACK_VARIABLE) != "1":
        sys.exit(
            f"The engine does not start: this is LocalStack {VERSION}, and the emulator changes code of {supported}. Install "
            f"localstack-core=={supported} (in Docker: LOCALSTACK_VERSION={supported}), or set {ANY_LOCALSTACK_VARIABLE}=1 to "
            "try it with this one; /_harness/ready then names what differs."
        )


def close_the_door() -> None:
    """Before LocalStack can serve anything, and not by its hooks: it boots on without one that fails."""
    try:
        from harness.emulator.door import installation

        installation.install()
    except ValueError as error:
        sys.exit(f"The engine does not start: {error}.")


if __name__ == "__main__":
    owner.watch()
    write_for_this_user_alone()
    collect_garbage_less_often()
    environment.isolate(os.environ)
    guard.install()
    older_python.install()
    refuse_other_versions()
    read_plugins_from_the_environment()
    close_the_door()
    try:
        runpy.run_module("localstack.runtime.main", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if not isinstance(ended.code, int):
            raise
        leave(ended.code)
