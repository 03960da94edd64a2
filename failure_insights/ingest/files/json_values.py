"""JSON text of any layout -> its values, one by one, in flat memory.

Read are lines, one array, pages of a list endpoint, pretty-printed objects, and objects one after
another with anything or nothing between them. A value that is broken costs only itself where its
end can be told: on lines, in pretty-printed text, and where its brackets are balanced.

A line that is one object goes to orjson; everything else to Python's own decoder, which can start
anywhere in a text and says where a value ends. ijson is as fast, but it ends at the first error
and wants to know beforehand where in a page the calls stand (docs/decisions.md).
"""

import json
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from typing import Any

import orjson

from failure_insights.ingest.files.pages import (
    PAGE_FIELDS,
    WRAPPERS,
    is_turn,
    may_be_calls,
    names_no_call,
    page_in,
)
from failure_insights.ingest.files.values import Place, Unreadable, Value
from failure_insights.sources.native import MAX_LINE_BYTES, NO_CALL_AROUND

LINES = "JSON lines"
ARRAY = "one array"
OBJECTS = "JSON objects"

#: Characters of an object that are held until it is known to be a page or a call. Calls that are
#: longer and have a list of objects named like a page's before their own ID do not occur.
HELD_CHARACTERS = 2**20
#: After as many broken values in a row a text is none of calls, and nothing more is read.
MAX_BROKEN = 10_000
#: Objects around a page, at most.
MAX_WRAPPERS = 4
#: A decoder that stops this close to the end of what was read may only lack the rest.
_NEAR_THE_END = 64
#: Integers with more digits have more than 64 bits.
_MOST_DIGITS = 20
#: Between the values of a stream stand blanks, stray commas, and marks of byte order or records.
_BETWEEN = re.compile("[\\s,\x1e\ufeff]*")
_BLANK = re.compile(r"\s*")
#: What decides where a value ends: strings (of one line), brackets, a quote without its end.
_BRACKETS = re.compile(r'"(?:[^"\\\n]|\\.)*"|[\[\]{}"\n]')

_BARE_TURNS = f"a list of turns {NO_CALL_AROUND}"


class _Broken(Unreadable):
    """A value that is not JSON; `at` is the absolute place of the error."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.at = at


class _Items(list[Any]):
    """A list that may be a page's, with the line on which each item begins."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []


class _Streamed(dict[str, Any]):
    """What is left of a page whose items were given one by one."""


def _broken_in(payload: Any) -> Unreadable | None:
    """Return a broken item of a list that was held as a page's, and is a call's."""
    if isinstance(payload, dict):
        for member in payload.values():
            if isinstance(member, _Items):
                return next((item for item in member if isinstance(item, Unreadable)), None)
    return None


def _integer(digits: str) -> int | float:
    """Return an integer as orjson has it: a float where it has more than 64 bits."""
    if len(digits) > _MOST_DIGITS:
        return float(digits)
    number = int(digits)
    return number if -(2**63) <= number < 2**64 else float(digits)


def json_values(pieces: Iterable[str], limit: int = MAX_LINE_BYTES) -> Iterator[Value]:
    """Yield the values of a text; it must not be asked again after its end.

    Args:
        pieces: the text, cut anywhere; larger pieces are faster.
        limit: characters that one call may have at most.
    """
    broken = 0
    for value in _JsonText(pieces, limit).values():
        yield value
        broken = broken + 1 if value.payload is None else 0
        if broken == MAX_BROKEN:
            reason = f"{MAX_BROKEN:,} values in a row are no JSON objects; nothing more is read"
            yield Value(value.place, value.form, 0, None, reason)
            return


class _JsonText:
    """The part of a text that is in memory, and the place in it up to which it was read.

    Places that outlive a read are absolute: characters from the start of the text.
    """

    def __init__(self, pieces: Iterable[str], limit: int) -> None:
        self._pieces = iter(pieces)
        self._limit = limit
        self._text = ""
        self._is_whole = False
        self._place = 0
        self._cut = 0  # characters that are gone from the start of the text
        self._mark: int | None = None  # from here on the text must stay
        self._line, self._counted = 1, 0  # the line at an absolute place
        # Blanks before `_place` on its line, or None where something else stands there.
        self._margin: int | None = 0
        # How many objects had a line of their own; None: one did not.
        self._lines: int | None = 0
        self._not_numbers = 0
        self._decoder = json.JSONDecoder(parse_constant=self._no_number, parse_int=_integer)
        # On a single line a raw control character cannot hide the end of a string.
        self._line_decoder = json.JSONDecoder(
            parse_constant=self._no_number, parse_int=_integer, strict=False
        )

    def values(self) -> Iterator[Value]:
        """Yield every value of the text."""
        while sign := self._next_sign(_BETWEEN):
            self._mark = self._at
            if sign == "{":
                yield from self._object()
            elif sign == "[":
                yield from self._array()
            else:
                yield from self._stray()

    # Each kind of value that may stand at the top

    def _object(self) -> Iterator[Value]:
        start, margin, place = self._at, self._margin, Place(self._line_number())
        self._not_numbers, problem = 0, None
        if margin is not None and (end := self._end_of_line()) is not None:
            line = self._text[self._place : end]
            try:
                payload = self._of_line(line)
            except ValueError as error:
                problem = f"not JSON: {error}"
            else:
                self._step(len(line))
                self._lines = None if self._lines is None else self._lines + 1
                yield from self._values_in(payload, place, LINES, len(line))
                return
        try:
            payload = yield from self._members(start)
        except _Broken as broken:
            where = self._line_number(broken.at)
            self._go_on_after(start, margin)
            on_one_line = problem and (self._lines or self._line_number() <= place.line + 1)
            there = "" if where == place.line else f", on line {where}"
            reason = problem if on_one_line else f"{broken}{there}"
            yield Value(place, LINES if on_one_line else OBJECTS, 0, None, reason)
        else:
            self._lines = None
            if not isinstance(payload, _Streamed):
                yield from self._values_in(payload, place, OBJECTS, self._at - start)

    def _array(self) -> Iterator[Value]:
        self._step(1)
        is_of_turns = has_scalars = False
        for item in range(1, 2**63):
            sign = self._next_sign(_BETWEEN)
            if sign == "]":
                self._step(1)
                return
            start, margin, place = self._at, self._margin, Place(self._line_number(), item)
            self._mark, self._not_numbers = start, 0
            if not sign:
                yield Value(place, ARRAY, 0, None, "the array breaks off here")
                return
            try:
                payload = self._decoded()
            except _Broken as broken:
                can_go_on = self._go_on_in_list(start, margin)
                rest = "" if can_go_on else "; nothing after it is read"
                yield Value(place, ARRAY, 0, None, f"{broken}{rest}")
                if not can_go_on:
                    return
                continue
            if item == 1 and is_turn(payload):
                is_of_turns = True
                yield Value(Place(place.line), ARRAY, 0, None, _BARE_TURNS)
            if not isinstance(payload, dict | list | str):
                # One sentence for a list of numbers.
                if not has_scalars:
                    yield Value.of(payload, place, ARRAY, 0)
                has_scalars = True
            elif not is_of_turns:
                yield from self._values_in(payload, place, ARRAY, self._at - start)

    def _stray(self) -> Iterator[Value]:
        """Yield what stands on a line that begins no object and no array."""
        place = Place(self._line_number())
        end = self._end_of_line()
        line = self._text[self._place : self._place + 200 if end is None else end]
        self._mark = None
        self._skip_line()
        try:
            payload = self._of_line(line)
        except ValueError as error:
            yield Value(place, LINES, len(line), None, f"not JSON: {error}")
        else:
            yield from self._values_in(payload, place, LINES, len(line))

    def _values_in(self, payload: Any, place: Place, form: str, size: int) -> Iterator[Value]:
        """Yield what was parsed: one value, or those of a page or a list of lists."""
        if isinstance(payload, str) and payload.lstrip().startswith("{"):
            # An object that was written as text, as queues and log stores hold it.
            with suppress(ValueError):
                payload = self._of_line(payload)
        page = page_in(payload) if isinstance(payload, dict) else None
        if page:
            form, items = f"a page ({page[0]})", page[1]
        elif isinstance(payload, list) and payload and not is_turn(payload[0]):
            items = payload
        elif broken := _broken_in(payload):
            yield Value(place, form, size, None, str(broken))
            return
        else:
            yield Value.of(payload, place, form, size, self._not_numbers)
            self._not_numbers = 0
            return
        lines = items.lines if isinstance(items, _Items) else None
        for number, item in enumerate(items):
            inner = Place(lines[number] if lines else place.line, number + 1)
            if isinstance(item, Unreadable):
                yield Value(inner, form, 0, None, str(item))
            else:
                yield from self._values_in(item, inner, form, size // len(items))

    # Objects, member by member, since one may be a page that is too large to hold

    def _members(
        self, start: int, *outer: dict[str, Any]
    ) -> Generator[Value, None, dict[str, Any]]:
        """Return the object that begins here; yield the items of a page that is too large."""
        members: dict[str, Any] = {}
        self._step(1)
        while (sign := self._next_sign()) != "}":
            if sign == "," and members:
                self._step(1)
                continue
            if sign != '"':
                raise self._broken("not JSON: the name of a field is missing")
            field = self._decoded()
            if self._next_sign() != ":":
                raise self._broken("not JSON: a colon is missing")
            self._step(1)
            sign = self._next_sign()
            if sign == "[" and field in PAGE_FIELDS:
                members[field] = yield from self._list(field, start, members, *outer)
            elif sign == "{" and field in WRAPPERS and len(outer) < MAX_WRAPPERS:
                members[field] = yield from self._members(start, members, *outer)
            else:
                members[field] = self._decoded()
            if isinstance(members[field], _Streamed):
                members = _Streamed(members)
            if self._next_sign() not in (",", "}"):
                raise self._broken("not JSON: a comma is missing")
        self._step(1)
        return members

    def _list(
        self, field: str, start: int, *around: dict[str, Any]
    ) -> Generator[Value, None, "_Items | _Streamed"]:
        """Return a list that may be a page's; yield its items once too much would be held."""
        items = _Items()
        is_page = all(map(names_no_call, around))
        is_streamed = False
        form = f"a page ({field})"
        self._step(1)
        for number in range(1, 2**63):
            sign = self._next_sign(_BETWEEN)
            if sign == "]":
                self._step(1)
                return _Streamed() if is_streamed else items
            if not sign:
                raise self._broken("the page breaks off here")
            item_start, margin, line = self._at, self._margin, self._line_number()
            item: Any
            try:
                item = self._decoded()
            except _Broken as broken:
                if not is_page or not self._go_on_in_list(item_start, margin):
                    raise
                item = broken
            if not is_streamed:
                items.append(item)
                items.lines.append(line)
                held = self._at - start
                if held > HELD_CHARACTERS and is_page and may_be_calls(items):
                    is_streamed = True
                    yield from self._values_in(items, Place(line), form, held)
                elif held > self._limit:
                    raise self._broken(self._too_long)
            elif isinstance(item, Unreadable):
                yield Value(Place(line, number), form, 0, None, str(item))
            else:
                yield from self._values_in(item, Place(line, number), form, self._at - item_start)
            if is_streamed:
                self._mark = self._at
        raise AssertionError("a list ends")

    # After a broken value

    def _go_on_after(self, start: int, margin: int | None) -> None:
        """Move from a broken value at the top to where the next one may begin.

        That is the next line where the text is JSON lines so far. Else it is the next line that
        begins with a bracket and stands no deeper, since the lines between belong to the value.
        """
        self._go_back(start)
        if margin is None:
            if not self._skip_brackets(on_this_line=True):
                self._skip_line()
            return
        while self._skip_line():
            sign = self._next_sign()
            if not sign or self._lines:
                return
            if sign in "{[" and self._margin is not None and self._margin <= margin:
                return

    def _go_on_in_list(self, start: int, margin: int | None) -> bool:
        """Move from a broken item of a list to the next; return whether it could be told.

        Where it could not, nothing more is read.
        """
        self._go_back(start)
        if margin is None:
            if self._skip_brackets():
                return True
            self._pieces, self._is_whole, self._place = iter(()), True, len(self._text)
            return False
        while self._skip_line():
            sign = self._next_sign()
            if sign and self._margin is not None:
                if sign in "{[" and self._margin == margin:
                    return True
                if sign == "]" and self._margin <= margin:
                    return True
        return False

    def _skip_brackets(self, on_this_line: bool = False) -> bool:
        """Move behind the object or list that begins here, if its brackets are balanced."""
        if self._next_sign() not in ("{", "["):
            return False
        depth = 0
        while True:
            for match in _BRACKETS.finditer(self._text, self._place):
                sign = match[0]
                if sign == '"' or (sign == "\n" and on_this_line):
                    self._step(match.start() - self._place)
                    break
                depth += (sign in "[{") - (sign in "]}")
                if depth == 0:
                    self._step(match.end() - self._place)
                    return True
            else:
                self._step(len(self._text) - self._place)
            waiting = self._text[self._place :]
            if self._is_whole or "\n" in waiting or len(waiting) > self._limit:
                return False
            self._read_more(len(waiting) or 1)

    # The text

    @property
    def _at(self) -> int:
        return self._cut + self._place

    def _next_sign(self, between: re.Pattern[str] = _BLANK) -> str:
        """Return the next character that is not blank, and stand on it; '' at the end."""
        while True:
            match = between.match(self._text, self._place)
            blanks = match[0] if match else ""
            if (newline := blanks.rfind("\n")) >= 0:
                self._margin = len(blanks) - newline - 1
            elif self._margin is not None:
                self._margin += len(blanks)
            self._place += len(blanks)
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._read_more():
                return ""

    def _decoded(self) -> Any:
        """Return the JSON value that begins here, and stand behind it."""
        not_numbers = self._not_numbers
        while True:
            self._not_numbers = not_numbers
            try:
                value, end = self._decoder.raw_decode(self._text, self._place)
                # A number may go on in what is not read yet.
                is_number = isinstance(value, int | float)
                if self._is_whole or end < len(self._text) - _NEAR_THE_END * is_number:
                    if end - self._place > self._limit:
                        raise self._broken(self._too_long)
                    self._step(end - self._place)
                    return value
            except json.JSONDecodeError as error:
                may_go_on = error.msg.startswith("Unterminated string") or (
                    error.pos >= len(self._text) - _NEAR_THE_END
                )
                if self._is_whole or not may_go_on:
                    reason = f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
                    raise _Broken(reason, self._cut + error.pos) from None
            except (RecursionError, ValueError) as error:
                what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
                raise self._broken(f"not JSON: {what}") from None
            waiting = len(self._text) - self._place
            if waiting > self._limit:
                raise self._broken(self._too_long)
            # As much again as is there: a long value is tried a few times, not hundreds.
            self._read_more(waiting)

    def _of_line(self, line: str) -> Any:
        """Return the JSON value that is the whole of a line.

        Raises:
            ValueError: it is none; the message says why.
        """
        try:
            return orjson.loads(line)
        except orjson.JSONDecodeError as strict:
            # orjson refuses half surrogates, NaN and raw control characters.
            try:
                return self._line_decoder.decode(line)
            except RecursionError:
                reason, column = "nested too deeply", 1
            except json.JSONDecodeError as error:
                # Of half surrogates only orjson complains, and it does so before anything else.
                wrong = error if "surrogate" in strict.msg else strict
                reason, column = wrong.msg, wrong.colno
            except ValueError as error:
                reason, column = str(error), 1
            self._not_numbers = 0
            raise ValueError(f"{reason} at character {column}") from None

    def _end_of_line(self) -> int | None:
        """Return where the line ends in the text, or None if it is longer than a call may be."""
        looked = self._place
        while (end := self._text.find("\n", looked)) < 0:
            if self._is_whole:
                end = len(self._text)
                break
            if len(self._text) - self._place > self._limit:
                return None
            looked = self._at + len(self._text) - self._place
            self._read_more(len(self._text) - self._place)
            looked -= self._cut
        return None if end - self._place > self._limit else end

    def _skip_line(self) -> bool:
        """Move to the start of the next line; return whether there is one."""
        while (end := self._text.find("\n", self._place)) < 0:
            self._step(len(self._text) - self._place)
            if not self._read_more():
                return False
        self._step(end + 1 - self._place)
        self._margin = 0
        return True

    def _step(self, characters: int) -> None:
        self._place += characters
        self._margin = None

    def _go_back(self, start: int) -> None:
        # The start of a page that was given item by item is gone.
        if start >= self._cut:
            self._place = start - self._cut
        self._mark = None

    def _read_more(self, at_least: int = 1) -> bool:
        """Append text, dropping what nobody needs; return whether there was any."""
        keep = self._place if self._mark is None else min(self._place, self._mark - self._cut)
        parts, length = [self._text[keep:]], 0
        while length < at_least:
            piece = next(self._pieces, None)
            if piece is None:
                self._is_whole = True
                break
            parts.append(piece)
            length += len(piece)
        self._line_number(self._cut + keep)
        self._text = "".join(parts)
        self._cut += keep
        self._place -= keep
        return length > 0

    def _line_number(self, at: int | None = None) -> int:
        """Return the line, from 1, of an absolute place that is still in memory."""
        at = self._at if at is None else at
        if at >= self._counted:
            self._line += self._text.count("\n", self._counted - self._cut, at - self._cut)
        else:
            self._line -= self._text.count("\n", at - self._cut, self._counted - self._cut)
        self._counted = at
        return self._line

    def _broken(self, reason: str) -> _Broken:
        return _Broken(reason, self._at)

    @property
    def _too_long(self) -> str:
        return f"longer than {self._limit / 2**20:g} MiB, which no call is"

    def _no_number(self, _: str) -> None:
        self._not_numbers += 1
