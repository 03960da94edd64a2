"""Tables as warehouses export them: CSV and Parquet, a row a call or a row a metric result.

Columns are named like the native format's fields. `transcript`, `metrics` and `metadata` hold JSON
in a cell (in Parquet also lists and structs); a name with dots, such as `metadata.campaign`, is a
field of an object. A row a result has `metric` (or `metric_name`), `passed`, `score`,
`explanation`, `type` and `pass_rule`; rows of one call are merged like any other lines of one. A
table without `call_id` may hold a call as the provider sent it in one column of JSON.
"""

import ast
import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any, BinaryIO

import orjson

from failure_insights.errors import BadInput
from failure_insights.ingest.files.values import Place, Value
from failure_insights.sources.native import MAX_LINE_BYTES

#: Rows that are read from a Parquet file at once.
PARQUET_ROWS = 500

#: What a cell holds that holds nothing.
_NOTHING = frozenset({"", "null", "NULL", "None", "nan", "NaN", "<NA>", "\\N"})
_RESULT_FIELDS = ("passed", "score", "explanation", "type", "pass_rule")
_METRIC_COLUMNS = ("metric", "metric_name")
#: Columns whose case and blanks do not matter.
_COLUMNS = frozenset(
    {
        *("call_id", "project", "agent", "started_at", "duration_s", "ended_reason"),
        *("transcript", "metadata", "metrics", *_METRIC_COLUMNS, *_RESULT_FIELDS),
    }
)
#: A table is CSV if its first line names one of these.
_ID_COLUMNS = frozenset({"call_id", "payload", "callid", "conversation_id", "chat_id"})

csv.field_size_limit(MAX_LINE_BYTES)


def delimiter_of(first_line: str) -> str | None:
    """Return what stands between the columns that a first line names, or None if it names none."""
    if first_line.lstrip().startswith(("{", "[")):
        return None
    for delimiter in (",", "\t", ";", "|"):
        columns = next(csv.reader([first_line], delimiter=delimiter), [])
        if not _ID_COLUMNS.isdisjoint(name.strip().lower() for name in columns):
            return delimiter
    return None


def csv_values(pieces: Iterable[str], delimiter: str) -> Iterator[Value]:
    """Yield the call of each row of a CSV text, whose first line names the columns."""
    rows = csv.reader(_lines(pieces), delimiter=delimiter)
    columns = [_column(name) for name in next(rows, [])]
    line = rows.line_num + 1
    while True:
        place = Place(line)
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Value(place, "CSV", 0, None, f"not CSV: {error}")
            line = rows.line_num + 1
            continue
        line = rows.line_num + 1
        if not any(row):
            continue
        if len(row) > len(columns):
            problem = f"the row has {len(row)} cells, and there are {len(columns)} columns"
            yield Value(place, "CSV", 0, None, problem)
            continue
        cells = {column: _cell(text) for column, text in zip(columns, row, strict=False)}
        yield Value(place, "CSV", sum(map(len, row)), call_of_row(cells))


def parquet_values(file: BinaryIO) -> Iterator[Value]:
    """Yield the call of each row of a Parquet file, which must be seekable.

    Raises:
        BadInput: pyarrow is not installed, or the file is not Parquet.
    """
    try:
        from pyarrow import ArrowException  # 150 MB, and few need it
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise BadInput(
            "Parquet needs pyarrow: pip install 'failure-insights[parquet]', or export CSV",
            code="parquet_needs_pyarrow",
        ) from None
    try:
        with ParquetFile(file) as table:
            number = 0
            for batch in table.iter_batches(batch_size=PARQUET_ROWS):
                size = batch.nbytes // max(batch.num_rows, 1)
                for row in batch.to_pylist(maps_as_pydicts="lossy"):
                    number += 1
                    cells = {_column(name): _plain(value) for name, value in row.items()}
                    yield Value(Place(number), "Parquet", size, call_of_row(cells))
    except ArrowException as error:
        raise BadInput(f"not Parquet: {str(error).splitlines()[0]}", code="not_parquet") from None


def call_of_row(cells: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the object that a row's cells describe; empty ones are left out."""
    row: dict[str, Any] = {}
    for column, value in cells.items():
        if value is None or value == "":
            continue
        *path, field = column.split(".") if "." in column else (column,)
        inner = row
        for step in path:
            outer, inner = inner, inner.setdefault(step, {})
            if not isinstance(inner, dict):
                inner = outer[step] = {}
        if not (isinstance(value, dict) and isinstance(inner.get(field), dict)):
            inner[field] = value
    if "call_id" not in row:
        sent = [value for value in row.values() if isinstance(value, dict)]
        return sent[0] if len(sent) == 1 and len(sent[0]) > 1 else row
    for column in _METRIC_COLUMNS:
        if isinstance(row.get(column), str):
            result = {field: row.pop(field) for field in _RESULT_FIELDS if field in row}
            if isinstance(score := result.get("score"), str):
                result["score"] = _score(score)
            row.setdefault("metrics", []).append({"name": row.pop(column), **result})
    return row


def _column(name: str) -> str:
    name = name.strip().lstrip("\ufeff")
    usual = "_".join(name.lower().split())
    return usual if usual in _COLUMNS else name


def _score(text: str) -> Any:
    """Return a score that is written as text: a number, true or false, or a word."""
    with suppress(ValueError):
        return orjson.loads(text.lower())
    return text


def _cell(text: str) -> Any:
    """Return what a cell of text holds: JSON objects and lists parsed, anything else as it is."""
    text = text.strip()
    if text in _NOTHING:
        return None
    if text[0] in "{[":
        with suppress(ValueError):
            return orjson.loads(text)
        # What pandas writes of a column of lists is Python, not JSON.
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            value = ast.literal_eval(text)
            if isinstance(value, dict | list):
                return _plain(value)
    # Warehouses write a zone as a word.
    if text.endswith(" UTC") and text[:1].isdigit():
        return f"{text.removesuffix(' UTC')}Z"
    return text


def _plain(value: Any) -> Any:
    """Return a value of a Parquet cell as JSON has it."""
    match value:
        case str():
            return _cell(value) if value[:1] in ("{", "[") else value
        case bytes():
            return _plain(value.decode("utf-8", "replace"))
        case float():
            return None if value != value else value
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return _plain(int(value)) if value == value.to_integral_value() else float(value)
        case int() if abs(value) >= 2**63:
            return float(value)
        case dict():
            return {str(key): _plain(inner) for key, inner in value.items() if inner is not None}
        case list() | tuple():
            return [_plain(inner) for inner in value]
    return value


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    rest = ""
    for piece in chain(pieces):
        *lines, rest = (rest + piece).split("\n")
        for line in lines:
            yield f"{line}\n"
    if rest:
        yield rest
