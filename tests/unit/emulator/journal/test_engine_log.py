import logging
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from harness.emulator.journal.engine_log import MAX_BYTES, OLDER_FILES, write_to


@pytest.fixture
def handler(tmp_path: Path) -> Iterator[RotatingFileHandler]:
    handler = write_to(tmp_path / "logs" / "engine.log")
    yield handler
    logging.root.removeHandler(handler)
    handler.close()


def test_log_file_has_records_in_the_format_of_localstack(handler: RotatingFileHandler):
    logging.getLogger("localstack.request.aws").warning("AWS sqs.%s => %s", "CreateQueue", 200)

    (line,) = Path(handler.baseFilename).read_text().splitlines()

    assert line.endswith("AWS sqs.CreateQueue => 200")
    assert " WARN" in line
    assert "localstack.request.aws" in line


def test_the_files_do_not_grow_without_end(handler: RotatingFileHandler):
    handler.maxBytes = 1000
    for number in range(100):
        logging.getLogger("any").warning("line %d of a log that is long enough to be turned over soon", number)

    files = sorted(file.name for file in Path(handler.baseFilename).parent.iterdir())

    assert files == ["engine.log", "engine.log.1", "engine.log.2"]
    assert (handler.backupCount, MAX_BYTES) == (OLDER_FILES, 20 * 1024**2)
