"""What the system refuses is said with its place and the way out."""

import errno
import os
from pathlib import Path

import pytest

from harness.os_errors import describe


@pytest.mark.parametrize(
    ("number", "said", "remedy"),
    [
        (errno.EACCES, "{path}: permission denied", "Let this user read and write"),
        (errno.EROFS, "{path} is on a file system that cannot be written", "name one as directory in [tool.harness]"),
        (errno.ENOSPC, "No space is left on the disk of {path}", "Free at least"),
        (errno.EISDIR, "{path} is a folder, and a file is needed", "Move the folder away"),
        (errno.ENOENT, "{path} does not exist", "check the path"),
        (errno.EMFILE, "Too many files are open", "ulimit -n 4096"),
        (errno.ENOMEM, "no more memory", "Close something large"),
        (errno.EIO, "{path}: Input/output error", "Check what is there"),
    ],
)
def test_error_names_path_and_remedy(tmp_path: Path, number: int, said: str, remedy: str):
    path = str(tmp_path / "x")
    message = describe(OSError(number, os.strerror(number), path))
    assert said.format(path=path) in message
    assert remedy in message


def test_file_where_a_folder_is_needed_is_named(tmp_path: Path):
    (tmp_path / "state").touch()
    with pytest.raises(OSError) as error:
        (tmp_path / "state" / "run").mkdir()
    assert describe(error.value).startswith(f"{tmp_path / 'state'} is a file, and a folder is needed there.")
