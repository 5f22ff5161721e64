"""Unpacks archives of clients, and nothing of them outside of their folder.

What would leave the folder, or reach through a link, is refused before anything is written. A symbolic link that stays
inside is an ordinary entry: packages of Node.js and shared libraries are full of them. Links are made when everything
else is there, so that nothing is ever written through one.
"""

import io
import lzma
import os
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

MAX_NODES = 250_000
"""Files and folders of one archive. Empty ones count nothing towards its size and fill a disk all the same."""
_MAX_LINK = 4096
_MAX_HOPS = 40
_FOLDER_MODE, _FILE_MODE, _PROGRAM_MODE = 0o755, 0o644, 0o755

Parts = tuple[str, ...]


class ArchiveError(ValueError):
    """An archive that is not unpacked; the message says which entry and why."""


class EntryKind(StrEnum):
    FILE = "file"
    FOLDER = "folder"
    LINK = "symbolic link"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it will be on disk; `target` is that of a link."""

    parts: Parts
    kind: EntryKind
    info: zipfile.ZipInfo
    target: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """The entries of an archive that may be unpacked, and the bytes that they take."""

    entries: tuple[Entry, ...]
    size_bytes: int


def inspect_zip(archive: bytes) -> Contents:
    """Check every entry of a zip without unpacking it. Raises ArchiveError."""
    with _opened(io.BytesIO(archive)) as opened:
        return _contents(opened)


def unpack_zip(archive: str | os.PathLike[str], folder: str | os.PathLike[str]) -> None:
    """Unpack a zip into a folder that is there. Raises ArchiveError.

    Files can be read by everyone and changed by their owner, and programs stay programs; setuid, setgid and what a
    group may write are dropped.
    """
    root = Path(folder)
    with Path(archive).open("rb") as packed, _opened(packed) as opened:
        contents = _contents(opened)
        for entry in contents.entries:
            place = root.joinpath(*entry.parts)
            _make_folders(root, entry.parts if entry.kind is EntryKind.FOLDER else entry.parts[:-1])
            if entry.kind is EntryKind.FILE:
                _write(opened, entry.info, place)
        for entry in contents.entries:
            if entry.kind is EntryKind.LINK:
                root.joinpath(*entry.parts).symlink_to(entry.target)


def unpack_tar(archive: str | os.PathLike[str], folder: str | os.PathLike[str]) -> None:
    """Unpack a tar, compressed or not, by the standard library's filter for data. Raises ArchiveError."""
    try:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ArchiveError(str(error)) from error


@contextmanager
def _opened(archive: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """The zip, with whatever the standard library raises for a damaged one as ArchiveError."""
    try:
        with zipfile.ZipFile(archive) as opened:
            yield opened
    except ArchiveError:
        raise
    except zipfile.BadZipFile as error:
        raise ArchiveError(str(error)) from error
    except (zlib.error, lzma.LZMAError, EOFError, struct.error, OSError) as error:
        raise ArchiveError(f"it is damaged: {error}") from error
    except (NotImplementedError, RuntimeError, ValueError, LookupError, ArithmeticError) as error:
        # Encrypted, of an unknown compression, or with fields that contradict one another.
        raise ArchiveError(f"it cannot be read: {error}") from error


def _contents(archive: zipfile.ZipFile) -> Contents:
    kinds: dict[Parts, EntryKind] = {}
    entries = []
    for info in archive.infolist():
        if info.flag_bits & 1:
            raise ArchiveError(f"The entry {info.filename!r} is encrypted.")
        parts = _parts(info.filename)
        if not parts:
            continue
        kind = _kind(info)
        _place(kinds, parts, kind, info.filename)
        entries.append(Entry(parts, kind, info, _link_target(archive, info) if kind is EntryKind.LINK else ""))
    links = {entry.parts: entry.target for entry in entries if entry.kind is EntryKind.LINK}
    if links:
        _check_links(links, kinds)
    return Contents(tuple(entries), sum(entry.info.file_size for entry in entries))


def _parts(name: str) -> Parts:
    if name.startswith("/"):
        raise ArchiveError(f"The entry {name!r} has an absolute name.")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ArchiveError(f"The entry {name!r} leaves the archive.")
    return parts


def _kind(info: zipfile.ZipInfo) -> EntryKind:
    form = stat.S_IFMT(info.external_attr >> 16)
    if form == stat.S_IFLNK:
        return EntryKind.LINK
    if form == stat.S_IFDIR or info.is_dir():
        return EntryKind.FOLDER
    if form in (0, stat.S_IFREG):
        return EntryKind.FILE
    raise ArchiveError(f"The entry {info.filename!r} is a device, a pipe or a socket.")


def _place(kinds: dict[Parts, EntryKind], parts: Parts, kind: EntryKind, name: str) -> None:
    """Note where an entry goes. Two may share a place only if they are files or folders both: the later file wins."""
    for length in range(1, len(parts)):
        above = kinds.setdefault(parts[:length], EntryKind.FOLDER)
        if above is not EntryKind.FOLDER:
            raise ArchiveError(f"The entry {name!r} is below the {above} {'/'.join(parts[:length])!r}.")
    before = kinds.get(parts)
    if before is None:
        kinds[parts] = kind
    elif before is not kind or kind is EntryKind.LINK:
        raise ArchiveError(f"The entry {name!r} is there twice, as a {before} and as a {kind}.")
    if len(kinds) > MAX_NODES:
        raise ArchiveError(f"It holds more than {MAX_NODES:,} files and folders.")


def _link_target(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    if not 0 < info.file_size <= _MAX_LINK:
        raise ArchiveError(f"The symbolic link {info.filename!r} has a target of {info.file_size} bytes.")
    target = os.fsdecode(archive.read(info))
    if "\0" in target:
        raise ArchiveError(f"The symbolic link {info.filename!r} has a target with a zero byte.")
    return target


def _check_links(links: Mapping[Parts, str], kinds: Mapping[Parts, EntryKind]) -> None:
    # macOS finds `LIB` by the name `lib`, so for links the case of a letter makes no difference anywhere.
    folded = {_folded(parts): target for parts, target in links.items()}
    if len(folded) < len(links):
        raise ArchiveError("Two symbolic links differ only in case.")
    for parts in kinds:
        for length in range(1, len(parts) + 1):
            if parts[:length] not in links and _folded(parts[:length]) in folded:
                raise ArchiveError(f"The entry {'/'.join(parts)!r} and a symbolic link differ only in case.")
    for parts, target in links.items():
        if _leaves(_folded(parts[:-1]), target, folded):
            raise ArchiveError(f"The symbolic link {'/'.join(parts)!r} leaves the archive: it points to {target!r}.")


def _folded(parts: Parts) -> Parts:
    return tuple(unicodedata.normalize("NFC", part).casefold() for part in parts)


def _leaves(folder: Parts, target: str, links: Mapping[Parts, str]) -> bool:
    """Whether a link in this folder leads out of the archive, through other links too."""
    here, ahead, hops = list(folder), [target], 0
    while ahead:
        step = ahead.pop()
        if step.startswith("/"):
            return True
        first, slash, rest = step.partition("/")
        if slash:
            ahead.append(rest.lstrip("/"))
        if first in ("", "."):
            continue
        if first == "..":
            if not here:
                return True
            here.pop()
            continue
        here += _folded((first,))
        if (onward := links.get(tuple(here))) is not None:
            hops += 1
            if hops > _MAX_HOPS:
                return False  # the system follows no further: a loop leads nowhere
            here.pop()
            ahead.append(onward)
    return False


def _make_folders(root: Path, parts: Parts) -> None:
    for length in range(1, len(parts) + 1):
        folder = root.joinpath(*parts[:length])
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        folder.chmod(_FOLDER_MODE)


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, place: Path) -> None:
    mode = info.external_attr >> 16
    # An archive made on Windows says nothing of rights; LocalStack let everything of it run.
    wanted = _PROGRAM_MODE if mode & 0o111 or not stat.S_IMODE(mode) else _FILE_MODE
    opened = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, wanted)
    with os.fdopen(opened, "wb") as into:
        os.fchmod(opened, wanted)
        # Reads as many bytes as the entry claims to have, and fails if its checksum differs.
        with archive.open(info) as source:
            shutil.copyfileobj(source, into, 1 << 18)
