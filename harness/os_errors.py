"""Errors of the operating system as sentences: what, where, and what to do."""

import errno
import os
from pathlib import Path


def describe(error: OSError) -> str:
    """One sentence on the cause and one on the fix."""
    path = error.filename2 or error.filename
    where = str(path) if isinstance(path, str | os.PathLike) else ""
    match error.errno:
        case errno.EACCES | errno.EPERM:
            blocking = _first_without_rights(where)
            return (
                f"{where or 'A file'}: permission denied. Let this user read and write {blocking or 'it'} "
                "(ls -ld shows who may), or run the command in a folder of this user's."
            )
        case errno.EROFS:
            return (
                f"{where or 'A folder'} is on a file system that cannot be written. Run the command in another folder, or name "
                "one as directory in [tool.harness]."
            )
        case errno.ENOSPC | errno.EDQUOT:
            return f"No space is left on the disk{_of(where)}. Free at least 2 GiB; 'harness doctor' says how much there is."
        case errno.ENOTDIR | errno.EEXIST:
            blocking = _file_in(where)
            return f"{blocking or where or 'A path'} is a file, and a folder is needed there. Move the file away."
        case errno.EISDIR:
            return f"{where or 'A path'} is a folder, and a file is needed there. Move the folder away."
        case errno.ENOENT if not where and not _working_directory_exists():
            return "The working directory is gone. Change into one that exists."
        case errno.ENOENT:
            return f"{where or error.strerror or error} does not exist. Make it, or check the path."
        case errno.EMFILE | errno.ENFILE:
            return "Too many files are open. Raise the limit ('ulimit -n 4096') and run the command again."
        case errno.ENOMEM | errno.EAGAIN:
            return "The machine gives no more memory or processes. Close something large and run the command again."
        case errno.ELOOP:
            return f"{where or 'A path'} is a link that leads to itself. Remove it, or point it elsewhere."
    said = error.strerror or str(error) or type(error).__name__
    return f"{where}: {said}. Check what is there and run the command again." if where else f"{said}."


def _of(where: str) -> str:
    return f" of {where}" if where else ""


def _first_without_rights(where: str) -> str:
    """The outermost folder of the path that this user may not enter or write."""
    if not where:
        return ""
    for folder in reversed(Path(where).absolute().parents):
        if not os.access(folder, os.X_OK):
            return str(folder)
    parent = Path(where).absolute().parent
    return str(where if os.path.lexists(where) else parent)


def _file_in(where: str) -> str:
    """The part of a path that is a file although the path continues, or the path itself."""
    if not where:
        return ""
    path = Path(where).absolute()
    for part in (*reversed(path.parents), path):
        if os.path.isfile(part):  # noqa: PTH113 - also False if this user may not look
            return str(part)
    return ""


def _working_directory_exists() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True
