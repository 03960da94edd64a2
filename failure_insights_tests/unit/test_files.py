"""Files of calls of every kind: the same calls, whatever they are packed in and encoded as."""

import bz2
import csv
import gzip
import io
import json
import lzma
import sys
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, BinaryIO, cast

import pytest

from failure_insights.ingest.files.containers import may_hold_calls
from failure_insights.ingest.files.reading import values_in
from failure_insights.ingest.files.values import Value

CALLS = [{"call_id": "é😀", "transcript": []}, {"call_id": "2", "transcript": [{"role": "user"}]}]
LINES = "".join(json.dumps(call, ensure_ascii=False) + "\n" for call in CALLS)
PLAIN = LINES.encode()


ZSTD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"


def _library(name: str) -> Any:
    """Return a library that the tests' extra installs, and a developer may lack."""
    return pytest.importorskip(name)


def zipped(*files: tuple[str, bytes]) -> bytes:
    with zipfile.ZipFile(packed := io.BytesIO(), "w") as archive:
        for name, content in files:
            archive.writestr(name, content)
    return packed.getvalue()


def tarred(content: bytes) -> bytes:
    with tarfile.open(fileobj=(packed := io.BytesIO()), mode="w:gz") as archive:
        for name in ("day/calls.json", "README.md", "day/._calls.json"):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


class Pipe(io.RawIOBase):
    """A file that gives a few bytes at a time and cannot be read twice."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._content.read(min(len(buffer), 7))
        buffer[: len(data)] = data
        return len(data)


def read(content: bytes) -> list[Value]:
    values = list(values_in(io.BytesIO(content), "f"))
    assert list(values_in(cast(BinaryIO, Pipe(content)), "f")) == values
    return values


def payloads(content: bytes) -> list[Any]:
    return [value.problem or value.payload for value in read(content)]


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "not at all": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda content: _library(ZSTD).compress(content),
    "gzip of gzip": lambda content: gzip.compress(gzip.compress(content)),
    "gzip in two streams": lambda c: gzip.compress(c[:20]) + gzip.compress(c[20:]) + b"\0" * 99,
    "zip": lambda content: zipped(("calls.json", content), ("notes.md", b"{"), ("d/.x.json", b"{")),
    "tar": lambda content: gzip.decompress(tarred(content)),
    "tar.gz": tarred,
    "zip in gzip": lambda content: gzip.compress(zipped(("a/calls.ndjson", content))),
}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("how", PACKED)
def test_a_file_is_told_by_its_bytes(how: str, encoding: str) -> None:
    assert payloads(PACKED[how](LINES.encode(encoding))) == CALLS


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_mark_of_byte_order_is_not_needed(encoding: str, mark: str) -> None:
    (first, second) = read((mark + LINES).encode(encoding))
    assert first.form == f"JSON lines, {encoding}"
    assert [first.payload, second.payload] == CALLS


def test_files_of_an_archive_come_by_name_and_are_named() -> None:
    packed = zipped(
        ("b.json", PLAIN), ("a.json.gz", gzip.compress(PLAIN)), ("c/x.csv", b"call_id\n3")
    )
    assert [str(value.place) for value in read(packed)] == [
        *("f/a.json.gz:1", "f/a.json.gz:2", "f/b.json:1", "f/b.json:2", "f/c/x.csv:2"),
    ]


DAMAGED = {
    "cut gzip": (gzip.compress(PLAIN * 2_000)[:-40], 1_000),
    "gzip and more": (gzip.compress(PLAIN) + b"no gzip", 2),
    "cut bzip2": (bz2.compress(PLAIN * 2_000)[:-40], 0),
    "cut zip": (zipped(("a.json", PLAIN))[:-30], 0),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), 0),
    "packed too often": (
        gzip.compress(gzip.compress(gzip.compress(gzip.compress(gzip.compress(PLAIN))))),
        0,
    ),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_of_a_damaged_file_what_comes_before_is_read(kind: str) -> None:
    content, taken = DAMAGED[kind]
    *good, bad = [value for value in read(content) if value.payload or value.form == "a file"]
    assert len(good) >= taken
    assert all(value.payload in CALLS for value in good)
    assert bad.problem


def test_a_file_is_read_up_to_a_size() -> None:
    packed = io.BytesIO(gzip.compress(PLAIN * 100_000))
    *good, bad = values_in(packed, most_bytes=1_000_000)
    assert 10_000 < len(good) < 30_000
    assert "too large" in str(bad.problem)


def test_bytes_that_are_no_character_cost_no_value() -> None:
    assert payloads(b'{"a": "x\xe9y"}\n{"b": "\xed\xa0\xbd\xed\xb8\x80"}') == [
        {"a": "x\udce9y"},
        {"b": "\ud83d\ude00"},
    ]
    assert payloads('{"a": "\ud83d!"}'.encode("utf-16", "surrogatepass")) == [{"a": "\ud83d!"}]
    assert payloads(LINES.encode("utf-16") + b"\n") == CALLS


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_a_csv_row_is_a_call(delimiter: str) -> None:
    turns = [{"role": "user", "content": 'He said "so",\nand left; | gone\t.'}]
    rows = [
        ["call_id", "Project", "transcript", "metadata.a", "metadata.b.c", "duration_s", "metrics"],
        ["007", "p", json.dumps(turns, indent=1), "1", "x", "", '[{"name": "M", "score": 2}]'],
        ["8", "p", repr(turns), "", "", "NULL", ""],
        [],
        ["9", "NaN", "", "", "", "3.5", "[not JSON]"],
    ]
    writer = csv.writer(text := io.StringIO(), delimiter=delimiter)
    writer.writerows(rows)
    values = read(text.getvalue().encode("utf-8-sig"))
    assert [value.payload for value in values] == [
        {
            "call_id": "007",
            "project": "p",
            "transcript": turns,
            "metadata": {"a": "1", "b": {"c": "x"}},
            "metrics": [{"name": "M", "score": 2}],
        },
        {"call_id": "8", "project": "p", "transcript": turns},
        {"call_id": "9", "duration_s": "3.5", "metrics": "[not JSON]"},
    ]
    assert {value.form for value in values} == {"CSV"}
    assert values[0].place.line == 2


def test_a_row_may_be_a_result_or_hold_a_call_as_it_was_sent() -> None:
    rows = "call_id,metric_name,passed,score,explanation\n1,CSAT,false,2,[t 3] bad\n1,Tone,,x,\n"
    assert payloads(rows.encode()) == [
        {
            "call_id": "1",
            "metrics": [
                {"name": "CSAT", "passed": "false", "score": 2, "explanation": "[t 3] bad"}
            ],
        },
        {"call_id": "1", "metrics": [{"name": "Tone", "score": "x"}]},
    ]
    sent = 'received_at,payload\n2026-01-05,"{""event"": ""call_ended"", ""call"": {}}"\n'
    assert payloads(sent.encode()) == [{"event": "call_ended", "call": {}}]


def test_a_bad_row_is_named_and_costs_no_other() -> None:
    first, bad, last = read(b"call_id,project\n1,p\n2,p,more\n\n3,p\n")
    assert (first.payload, last.payload) == (
        {"call_id": "1", "project": "p"},
        {"call_id": "3", "project": "p"},
    )
    assert (bad.place.line, bad.problem) == (3, "the row has 3 cells, and there are 2 columns")


def test_times_of_a_warehouse_have_their_zone() -> None:
    (value,) = read(b"call_id,started_at\n1,2026-01-05 10:00:00 UTC\n")
    assert value.payload == {"call_id": "1", "started_at": "2026-01-05 10:00:00Z"}


def test_a_parquet_row_is_a_call() -> None:
    table = _library("pyarrow").table(
        {
            "call_id": ["1", "2"],
            "started_at": [datetime(2026, 1, 5, 10, tzinfo=UTC)] * 2,
            "duration_s": [float("nan"), 3.5],
            "transcript": [[{"role": "user", "content": "x", "start_s": 1.5}], []],
            "metadata.n": [Decimal("2"), None],
            "metrics": ['[{"name": "M", "passed": true}]', None],
        }
    )
    _library("pyarrow.parquet").write_table(table, file := io.BytesIO())
    for content in (file.getvalue(), gzip.compress(file.getvalue())):
        assert payloads(content) == [
            {
                "call_id": "1",
                "started_at": "2026-01-05T10:00:00+00:00",
                "transcript": [{"role": "user", "content": "x", "start_s": 1.5}],
                "metadata": {"n": 2},
                "metrics": [{"name": "M", "passed": True}],
            },
            {
                "call_id": "2",
                "started_at": "2026-01-05T10:00:00+00:00",
                "duration_s": 3.5,
                "transcript": [],
            },
        ]
    (bad,) = read(b"PAR1 no more")
    assert "Parquet" in str(bad.problem)


def test_without_pyarrow_parquet_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (bad,) = read(b"PAR1")
    assert "failure-insights[parquet]" in str(bad.problem)


def test_files_of_a_folder_are_told_by_name() -> None:
    names = ["a.json", "a.JSONL.gz", "d/a.csv", "a.parquet", "a.zip", "a.log", "a.md", ".a.json"]
    assert [may_hold_calls(name) for name in names] == [True] * 6 + [False] * 2
    assert not may_hold_calls("__MACOSX/a.json")
