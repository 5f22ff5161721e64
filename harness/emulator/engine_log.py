"""The engine's own log: beside the output of its process in a file where one is asked for, and without health checks.

`HARNESS_LOG_FILE` names the file (the Docker image sets it, so that the log lies in LocalStack's volume). It is kept
below 20 MiB, with the two files before it.
"""

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from localstack.aws.handlers.logging import ResponseLogger
from localstack.logging.format import AddFormattedAttributes, DefaultFormatter
from localstack.utils.patch import patch

FILE_VARIABLE = "HARNESS_LOG_FILE"
MAX_BYTES = 20 * 1024**2
OLDER_FILES = 2


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

    @patch(ResponseLogger.__call__)
    def log(original: Any, self: Any, chain: Any, context: Any, response: Any) -> None:
        # LocalStack leaves its own health check out; Docker asks ours every two seconds.
        if context.request.path != "/_harness/ready" or response.status_code != 200:
            original(self, chain, context, response)
