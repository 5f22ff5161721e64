"""The harness's folder, private to its user.

Its content decides where calls go, and includes events, mails and traces. So folders have mode 700 and files mode 600
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
"""The folder in it that only the engine uses. The code of functions in it keeps the modes of its package."""


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
    """Create the folder and its missing parents, or make an existing folder private.

    Raises EngineError for a folder that is refused, and if it cannot be created.
    """
    check(folder)
    try:
        for missing in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
            missing.mkdir(FOLDER_MODE, exist_ok=True)
    except OSError as error:
        raise EngineError(f"The state folder {folder} cannot be made. {describe(error)}") from error
    close(folder)


def close(folder: Path) -> None:
    """Remove other users' permissions from a folder that an earlier version created, and from its files."""
    check(folder)
    if any((folder / each).exists() for each in _OF_A_PROJECT):
        # The folder is shared; only what the harness writes into it is private.
        return
    # A file system without modes reports everything as open, and that cannot be changed.
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
    """Whether other users have permissions in it, because its file system keeps no modes."""
    return folder.exists() and bool(folder.stat().st_mode & OTHERS)


def write(file: Path, text: str) -> None:
    """Write a file in one step: another command sees all of it or nothing."""
    make(file.parent)
    # Created with mode 600, and under a name that no other command uses.
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
    """Open a file for writing, private to its user even if it existed before."""
    with open(file, mode, opener=lambda path, flags: os.open(path, flags, FILE_MODE)) as stream:
        with suppress(OSError):
            os.fchmod(stream.fileno(), FILE_MODE)
        yield stream


def _user(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"
