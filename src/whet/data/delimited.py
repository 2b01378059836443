"""CSV and TSV to rows: RFC 4180 with any of four delimiters; the header names the columns.

Read record by record. A record that is not valid is reported, and reading goes on with the line after the
one it starts on: an unclosed quote must not swallow the good rows that follow. A line read again in this
way is a row only where it has all its fields and no quote stands alone in it. A file cut off within its
last row (a download that broke off) keeps its other rows, and a note says so.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from typing import TYPE_CHECKING

from whet.data.lines import text_lines
from whet.data.rows import MAX_LINE, Faults, Row, column_names
from whet.errors import InputError

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from pathlib import Path

DELIMITERS = ",;\t|"
# The size of one record, and of all that is read again after open quotes, in characters; a line counts as
# LINE_COST more. A file beyond these is no CSV, and trying every line anew would take time that grows with
# the square of its size.
MAX_RECORD, MAX_READ_AGAIN, LINE_COST = 4 * MAX_LINE, 50 * MAX_LINE, 100
UNCLOSED = "look for an unclosed quote."


class _Lines:
    """Lines for ``csv.reader`` that remembers those of the record at hand, so that it can be tried anew."""

    def __init__(self, lines: Iterator[tuple[int, str]]) -> None:
        self._source = lines
        self._waiting: deque[tuple[int, str]] = deque()
        self._again_until = self._read_again = self._size = 0
        self.taken: list[tuple[int, str]] = []
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        item = self._waiting.popleft() if self._waiting else next(self._source, None)
        if item is None:
            self.ended = True
            raise StopIteration
        self.taken.append(item)
        self._size += len(item[1]) + LINE_COST
        if self._size > MAX_RECORD:
            raise csv.Error("a record without an end")
        return item[1]

    @property
    def start(self) -> int:
        """The line on which the record at hand starts."""
        return self.taken[0][0] if self.taken else 1

    @property
    def end(self) -> int:
        return self.taken[-1][0] if self.taken else 1

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.taken).rstrip("\r\n")

    @property
    def again(self) -> bool:
        """Whether the record at hand has been read before, as a part of a broken one."""
        return self.start <= self._again_until

    def next_record(self) -> None:
        self.taken.clear()
        self._size = 0

    def give_back(self, path: Path) -> None:
        """Read all lines of the record again but its first.

        Raises:
            InputError: this happens all the time.
        """
        self._read_again += self._size
        if self._read_again > MAX_READ_AGAIN:
            raise InputError(
                "is not valid CSV: quotes open and do not close, again and again.",
                where=f"{path}:{self.start}",
                fix=UNCLOSED,
            )
        self._again_until = max(self._again_until, self.end)
        self._waiting.extendleft(reversed(self.taken[1:]))
        self.ended = False


def read_delimited(stream: io.BufferedReader, ending: str, faults: Faults) -> Iterator[Row]:
    """Rows of a CSV or TSV stream; all values are text, and a short record lacks its last fields.

    Raises:
        InputError: another encoding, a header that cannot be used.
    """
    csv.field_size_limit(MAX_LINE)
    delimiter = _delimiter(stream.peek(), ending)
    lines = _Lines(_physical(text_lines(stream, faults)))
    header: list[str] = []
    last = 0  # the line of the last good row
    for record in _records(lines, delimiter):
        if isinstance(record, csv.Error):
            _not_valid(record, lines, faults, header=bool(header), any_row=last > 0)
        elif not header:
            header = column_names(faults.path, lines.start, record)
        elif problem := _misfit(record, header, lines):
            faults.add(lines.start, problem, "quote the commas.", value=lines.text)
        else:
            last = lines.start
            yield Row(last, _values(header, record))


def _delimiter(head: bytes, ending: str) -> str:
    """The delimiter that stands most often in the first line, outside quotes; tabs in a .tsv go first."""
    first = re.split("[\r\n]", head.decode("utf-8", errors="replace").lstrip("\ufeff\r\n"), maxsplit=1)[0]
    bare = re.sub(r'"[^"]*"', "", first)
    if ending == ".tsv" and "\t" in bare:
        return "\t"
    return max(DELIMITERS, key=bare.count)


def _physical(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Lines as CSV counts them: a lone carriage return, as old Macs write it, ends one too."""
    more = 0
    for number, text in lines:
        if "\r" not in text.rstrip("\r\n"):
            yield number + more, text
            continue
        for part in re.split(r"(?<=\r)(?!\n|\Z)", text):
            yield number + more, part
            more += 1
        more -= 1


def _records(lines: _Lines, delimiter: str) -> Iterator[list[str] | csv.Error]:
    """The fields of each record, or why it is none; blank lines are skipped."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.next_record()
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield error
            continue
        if record and record != [""]:
            yield record


def _not_valid(error: csv.Error, lines: _Lines, faults: Faults, *, header: bool, any_row: bool) -> None:
    if any_row and not lines.again and _cut_off(lines):
        name = f"{faults.path.name}:{lines.start}"
        faults.notes.append(f"{name}: the file is cut off within its last row, which is set aside")
        return
    rule = f"is not valid CSV: {error}."
    if not header:
        raise InputError(rule, where=f"{faults.path}:{lines.start}", fix=UNCLOSED) from error
    faults.doubt(lines.start, rule, UNCLOSED, value=lines.text)
    lines.give_back(faults.path)


def _cut_off(lines: _Lines) -> bool:
    """Whether the record at hand is open at the end of the file and starts on its last line. An unclosed
    quote further up would swallow good rows, and is an error."""
    return lines.ended and not any(text.strip("\r\n") for _, text in lines.taken[1:])


def _misfit(record: list[str], header: list[str], lines: _Lines) -> str:
    """Why a valid record is no row, or the empty text."""
    torn = lines.again and (len(record) < len(header) or lines.text.count('"') % 2)
    if len(record) <= len(header) and not torn:
        return ""
    place = f"line {lines.start}" if lines.start == lines.end else f"lines {lines.start} to {lines.end}"
    if len(record) == len(header):
        return f"{place}: a quote stands alone."
    fields = "1 field" if len(record) == 1 else f"{len(record)} fields"
    return f"{place}: {fields}; the header has {len(header)}."


def _values(header: list[str], record: list[str]) -> dict[str, str | None]:
    """A short record lacks its last fields: a file cut off keeps its good rows."""
    padded: list[str | None] = [*record, *[None] * (len(header) - len(record))]
    return dict(zip(header, padded, strict=True))
