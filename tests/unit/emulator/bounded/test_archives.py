"""Archives that are unpacked, and archives that are refused because they would leave their folder."""

import io
import stat
import tarfile
import zipfile

import pytest

from harness.emulator.bounded import archives
from harness.emulator.bounded.archives import ArchiveError, inspect_zip, unpack_tar, unpack_zip

# The module warns of entries that share a name; that is what some of these are.
pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")
LINK, FILE, FIFO, DEVICE = stat.S_IFLNK, stat.S_IFREG, stat.S_IFIFO, stat.S_IFBLK


def packed(*entries) -> bytes:
    """A zip of (name, content) or (name, content, mode)."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as into:
        for name, data, *mode in entries:
            entry = zipfile.ZipInfo(name)
            # DOS's read-only bit, so that the module invents no mode for an entry without one.
            entry.external_attr = (mode[0] if mode else FILE | 0o644) << 16 | 1
            entry.compress_type = zipfile.ZIP_DEFLATED
            into.writestr(entry, data)
    return content.getvalue()


@pytest.fixture
def unpack(tmp_path):
    def unpacked(archive: bytes):
        (tmp_path / "package.zip").write_bytes(archive)
        folder = tmp_path / "outer" / "folder"
        folder.mkdir(parents=True)
        unpack_zip(tmp_path / "package.zip", folder)
        return folder

    return unpacked


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([("../out.py", "x")], "'../out.py' leaves"),
        ([("a/../../out.py", "x")], "'a/../../out.py' leaves"),
        ([("/etc/out.py", "x")], "'/etc/out.py' has an absolute name"),
        ([("way", "/tmp", LINK | 0o777)], "'way' leaves the archive: it points to '/tmp'"),
        ([("way", "..", LINK | 0o777)], "'way' leaves"),
        ([("a/way", "../../b", LINK | 0o777)], "'a/way' leaves"),
        # Each of the two stays inside by its letters; together they lead out.
        ([("a/up", "..", LINK | 0o777), ("way", "a/up/..", LINK | 0o777)], "'way' leaves"),
        ([("here", ".", LINK | 0o777), ("way", "here/here/..", LINK | 0o777)], "'way' leaves"),
        ([("way", "a", LINK | 0o777), ("way/out.py", "x")], "'way/out.py' is below the symbolic link 'way'"),
        ([("way/out.py", "x"), ("way", "a", LINK | 0o777)], "'way' is there twice"),
        ([("way", "a", LINK | 0o777), ("way", "x")], "'way' is there twice, as a symbolic link and as a file"),
        ([("way", "a", LINK | 0o777), ("way", "b", LINK | 0o777)], "'way' is there twice"),
        ([("WAY", "a", LINK | 0o777), ("way/out.py", "x")], "differ only in case"),
        ([("a", "x"), ("a/b", "x")], "'a/b' is below the file 'a'"),
        ([("a/", ""), ("a", "x")], "'a' is there twice, as a folder and as a file"),
        ([("pipe", "", FIFO | 0o666)], "'pipe' is a device, a pipe or a socket"),
        ([("disk", "", DEVICE | 0o666)], "'disk' is a device"),
        ([("way", "", LINK | 0o777)], "'way' has a target of 0 bytes"),
        ([("way", "a" * 5000, LINK | 0o777)], "'way' has a target of 5000 bytes"),
    ],
)
def test_entry_that_leaves_its_folder_is_refused_by_name(unpack, tmp_path, entries, said):
    archive = packed(*entries)
    with pytest.raises(ArchiveError) as refused:
        inspect_zip(archive)
    assert said in str(refused.value)
    with pytest.raises(ArchiveError):
        unpack(archive)
    assert [path.name for path in (tmp_path / "outer").rglob("*")] == ["folder"], "nothing was written"


def test_links_that_stay_inside_are_kept(unpack):
    folder = unpack(
        packed(
            ("lib/libz.so", "libz.so.1", LINK | 0o777),
            ("lib/libz.so.1", "code"),
            ("node_modules/.bin/tool", "../tool/cli.js", LINK | 0o777),
            ("node_modules/tool/cli.js", "cli", FILE | 0o755),
            ("self", ".", LINK | 0o777),
            ("round", "round", LINK | 0o777),
            ("nowhere", "gone/file", LINK | 0o777),
        )
    )
    assert (folder / "lib/libz.so").is_symlink()
    assert (folder / "lib/libz.so").read_text() == "code"
    assert (folder / "node_modules/.bin/tool").read_text() == "cli"
    assert (folder / "self/lib/libz.so.1").read_text() == "code"
    assert (folder / "nowhere").is_symlink()


def test_files_are_readable_and_nothing_is_setuid_or_writable(unpack):
    folder = unpack(
        packed(
            ("secret", "x", FILE | 0o600),
            ("open", "x", FILE | 0o666),
            ("program", "x", FILE | 0o6777),
            ("from-windows", "x", 0),
            ("nested/module.py", "x"),
        )
    )
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
    assert modes == {
        "secret": 0o644,
        "open": 0o644,
        "program": 0o755,
        "from-windows": 0o755,
        "nested": 0o755,
        "module.py": 0o644,
    }


def test_later_of_two_files_of_one_name_wins(unpack):
    assert (unpack(packed(("a.py", "one"), ("./a.py", "two"))) / "a.py").read_text() == "two"


def test_damaged_archives_are_refused():
    good = packed(("index.py", "def handler(event, context): ...\n" * 50), ("b.py", "x" * 999))
    refused = 0
    for place in range(len(good)):
        damaged = bytearray(good)
        damaged[place] ^= 0xFF
        try:
            inspect_zip(bytes(damaged))
        except ArchiveError:
            refused += 1
    assert refused > 5, "any other error would have come up"
    for archive in (b"", b"PK", good[:-10], b"PK\x05\x06" + b"\0" * 17):
        with pytest.raises(ArchiveError):
            inspect_zip(archive)


def test_content_that_is_not_what_its_checksum_says_is_refused(unpack):
    archive = packed(("index.py", "hello" * 100))
    place = archive.index(b"index.py") + len("index.py") + 3
    with pytest.raises(ArchiveError):
        unpack(archive[:place] + bytes([archive[place] ^ 0xFF]) + archive[place + 1 :])


def test_size_of_an_archive_is_known_before_it_is_unpacked():
    archive = packed(*((f"zeros-{i}", "\0" * 1_000_000) for i in range(30)))
    assert len(archive) < 100_000
    assert inspect_zip(archive).size_bytes == 30_000_000


def test_archive_of_too_many_empty_entries_is_refused(monkeypatch):
    monkeypatch.setattr(archives, "MAX_NODES", 100)
    assert inspect_zip(packed(("a/" * 99 + "b", "")))
    with pytest.raises(ArchiveError, match="more than 100 files and folders"):
        inspect_zip(packed(("a/" * 120 + "b", "")))


def test_tar_entry_that_leaves_its_folder_is_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as into:
        link = tarfile.TarInfo("way")
        link.type, link.linkname = tarfile.SYMTYPE, "/tmp"
        into.addfile(link)
    (tmp_path / "into").mkdir()
    with pytest.raises(ArchiveError, match="way"):
        unpack_tar(tmp_path / "a.tar.gz", tmp_path / "into")
    assert list((tmp_path / "into").iterdir()) == []
