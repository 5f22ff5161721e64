"""The engine's own log: without secrets, without health checks, and, if configured, in a file in
addition to the output of its process.

`HARNESS_LOG_FILE` names the file (the Docker image sets it, so that the log lies in LocalStack's volume). It is kept
below 20 MiB, with the two files before it.
"""

import logging
import os
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from localstack.aws.handlers.logging import ResponseLogger
from localstack.logging.format import AddFormattedAttributes, DefaultFormatter

from harness.emulator.journal.secrets import REDACTOR
from harness.emulator.patches import patched, replaced

LOG = logging.getLogger(__name__)

FILE_VARIABLE = "HARNESS_LOG_FILE"
MAX_BYTES = 20 * 1024**2
OLDER_FILES = 2


class WithoutSecrets(logging.Formatter):
    """Cuts what another formatter has written, stack traces included."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self._formatter = formatter

    def format(self, record: logging.LogRecord) -> str:
        return REDACTOR.text(self._formatter.format(record))


def cut_secrets() -> None:
    """Of all that this process logs, and of threads that end with an exception, which Python would print past the log."""
    names = [name for name in logging.root.manager.loggerDict if isinstance(logging.getLogger(name), logging.Logger)]
    for logger in (logging.root, *map(logging.getLogger, names)):
        for handler in logger.handlers:
            if not isinstance(handler.formatter, WithoutSecrets):
                handler.setFormatter(WithoutSecrets(handler.formatter or logging.Formatter()))
    replaced(
        threading, "excepthook", _log_the_end, because="the end of a thread by an error is logged, without secrets"
    )


def _log_the_end(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None and not issubclass(ended.exc_type, SystemExit):
        name = ended.thread.name if ended.thread else "?"
        LOG.error("thread %s ended", name, exc_info=(ended.exc_type, ended.exc_value, ended.exc_traceback))


def write_to(file: Path) -> RotatingFileHandler:
    """Let every logger write into `file`, too, as LocalStack writes to its output."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(file, maxBytes=MAX_BYTES, backupCount=OLDER_FILES, encoding="utf-8")
    handler.setLevel(logging.root.level)
    handler.setFormatter(DefaultFormatter())
    handler.addFilter(AddFormattedAttributes())
    logging.root.addHandler(handler)
    return handler


def install() -> None:
    if file := os.environ.get(FILE_VARIABLE):
        write_to(Path(file))
    cut_secrets()

    @patched(ResponseLogger.__call__, because="the log of the engine has no health checks of ours")
    def log(original: Any, self: Any, chain: Any, context: Any, response: Any) -> None:
        # LocalStack does not log its own health check; Docker calls the harness's every two seconds.
        if context.request.path != "/_harness/ready" or response.status_code != 200:
            original(self, chain, context, response)
