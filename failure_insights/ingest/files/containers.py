"""A file as it lies there -> the plain files in it: out of gzip, zip, tar and the like.

What a file is, its first bytes say; names lie.
"""

import bz2
import io
import lzma
import shutil
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO, cast

from failure_insights.errors import BadInput

#: As much as any kind of file needs to be told.
HEAD_BYTES = 512
#: Archives that wait on disk, because they are read from their end, do so above this size.
IN_MEMORY_BYTES = 2**20
#: Compressed bytes that are read at once.
PACKED_BYTES = 2**16
#: Compressed files in compressed files.
MAX_DEPTH = 4

_CALLS = (".json", ".jsonl", ".ndjson", ".jsonlines", ".csv", ".tsv", ".parquet", ".log", ".txt")
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".tar", ".tgz")


def _zstd_unpacker() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd  # few files need it
    return zstd.ZstdDecompressor()


#: The magic bytes of each compression, its name, and what unpacks one stream of it.
_COMPRESSIONS: Mapping[bytes, tuple[str, Callable[[], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda: zlib.decompressobj(wbits=31)),
    b"BZh": ("bzip2", bz2.BZ2Decompressor),
    b"\xfd7zXZ\0": ("xz", lzma.LZMADecompressor),
    b"\x28\xb5\x2f\xfd": ("zstd", _zstd_unpacker),
}

#: What the modules above raise where a file is damaged, breaks off or is locked.
DAMAGED = (
    *(EOFError, OSError),
    *(zipfile.BadZipFile, tarfile.TarError, NotImplementedError, RuntimeError),
)


@dataclass(frozen=True, slots=True)
class PlainFile:
    """A file that is neither compressed nor an archive, its first bytes, and what it lay in."""

    name: str
    file: BinaryIO
    head: bytes
    packed_in: tuple[str, ...]


def plain_files(file: BinaryIO, name: str, packed_in: tuple[str, ...] = ()) -> Iterator[PlainFile]:
    """Yield the plain files in a file, itself if it is one; each must be read before the next.

    Raises:
        BadInput: it is packed more than MAX_DEPTH times.
        any of DAMAGED: an archive cannot be opened.
    """
    if len(packed_in) > MAX_DEPTH:
        raise BadInput(f"{name} is packed more than {MAX_DEPTH} times", code="packed_too_often")
    head, damage = b"", None
    try:
        while len(head) < HEAD_BYTES and (more := file.read(HEAD_BYTES - len(head))):
            head += more
    except DAMAGED as error:
        damage = error
    if not packed_in and file.seekable():
        file.seek(0)
    else:
        file = cast(BinaryIO, _Joined(head, file, damage))
    for magic, (kind, unpacker) in _COMPRESSIONS.items():
        if head.startswith(magic):
            unpacked = cast(BinaryIO, _Unpacked(file, unpacker))
            yield from plain_files(unpacked, name, (*packed_in, kind))
            return
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        yield from _members_of_zip(file, name, packed_in)
    elif head[257:262] == b"ustar":
        yield from _members_of_tar(file, name, packed_in)
    else:
        yield PlainFile(name, file, head, packed_in)


def may_hold_calls(name: str) -> bool:
    """Return whether a file of a folder or an archive is one to read, by its name."""
    path = PurePosixPath(name.lower())
    if any(part.startswith((".", "__macosx")) for part in path.parts):
        return False
    return path.suffix in (*_CALLS, *_PACKED)


@contextmanager
def seekable(file: BinaryIO) -> Iterator[BinaryIO]:
    """Give a file as one that can be read from its end."""
    if file.seekable():
        yield file
        return
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as copy:
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        yield cast(BinaryIO, copy)


def _members_of_zip(file: BinaryIO, name: str, packed_in: tuple[str, ...]) -> Iterator[PlainFile]:
    with seekable(file) as whole, zipfile.ZipFile(whole) as archive:
        for member in sorted(archive.namelist()):
            if not member.endswith("/") and may_hold_calls(member):
                with archive.open(member) as inner:
                    place = f"{name}/{member}"
                    yield from plain_files(cast(BinaryIO, inner), place, (*packed_in, "zip"))


def _members_of_tar(file: BinaryIO, name: str, packed_in: tuple[str, ...]) -> Iterator[PlainFile]:
    # In the archive's own order: it may be a pipe, which cannot be read twice.
    with tarfile.open(fileobj=file, mode="r|") as archive:
        for member in archive:
            if member.isfile() and may_hold_calls(member.name):
                inner = cast(IO[bytes], archive.extractfile(member))
                place = f"{name}/{member.name}"
                yield from plain_files(cast(BinaryIO, inner), place, (*packed_in, "tar"))


class _Joined(io.RawIOBase):
    """Bytes that were read already, and then the rest of their file, or what is wrong with it."""

    def __init__(self, head: bytes, file: BinaryIO, damage: Exception | None) -> None:
        self._head = head
        self._file = file
        self._damage = damage

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if self._damage and not self._head:
            raise self._damage
        data = self._head[: len(buffer)] or self._file.read(len(buffer))
        self._head = self._head[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


class _Unpacked(io.RawIOBase):
    """What a compressed file holds, up to where it is damaged.

    The standard library's files lose what they unpacked last where the rest is damaged.
    """

    def __init__(self, file: BinaryIO, unpacker: Callable[[], Any]) -> None:
        self._file = file
        self._new_unpacker = unpacker
        self._unpacker = unpacker()
        self._packed = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while True:
            if self._unpacker.eof:
                # Streams may follow each other; blocks on tapes are filled up with zeros.
                rest = self._unpacker.unused_data.lstrip(b"\0") or self._file.read(PACKED_BYTES)
                if not rest.lstrip(b"\0"):
                    return 0
                self._packed, self._unpacker = rest, self._new_unpacker()
            try:
                data = self._unpacker.decompress(self._packed, len(buffer))
            except Exception as error:  # each module has its own
                raise OSError(str(error)) from error
            self._packed = getattr(self._unpacker, "unconsumed_tail", b"")
            if data:
                buffer[: len(data)] = data
                return len(data)
            if not self._unpacker.eof:
                self._packed = self._packed or self._file.read(PACKED_BYTES)
                if not self._packed:
                    raise EOFError("it ends in the middle")
