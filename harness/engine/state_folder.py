"""The folder with what the harness writes: for its user alone.

What is in it decides where calls go, and holds events, mails and traces. So folders are of mode 700 and files of mode 600,
whatever the umask, and a folder that another user could have prepared is refused.
"""

import os
import pwd
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from harness.errors import EngineError
from harness.os_errors import describe

FOLDER_MODE = 0o700
FILE_MODE = 0o600
OTHERS = 0o077
_OF_A_PROJECT = ("pyproject.toml", ".git")
ENGINE_FILES = "engine"
"""The folder in it that is the engine's alone. The code of functions in it keeps the modes of its package."""


def check(folder: Path) -> None:
    """Raise EngineError for a folder that belongs to another user or is a link to another place."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise EngineError(f"The state folder {folder} cannot be used. {describe(error)}") from error
    if folder.is_symlink():
        raise EngineError(
            f"The state folder {folder} is a symbolic link to {folder.readlink()}. What is in a state folder decides where "
            "calls go, so links are not followed. Remove the link, and name the place itself: directory in [tool.harness]."
        )
    if not folder.is_dir():
        raise EngineError(f"The state folder {folder} is a file. Remove it, or set directory in [tool.harness].")
    if found.st_uid != os.geteuid():
        raise EngineError(
            f"The state folder {folder} belongs to {_user(found.st_uid)}, and this is {_user(os.geteuid())}. What is in a "
            "state folder decides where calls go, so it is not used. Remove it, or set directory in [tool.harness]."
        )


def make(folder: Path) -> None:
    """Make the folder and those above it that are missing, or close to others the one that is there.

    Raises EngineError for a folder that is refused, and where it cannot be made.
    """
    check(folder)
    try:
        for missing in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
            missing.mkdir(FOLDER_MODE, exist_ok=True)
    except OSError as error:
        raise EngineError(f"The state folder {folder} cannot be made. {describe(error)}") from error
    close(folder)


def close(folder: Path) -> None:
    """Take away what others may do in a folder that an earlier version made, and with its files."""
    check(folder)
    if any((folder / each).exists() for each in _OF_A_PROJECT):
        # Not ours alone; only what we write into it is.
        return
    # A file system without modes says that all is open; there is nothing to be done about it.
    with suppress(OSError):
        if folder.lstat().st_mode & OTHERS:
            folder.chmod(FOLDER_MODE)
            for each in _below(folder):
                with suppress(OSError):
                    each.chmod(each.lstat().st_mode & 0o7777 & ~OTHERS, follow_symlinks=False)


def _below(folder: Path) -> Iterator[Path]:
    for each in sorted(folder.iterdir()):
        if each.is_symlink():
            continue
        yield each
        if each.is_dir() and each.name != ENGINE_FILES:
            yield from _below(each)


def is_open(folder: Path) -> bool:
    """Whether other users may do something in it, because its file system keeps no modes."""
    return folder.exists() and bool(folder.stat().st_mode & OTHERS)


def write(file: Path, text: str) -> None:
    """Write a file in one step: another command sees all of it or nothing."""
    make(file.parent)
    # Made with mode 600, and under a name that no other command takes.
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=file.parent, prefix=f".{file.name}-", delete=False
    ) as new:
        try:
            new.write(text)
            new.close()
            Path(new.name).replace(file)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise


@contextmanager
def opened(file: Path, mode: str) -> Iterator[IO[Any]]:
    """Open a file for writing, for its user alone also where it was there before."""
    with open(file, mode, opener=lambda path, flags: os.open(path, flags, FILE_MODE)) as stream:
        with suppress(OSError):
            os.fchmod(stream.fileno(), FILE_MODE)
        yield stream


def _user(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"
