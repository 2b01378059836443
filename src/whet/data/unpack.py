"""Opening a data file: gzip and zip are peeled off, whatever the file is called.

Nothing is ever unpacked to a name that an archive gives: members are read as streams. What a packed file
may grow to is limited (``MAX_GROWTH``), so that a small file cannot fill memory or disk. Knows no rows.
"""

from __future__ import annotations

import gzip
import io
import shutil
import struct
import tempfile
import zipfile
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from whet.errors import InputError
from whet.store import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whet.data.rows import Faults

HEAD = 1 << 16  # bytes looked at to tell what a file is
# A packed file may unpack to a hundred times its size, or to 256 MiB where that is more. Text packs to a
# tenth; deflate cannot do better than a thousandth, and only a bomb comes near.
MAX_GROWTH, ALWAYS_ALLOWED = 100, 256 << 20
MAX_LAYERS = 2  # data.zip that holds data.csv.gz
GZIP, ZIP, EMPTY_ZIP = b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
ENDINGS = {".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".xlsx", ".parquet", ".arrow", ".feather"}
ENDINGS |= {".db", ".sqlite", ".sqlite3", ".gz"}
SHOWN_MEMBERS = 20
# What zipfile, gzip and zlib are known to raise on damaged or made-up files.
DAMAGE = (
    OSError,
    EOFError,
    zlib.error,
    zipfile.BadZipFile,
    struct.error,
    ValueError,
    OverflowError,
    RuntimeError,
)


@dataclass(slots=True)
class Opened:
    """A data file without its packing."""

    path: Path
    """The file that the user named."""
    stream: io.BufferedReader
    name: str
    """File name, inside all packing: its ending breaks ties."""
    part: str | None
    """What the user named behind ``::``, until something has made use of it."""
    file: Path | None
    """The file with these bytes, where there is one."""
    stack: ExitStack = field(repr=False)

    @property
    def ending(self) -> str:
        return PurePosixPath(self.name).suffix.lower()

    def on_disk(self) -> Path:
        """A file with these bytes, for libraries that need to seek in one."""
        if self.file is None:
            folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="whet-"))
            self.file = Path(folder) / "data"
            with world(self.file), self.file.open("wb") as spool:
                shutil.copyfileobj(self.stream, spool)
            self.stream = self.stack.enter_context(open_file(self.file))
        return self.file


@contextmanager
def opened(path: Path, part: str | None, faults: Faults) -> Iterator[Opened]:
    """Open ``path`` and peel off its packing.

    Raises:
        InputError: missing, a folder, not readable; an archive that is refused.
    """
    with ExitStack() as stack:
        found = Opened(path, stack.enter_context(open_file(path)), path.name, part, path, stack)
        layers = 0
        while _peel(found, faults):
            layers += 1
            if layers > MAX_LAYERS:
                raise InputError(
                    f"is packed more than {MAX_LAYERS} times.", where=path, fix="unpack it first."
                )
        yield found


def open_file(path: Path) -> io.BufferedReader:
    """The file's bytes.

    Raises:
        InputError: missing, a folder, not readable.
    """
    try:
        return io.BufferedReader(path.open("rb", buffering=0), HEAD)
    except FileNotFoundError as error:
        raise InputError("no such file.", where=path, fix="check the path.") from error
    except IsADirectoryError as error:
        raise InputError("is a folder, not a file.", where=path, fix="name the file.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read: {reason}.", where=path) from error


def allowed_size(path: Path) -> int:
    """Bytes that ``path`` may unpack to."""
    return max(MAX_GROWTH * path.stat().st_size, ALWAYS_ALLOWED)


def refuse_bomb(size: int, path: Path) -> None:
    """Refuse ``size`` unpacked bytes where they are more than the rule allows.

    Raises:
        InputError: the rule, and what to do.
    """
    if size > allowed_size(path):
        raise InputError(
            f"unpacks to more than {allowed_size(path):,} bytes; a packed file may grow to {MAX_GROWTH} "
            f"times its size, or to {ALWAYS_ALLOWED:,} bytes where that is more.",
            where=path,
            fix="if you trust it, unpack it yourself and give the unpacked file.",
        )


def _peel(found: Opened, faults: Faults) -> bool:
    """Take one packing off; False where there is none."""
    head = found.stream.peek()
    packed: Any
    if head.startswith(GZIP):
        packed = gzip.GzipFile(fileobj=found.stream)
        found.name = found.name.removesuffix(".gz")
    elif head.startswith((ZIP, EMPTY_ZIP)) and not is_workbook(found):
        packed = _member(found)
    else:
        return False
    found.stack.enter_context(packed)
    found.stream = found.stack.enter_context(io.BufferedReader(_Unpacked(packed, found.path, faults), HEAD))
    found.file = None
    return True


class _Unpacked(io.RawIOBase):
    """The bytes of a packed stream, up to the limit. Damage is reported and ends the stream, so that what
    came before it is not lost."""

    def __init__(self, packed: Any, path: Path, faults: Faults) -> None:
        super().__init__()
        self._packed, self._path, self._faults = packed, path, faults
        self._size = self._lines = 0
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer as long as there is anything, so that a first look sees a whole head."""
        room, filled = memoryview(buffer), 0
        while filled < len(room) and not self._ended:
            data = self._some(len(room) - filled)
            room[filled : filled + len(data)] = data
            filled += len(data)
        return filled

    def _some(self, size: int) -> bytes:
        try:
            data: bytes = self._packed.read(size)
        except DAMAGE as error:
            rule = f"the packed data are damaged here: {error}."
            self._faults.add(self._lines + 1, rule, "fetch the file again.")
            data = b""
        self._ended = not data
        self._size += len(data)
        self._lines += data.count(b"\n")
        refuse_bomb(self._size, self._path)
        return data


def is_workbook(found: Opened) -> bool:
    """Whether a zip file is an Excel workbook.

    Raises:
        InputError: not a whole zip file.
    """
    with archive_of(found) as archive:
        return "xl/workbook.xml" in archive.namelist()


def archive_of(found: Opened) -> zipfile.ZipFile:
    """The zip file, open.

    Raises:
        InputError: not a whole zip file.
    """
    try:
        return zipfile.ZipFile(found.on_disk())
    except DAMAGE as error:
        raise InputError(
            f"is not a whole zip file: {error}.", where=found.path, fix="fetch the file again."
        ) from error


def _member(found: Opened) -> Any:
    """The one data file of an archive, open."""
    archive = found.stack.enter_context(archive_of(found))
    _refuse_names(archive, found.path)
    member = _choose(archive, found.part, found.path)
    where = f"{found.path}::{member.filename}"
    if member.compress_type not in METHODS:
        raise InputError("is packed with a rare method.", where=where, fix="pack it again with `zip`.")
    if member.flag_bits & 1:
        raise InputError("is encrypted.", where=where, fix="unpack it yourself.")
    refuse_bomb(member.file_size, found.path)
    found.name, found.part = PurePosixPath(member.filename).name, None
    try:
        return archive.open(member)
    except DAMAGE as error:
        raise InputError(f"is damaged: {error}.", where=where, fix="fetch the file again.") from error


def _refuse_names(archive: zipfile.ZipFile, path: Path) -> None:
    """An archive with a name that leaves its folder is made to do harm, or by a broken tool."""
    for name in archive.namelist():
        windows = PureWindowsPath(name)
        if ".." in windows.parts or windows.drive or windows.root:
            raise InputError(
                f"the member {name!r} lies outside the archive's folder.",
                where=path,
                fix="give an archive with plain names, or the file itself.",
            )


def _choose(archive: zipfile.ZipFile, part: str | None, path: Path) -> zipfile.ZipInfo:
    """The member named by ``part``; else the only file; else the only file with a data ending."""
    members = [member for member in archive.infolist() if _may_be_data(member.filename)]
    named = [member for member in members if member.filename == part]
    data = [member for member in members if PurePosixPath(member.filename).suffix.lower() in ENDINGS]
    for chosen in [named] if part else [members, data]:
        if len(chosen) == 1:
            return chosen[0]
    names = ", ".join(member.filename for member in members[:SHOWN_MEMBERS]) or "nothing"
    more = f" and {len(members) - SHOWN_MEMBERS:,} more" if len(members) > SHOWN_MEMBERS else ""
    raise InputError(
        f"the archive holds {names}{more}; one of them must be the data.",
        where=path,
        fix=f"name it: {path.name}::MEMBER",
    )


def _may_be_data(name: str) -> bool:
    """Not a folder, nor what systems put into archives by themselves: ``__MACOSX/``, ``.DS_Store``."""
    hidden = any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)
    return bool(name) and not name.endswith("/") and not hidden
