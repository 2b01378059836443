"""Guards every container: rows come back as they went in, and what is broken, packed or hostile gives a
typed error with its place while the good rows go on.

``WHET_FUZZ=10000 pytest tests/test_formats.py -k fuzz`` feeds each container that many damaged files.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import tracemalloc
import types
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from whet.data import unpack
from whet.data.formats import Broken, read_lenient, read_rows, read_table, read_text
from whet.data.rows import MAX_LINE
from whet.data.writing import write_rows
from whet.errors import InputError, WhetError, WorldError

FUZZ = int(os.environ.get("WHET_FUZZ", "300"))
Records = list[dict[str, Any]]
ROWS: Records = [
    {"text": "where is my parcel?", "label": "ship"},
    {"text": 'it "never" came,\nreally', "label": "ship"},
    {"text": "I paid twice", "label": "bill"},
]


def arrow(module: str = "pyarrow") -> Any:
    return pytest.importorskip(module)


# One maker a container: the file that holds these records.


def written(name: str) -> Callable[[Path, Records], Path]:
    def make(folder: Path, rows: Records) -> Path:
        if name.endswith(".xlsx"):
            pytest.importorskip("openpyxl")
        elif name.endswith(".parquet"):
            arrow()
        write_rows(folder / name, rows)
        return folder / name

    return make


def as_arrow(folder: Path, rows: Records, *, stream: bool = False, batches: int = 1) -> Path:
    pa, ipc = arrow(), arrow("pyarrow.ipc")
    table = pa.Table.from_pylist(rows)
    path = folder / ("data.arrows" if stream else "data.arrow")
    new = ipc.new_stream if stream else ipc.new_file
    with new(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=-(-len(rows) // batches))
    return path


def as_stream(folder: Path, rows: Records) -> Path:
    return as_arrow(folder, rows, stream=True)


def as_saved(folder: Path, rows: Records) -> Path:
    """What ``datasets.save_to_disk`` writes."""
    saved = folder / "saved"
    saved.mkdir(parents=True, exist_ok=True)
    half = len(rows) // 2 + 1
    parts = [part for part in (rows[:half], rows[half:]) if part]
    for number, part in enumerate(parts):
        shutil.move(as_stream(folder, part), saved / f"data-{number}.arrow")
    files = [{"filename": f"data-{number}.arrow"} for number in range(len(parts))]
    (saved / "state.json").write_text(json.dumps({"_data_files": files}), encoding="utf-8")
    return saved


def as_database(folder: Path, rows: Records) -> Path:
    path = folder / "data.db"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA page_size = 512")
    connection.execute('CREATE TABLE tickets ("text" TEXT, "label" TEXT)')
    connection.executemany("INSERT INTO tickets VALUES (:text, :label)", rows)
    connection.commit()
    connection.close()
    return path


def packed(make: Callable[[Path, Records], Path]) -> Callable[[Path, Records], Path]:
    """The container in a gzip file that does not say so."""

    def pack(folder: Path, rows: Records) -> Path:
        path = folder / "packed"
        path.write_bytes(gzip.compress(make(folder, rows).read_bytes(), mtime=0))
        return path

    return pack


def zipped(make: Callable[[Path, Records], Path]) -> Callable[[Path, Records], Path]:
    def pack(folder: Path, rows: Records) -> Path:
        inner = make(folder, rows)
        path = folder / "data.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("README", "what this is")
            archive.writestr("__MACOSX/._data", "noise")
            archive.write(inner, f"export/{inner.name}")
        return path

    return pack


CONTAINERS: dict[str, Callable[[Path, Records], Path]] = {
    "jsonl": written("data.jsonl"),
    "json": written("data.json"),
    "csv": written("data.csv"),
    "tsv": written("data.tsv"),
    "xlsx": written("data.xlsx"),
    "parquet": written("data.parquet"),
    "arrow": as_arrow,
    "arrow-stream": as_stream,
    "saved": as_saved,
    "sqlite": as_database,
    "jsonl.gz": written("data.jsonl.gz"),
    "csv.gz": written("data.csv.gz"),
    "parquet-in-gzip": packed(written("data.parquet")),
    "zip": zipped(written("data.jsonl")),
    "xlsx-in-zip": zipped(written("data.xlsx")),
    "sqlite-in-zip": zipped(as_database),
    "gz-in-zip": zipped(written("data.csv.gz")),
}


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """A folder for property tests, whose examples share their fixtures."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def good(path: Path) -> Records:
    """The records of a file without a fault."""
    table, broken = read_lenient(path)
    assert broken == []
    return [row.values for row in table.rows]


def lenient(path: Path) -> tuple[list[Any], list[Broken]]:
    """First values of the good rows, and what is broken."""
    table, broken = read_lenient(path)
    return [next(iter(row.values.values())) for row in table.rows], broken


def refused(path: Path, kind: type[WhetError] = InputError) -> str:
    """What is said of a file of which nothing can be read."""
    with pytest.raises(kind) as caught:
        read_lenient(path)
    return str(caught.value)


# Round trips.

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
TEXTS = st.lists(st.fixed_dictionaries({"text": TEXT.filter(bool), "label": TEXT}), min_size=1, max_size=4)


@pytest.mark.parametrize("name", CONTAINERS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@example(rows=ROWS)
@example(rows=[{"text": "=1+1", "label": "_x000D_\r\n"}, {"text": " #N/A ", "label": '"'}])
@example(rows=[{"text": "{", "label": "a;b|c"}, {"text": "\x0b\x1f\ufffe", "label": "\r"}])
@given(rows=TEXTS)
def test_rows_of_text_come_back_from_every_container(name: str, rows: Records, scratch: Path) -> None:
    found = good(CONTAINERS[name](scratch, rows))
    assert [(row["text"], row["label"] or "") for row in found] == [(r["text"], r["label"]) for r in rows]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("ending", [".jsonl", ".json", ".jsonl.gz"])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@example(rows=[{"text": "half \ud83d of it"}])
@given(
    rows=st.lists(st.dictionaries(st.text(max_size=4), JSON, min_size=1, max_size=3), min_size=2, max_size=3)
)
def test_any_json_comes_back_from_json(ending: str, rows: Records, scratch: Path) -> None:
    """Of two rows and more: a single one may be what holds the rows (``data/wrapped.py``)."""
    write_rows(scratch / f"any{ending}", rows)
    assert good(scratch / f"any{ending}") == rows


def test_values_keep_their_types_in_parquet(tmp_path: Path) -> None:
    rows: Records = [
        {
            "n": 1,
            "x": 0.5,
            "yes": True,
            "tags": ["a"],
            "turns": [{"role": "user", "content": "hi"}],
            "no": None,
        },
        {"n": 2, "x": 1.5, "yes": None, "tags": [], "turns": [{"role": "user", "name": "b"}], "no": None},
    ]
    assert good(written("data.parquet")(tmp_path, rows)) == rows


def test_values_that_tables_cannot_hold_are_json_text(tmp_path: Path) -> None:
    rows = [{"tags": ["ä", 1], "turn": {"role": "user"}, "yes": True, "n": 1.5}]
    for ending in (".csv", ".xlsx"):
        found = good(written(f"data{ending}")(tmp_path, rows))[0]
        assert found["tags"] == '["ä", 1]'
        assert found["turn"] == '{"role": "user"}'
    assert found == {"tags": '["ä", 1]', "turn": '{"role": "user"}', "yes": True, "n": 1.5}


def test_dates_become_iso_text(tmp_path: Path) -> None:
    pa, parquet, openpyxl = arrow(), arrow("pyarrow.parquet"), pytest.importorskip("openpyxl")
    when = datetime(2026, 1, 31, 10, 30, 0, 250)
    table = pa.table(
        {
            "day": pa.array([date(2026, 1, 31)]),
            "when": pa.array([when], pa.timestamp("ns")).cast(pa.timestamp("ns", "UTC")),
            "sum": pa.array([Decimal("12.30")]),
            "raw": pa.array([b"\xff\x00"]),
            "told": pa.array([b"text"]),
        }
    )
    parquet.write_table(table, str(tmp_path / "d.parquet"))
    assert good(tmp_path / "d.parquet") == [
        {
            "day": "2026-01-31",
            "when": "2026-01-31T10:30:00.000250+00:00",
            "sum": "12.30",
            "raw": "/wA=",
            "told": "text",
        }
    ]
    book = openpyxl.Workbook()
    book.active.append(["day", "when"])
    book.active.append([date(2026, 1, 31), datetime(2026, 1, 31, 10, 30)])
    book.save(tmp_path / "d.xlsx")
    assert good(tmp_path / "d.xlsx") == [{"day": "2026-01-31", "when": "2026-01-31T10:30:00"}]


def test_digits_below_a_microsecond_do_not_cost_a_row(tmp_path: Path) -> None:
    pa, parquet = arrow(), arrow("pyarrow.parquet")
    times = pa.array([1_700_000_000_123_456_789], pa.timestamp("ns"))
    parquet.write_table(pa.table({"when": times}), str(tmp_path / "d.parquet"))
    assert good(tmp_path / "d.parquet") == [{"when": "2023-11-14T22:13:20.123456"}]


def test_class_numbers_become_the_names_that_the_file_gives(tmp_path: Path) -> None:
    """The metadata are those that ``datasets`` 5.2 writes into Arrow and Parquet files."""
    pa, parquet = arrow(), arrow("pyarrow.parquet")
    features = {
        "text": {"dtype": "string", "_type": "Value"},
        "label": {"names": ["ship", "bill"], "_type": "ClassLabel"},
        "tags": {"feature": {"names": ["x", "y"], "_type": "ClassLabel"}, "_type": "List"},
    }
    table = pa.table({"text": ["a", "b"], "label": [1, -1], "tags": [[1, 0], []]})
    plain = tmp_path / "plain.parquet"
    parquet.write_table(table, str(plain))
    assert [row["label"] for row in good(plain)] == [1, -1]
    named = {"huggingface": json.dumps({"info": {"features": features}})}
    parquet.write_table(table.replace_schema_metadata(named), str(tmp_path / "d.parquet"))
    assert good(tmp_path / "d.parquet") == [
        {"text": "a", "label": "bill", "tags": ["y", "x"]},
        {"text": "b", "label": None, "tags": []},
    ]


@pytest.mark.data
def test_real_rows_survive_every_format(shared: Callable[[str], Path], tmp_path: Path) -> None:
    rows = good(shared("banking77") / "test.csv")
    assert len(rows) == 3080
    for ending in (".jsonl", ".json.gz", ".csv", ".tsv", ".xlsx", ".parquet"):
        assert good(written(f"data{ending}")(tmp_path, rows)) == rows, ending


# Content goes before ending.


@pytest.mark.parametrize("made", ["jsonl", "json", "parquet", "xlsx", "sqlite", "arrow", "jsonl.gz", "zip"])
@pytest.mark.parametrize("ending", [".csv", ".json", ""])
def test_a_file_is_known_by_its_content(made: str, ending: str, tmp_path: Path) -> None:
    path = CONTAINERS[made](tmp_path, ROWS).rename(tmp_path / f"other{ending}")
    assert good(path) == ROWS


def test_the_ending_breaks_ties(tmp_path: Path) -> None:
    for name, header in [("d.csv", "[id],text"), ("d.csv", "{a},text"), ("d.tsv", "a,b,c\ttext")]:
        (tmp_path / name).write_text(f"{header}\n1\t2,3\n", encoding="utf-8")
        assert list(good(tmp_path / name)[0])[-1] == "text"


def test_objects_over_several_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text("\n".join(json.dumps(row, indent=2) for row in ROWS), encoding="utf-8")
    assert good(path) == ROWS


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\r\r\n"])
def test_lines_of_csv_may_end_in_any_way(end: str, tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_bytes(end.join(["a,b", "1,2", "3,4", "5,6"]).encode())
    assert [list(row.values()) for row in good(path)] == [["1", "2"], ["3", "4"], ["5", "6"]]
    path.write_bytes(b'a\r"1\r\n2"\r3')
    assert [row["a"] for row in good(path)] == ["1\r\n2", "3"]
    assert [row.line for row in read_table(path).rows] == [2, 4]


def test_delimiters_inside_quotes_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text('"a;b;c",label\n1,2\n', encoding="utf-8")
    assert good(tmp_path / "d.csv") == [{"a;b;c": "1", "label": "2"}]


# Broken records do not cost the good ones.


def test_one_good_line_among_broken_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    lines = ['{"text"', "[1]", "x" * 20_000_000, '{"text": "good"}', "7", '{"a":' * 20_000]
    path.write_text("\n".join(lines), encoding="utf-8")
    found, broken = lenient(path)
    assert found == ["good"]
    assert [b.source for b in broken] == [f"d.jsonl:{n}" for n in (1, 2, 3, 5, 6)]
    assert broken[1].rule == "a list; each line must be an object."
    assert broken[2].rule == f"the line has 20,000,000 bytes; at most {MAX_LINE:,} are read."
    assert str(broken[0]).startswith("d.jsonl:1: '{\"text\"': not valid JSON: Expecting ':'")
    assert all(len(b.value) <= 80 and b.fix for b in broken)
    with pytest.raises(InputError, match=r"d\.jsonl:3: the line has 20,000,000 bytes"):
        read_table(path)


@pytest.mark.parametrize(
    ("text", "found", "places"),
    [
        ('[{"t": 1}, {"t":}, {"t": 2}]', [1, 2], [2]),
        ('[{"t": 1}, 5, "x,]", {"t": 2}]', [1, 2], [2, 3]),
        ('[{"t": 1} {"t": 2}]', [1, 2], [1]),
        ('[{"t": 1}, {"t": [1, {"a": ]}, {"t": 2}]', [1, 2], [2]),
        ('[\n  {"t": 1},\n  {"t": "never closed},\n  {"t": 2},\n  {"t": 3}\n]', [1, 2, 3], [2]),
        ('[\n{"t": 1},\n{"t": 2},\n{"t', [1, 2], [3, 3]),
        ('[{"t": 1}, {"t": 2}', [1, 2], [2]),
        ('[{"t": 1}, {"t": 2}] {"t": 3}', [1, 2], [2]),
        ('[{"t": 1}, }, {"t": 2},]', [1, 2], [2]),
        ('{\n"t": 1}\n{\n"t":\n}\n{\n"t": 2}', [1, 2], [2]),
    ],
)
def test_good_records_of_a_broken_array(
    text: str, found: list[int], places: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "d.json"
    path.write_text(text, encoding="utf-8")
    values, broken = lenient(path)
    assert values == found
    assert [b.source for b in broken] == [f"d.json:{place}" for place in places]
    with pytest.raises(InputError, match=f"d.json:{places[0]}"):
        read_table(path)


def test_an_open_quote_does_not_swallow_the_rows_that_follow(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text('text,label\none,a\n"two,b\nthree,a\n"fo""ur",b\nfive,a,c\nsix,a\n', encoding="utf-8")
    found, broken = lenient(path)
    assert found == ["one", "three", 'fo"ur', "six"]
    assert [b.source for b in broken] == ["d.csv:3", "d.csv:6"]
    assert broken[0].rule.startswith("is not valid CSV")
    assert broken[1].rule == "line 6: 3 fields; the header has 2."
    with pytest.raises(InputError, match=r"d\.csv:3: is not valid CSV"):
        read_table(path)


def test_a_fragment_of_a_broken_record_is_no_row(tmp_path: Path) -> None:
    """Inside a record that is not valid, a line is a row only where nothing speaks against it."""
    path = tmp_path / "d.csv"
    path.write_text('text,label\none,a\n"two,b\nthree,a\nfour\nfi"ve,b\nsix\n', encoding="utf-8")
    found, broken = lenient(path)
    assert found == ["one", "three", "six"]
    assert [b.source for b in broken] == ["d.csv:3", "d.csv:5", "d.csv:6"]
    assert broken[1].rule == "line 5: 1 field; the header has 2."
    assert broken[2].rule == "line 6: a quote stands alone."


def test_a_file_cut_off_in_its_last_row_says_so(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text('text,label\none,a\n"tw', encoding="utf-8")
    table, broken = read_lenient(path)
    notes: list[str] = []
    assert len(list(read_rows(path, broken=broken, notes=notes))) == len(table.rows) == 1
    assert broken == []
    assert (
        list(table.notes) == notes == ["d.csv:3: the file is cut off within its last row, which is set aside"]
    )


def test_quotes_that_open_again_and_again_are_refused_in_time(tmp_path: Path) -> None:
    """Each line opens a quote that the next one closes and opens: tried anew, line by line, for ever."""
    path = tmp_path / "d.csv"
    path.write_text("text,label\n" + 'a","\n' * 300_000, encoding="utf-8")
    assert "quotes open and do not close, again and again" in refused(path)


def test_a_row_of_a_sheet_with_more_cells_than_names(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for cells in [[None], ["text", None, "label"], ["a", 1, "x"], [], ["b", 2, "y", "z"], ["c"]]:
        book.active.append(cells)
    book.save(tmp_path / "d.xlsx")
    table, broken = read_lenient(tmp_path / "d.xlsx")
    assert table.columns == ("text", "column_2", "label")
    assert [(row.line, row.values["text"]) for row in table.rows] == [(3, "a"), (6, "c")]
    assert [(b.source, b.rule) for b in broken] == [("d.xlsx:5", "4 cells; the header has 3.")]


def test_a_damaged_row_group_does_not_cost_the_others(tmp_path: Path) -> None:
    pa, parquet = arrow(), arrow("pyarrow.parquet")
    path = tmp_path / "d.parquet"
    table = pa.table({"n": [f"{n:04d}" * 9 for n in range(30)]})
    parquet.write_table(table, str(path), row_group_size=10, compression="zstd", use_dictionary=False)
    group = parquet.ParquetFile(str(path)).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    start = group.data_page_offset + group.total_compressed_size - 30
    data[start : start + 30] = bytes(30)
    path.write_bytes(data)
    table_read, broken = read_lenient(path)
    assert [row.line for row in table_read.rows] == [*range(1, 11), *range(21, 31)]
    assert [b.source for b in broken] == ["d.parquet:11"]
    assert broken[0].rule.startswith("cannot be read from here on")


def test_an_arrow_stream_cut_off_keeps_its_whole_batches(tmp_path: Path) -> None:
    rows = [{"text": f"row {n}", "label": "a"} for n in range(40)]
    path = as_arrow(tmp_path, rows, stream=True, batches=4)
    path.write_bytes(path.read_bytes()[:-200])
    found, broken = lenient(path)
    assert found == [row["text"] for row in rows[:30]]
    assert [b.source for b in broken] == ["data.arrows:31"]


def test_a_value_of_parquet_that_is_no_text_costs_its_row_alone(tmp_path: Path) -> None:
    pa, parquet = arrow(), arrow("pyarrow.parquet")
    raw = pa.array([b"one", b"t\xffo", b"three"])
    parquet.write_table(pa.table({"text": raw.view(pa.string())}), str(tmp_path / "d.parquet"))
    found, broken = lenient(tmp_path / "d.parquet")
    assert found == ["one", "three"]
    assert [(b.source, b.field) for b in broken] == [("d.parquet:2", "text")]


def test_text_of_a_database_that_is_not_utf8_costs_its_row_alone(tmp_path: Path) -> None:
    path = as_database(tmp_path, ROWS)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE tickets SET label = CAST(x'ff41' AS TEXT) WHERE rowid = 2")
    connection.close()
    found, broken = lenient(path)
    assert found == [ROWS[0]["text"], ROWS[2]["text"]]
    assert [(b.source, b.field, b.rule) for b in broken] == [("data.db:2", "label", "the text is not UTF-8.")]


def test_a_gzip_file_cut_off_keeps_the_rows_before(tmp_path: Path) -> None:
    lines = [json.dumps({"n": n, "text": os.urandom(20).hex()}) for n in range(2000)]
    path = tmp_path / "d.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode())[:-9000])
    found, broken = lenient(path)
    assert len(found) > 1000
    assert found == list(range(len(found)))
    assert "the packed data are damaged here" in broken[0].rule
    assert broken[0].source == f"d.jsonl.gz:{len(found) + 1}"
    with pytest.raises(InputError, match="the packed data are damaged here"):
        read_table(path)


# Files of which nothing is read, and why.


def test_sheets_tables_members_and_splits_are_named_where_there_are_several(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "empty"
    for title in ("first", "second"):
        book.create_sheet(title).append(["text"])
        book[title].append([f"of {title}"])
    book.save(tmp_path / "d.xlsx")
    assert "the filled sheets are 'first', 'second'" in refused(tmp_path / "d.xlsx")
    assert "name it: d.xlsx::first" in refused(tmp_path / "d.xlsx::third")
    assert good(tmp_path / "d.xlsx::second") == [{"text": "of second"}]

    connection = sqlite3.connect(as_database(tmp_path, ROWS))
    assert good(tmp_path / "data.db::tickets") == ROWS
    connection.executescript("CREATE TABLE users (a); CREATE VIEW seen AS SELECT * FROM tickets;")
    assert good(tmp_path / "data.db") == ROWS  # the other table is empty
    connection.executescript("INSERT INTO users VALUES (1);")
    connection.close()
    assert "the tables are tickets, users; one of them" in refused(tmp_path / "data.db")
    assert "Did you mean 'tickets'?" in refused(tmp_path / "data.db::ticket")
    assert "there is no table 'seen'" in refused(tmp_path / "data.db::seen")
    table = read_table(tmp_path / "data.db::tickets")
    assert table.where(table.rows[0]) == "data.db::tickets:1"

    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        for name in ("a/train.csv", "a/test.csv"):
            archive.writestr(name, f"text\n{name}\n")
    assert "the archive holds a/train.csv, a/test.csv;" in refused(tmp_path / "d.zip")
    assert good(tmp_path / "d.zip::a/test.csv") == [{"text": "a/test.csv"}]
    (tmp_path / "d.csv").write_text("a\n1\n", encoding="utf-8")
    assert "has no parts, but 'x' is asked for" in refused(tmp_path / "d.csv::x")


def test_a_folder_of_splits_gives_all_rows_and_their_split(tmp_path: Path) -> None:
    both = tmp_path / "both"
    for split, rows in [("train", ROWS), ("test", ROWS[:2])]:
        shutil.move(as_saved(both, rows), both / split)
    (both / "dataset_dict.json").write_text('{"splits": ["train", "test"]}', encoding="utf-8")
    expected = [{**row, "split": "train"} for row in ROWS] + [{**row, "split": "test"} for row in ROWS[:2]]
    assert good(both) == expected
    assert [row.line for row in read_table(both).rows] == [1, 2, 3, 4, 5]
    assert good(Path(f"{both}::test")) == ROWS[:2]
    assert "there is no split 'dev'; there are: train, test" in refused(Path(f"{both}::dev"))
    shutil.rmtree(both / "test")
    shutil.move(as_saved(both, [{"text": "a", "split": "b"}]), both / "test")
    assert "there is a column 'split' already" in refused(both)
    assert "read one of them alone: both::test" in refused(both)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ('{"_data_files": [{"filename": "../data.arrow"}]}', "names the file '../data.arrow'"),
        ('{"_data_files": [{"filename": "/etc/passwd"}]}', "names the file '/etc/passwd'"),
        ('{"_data_files": [{"filename": "gone.arrow"}]}', "its file gone.arrow is missing"),
        ('{"_data_files": [], "_indices_data_files": [{}]}', "holds a selection of rows"),
        ('{"_data_files": [', "is not valid JSON"),
        ("[]", "is not a JSON object"),
        ('{"_data_files": 7}', "names the file"),
        ("{}", "names the file None"),
    ],
)
def test_a_saved_folder_that_is_not_whole_is_refused(state: str, said: str, tmp_path: Path) -> None:
    saved = as_saved(tmp_path, ROWS)
    (saved / "state.json").write_text(state, encoding="utf-8")
    assert said in refused(saved)


@pytest.mark.parametrize("name", ["../d.csv", "/etc/d.csv", "a/../../d.csv", "C:\\d.csv", "..\\d.csv"])
def test_an_archive_with_a_name_outside_its_folder_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "d.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "text\na\n")
    assert "lies outside the archive's folder" in refused(path)
    with zipfile.ZipFile(path, "w") as archive:  # the control: the same file under a plain name
        archive.writestr("a/d.csv", "text\na\n")
    assert good(path) == [{"text": "a"}]


def bomb(path: Path, size: int) -> Path:
    """A file that unpacks to one JSON object and ``size`` bytes of blank lines."""
    body = b'{"text": "a"}\n' + b"\n" * size
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(body))
        return path
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("d.jsonl", body)
    return path


@pytest.mark.parametrize("name", ["d.jsonl.gz", "d.zip"])
def test_a_bomb_is_refused_and_the_rule_said(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bomb(tmp_path / name, 5_000_000)
    assert good(path) == [{"text": "a"}]  # the control: within the limit it is read
    monkeypatch.setattr(unpack, "ALWAYS_ALLOWED", 1_000_000)
    said = refused(path)
    assert "unpacks to more than 1,000,000 bytes" in said
    assert "may grow to 100 times its size" in said


def test_a_workbook_may_not_be_a_bomb_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written("d.xlsx")(tmp_path, [{"text": "a" * 30_000}] * 40)
    assert len(good(path)) == 40
    monkeypatch.setattr(unpack, "ALWAYS_ALLOWED", 100_000)
    monkeypatch.setattr(unpack, "MAX_GROWTH", 1)
    assert "unpacks to more than" in refused(path)


def test_what_cannot_be_unpacked_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("d.csv", "text\na\n")
    assert "is packed with a rare method" in refused(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("d.csv", "text\na\n")
    data = bytearray(path.read_bytes())
    for sign, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(sign) + flags] |= 1
    path.write_bytes(data)
    assert "is encrypted" in refused(path)
    path.write_bytes(data[:-10])
    assert "is not a whole zip file" in refused(path)
    with zipfile.ZipFile(path, "w"):
        pass
    assert "the archive holds nothing" in refused(path)
    path.write_bytes(gzip.compress(gzip.compress(gzip.compress(b"text\na\n"))))
    assert "is packed more than 2 times" in refused(path)
    path.write_bytes(gzip.compress(gzip.compress(b"text\na\n")))
    assert good(path) == [{"text": "a"}]


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as .xlsx"),
        (b"FEA1", "Feather file of version 1"),
        (b"PARE", "an encrypted Parquet file"),
        (b"ORC", "an ORC file"),
        (b"Obj\x01", "an Avro file"),
        (b"%PDF-1.7", "a PDF document"),
        (b"BZh9", "bunzip2"),
        (b"\xfd7zXZ\x00", "unxz"),
        (b"\x28\xb5\x2f\xfd", "unzstd"),
        (b"7z\xbc\xaf\x27\x1c", "7z x"),
        (b"PAR1", "is not a whole Parquet file"),
        (b"ARROW1\0\0", "is not a whole Arrow file"),
        (b"\xff\xff\xff\xff", "is not a whole Arrow file"),
        (b"SQLite format 3\0", "is not a whole SQLite file"),
        (b"PK\x03\x04", "is not a whole zip file"),
        (b"", "the file is empty"),
        (b" \n ", "the file is empty"),
        (b"text,label\n", "no row"),
        (b"a,a\n1,2\n", "the column 'a' is there twice"),
        (b'"a,a\n1,2\n', "1: is not valid CSV"),
    ],
)
def test_a_file_that_is_not_read_says_why(start: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_bytes(
        start + b"\x07\x01 rest of it"
        if start.strip() and start[:1] != b"t" and start[:2] not in (b"a,", b'"a')
        else start
    )
    assert said in refused(path)


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("start", ["text\n", '{"text": "a"}\n', '[{"text": "a"},\n'])
def test_another_encoding_is_refused_with_its_line_in_every_text_format(
    start: str, pack: bool, tmp_path: Path
) -> None:
    data = f'{start}{{"text": "Köln"}}'.encode("latin-1")
    path = tmp_path / "d"
    path.write_bytes(gzip.compress(data) if pack else data)
    said = refused(path)
    assert "d:2: is not UTF-8 (byte " in said
    assert f"byte {data.index(0xF6):,} is 0xf6" in said
    assert "iconv -f ISO-8859-1 -t UTF-8 d > d.utf8" in said
    path.write_bytes(f'{start}{{"text": "Köln"}}'.encode("utf-16"))
    assert "it looks like UTF-16" in refused(path)


def test_a_missing_library_is_named_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"pyarrow": "data.parquet", "openpyxl": "data.xlsx"}
    for name in files.values():
        written(name)(tmp_path, ROWS)
    for library, name in files.items():
        for module in [module for module in sys.modules if module.split(".")[0] == library]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, library, None)
        assert f"without {library}, which is not installed" in refused(tmp_path / name)
        assert "pip install 'whet[formats]'" in refused(tmp_path / name)
        with pytest.raises(InputError, match="whet\\[formats\\]"):
            write_rows(tmp_path / f"new-{name}", ROWS)
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "pip install datasets" in refused(Path("some-owner/some-name"))


# The hub, without one.


class Streamed(list[dict[str, Any]]):
    """A split as ``datasets`` streams it: examples, and features where the hub knows them."""

    features = None


def hub(monkeypatch: pytest.MonkeyPatch, load: Callable[..., Any]) -> None:
    """Stand in for the library ``datasets``, which is no dependency, and for the network."""
    module = types.ModuleType("datasets")
    module.load_dataset = load  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)


def test_a_hub_id_is_read_with_its_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, *, split: str | None, streaming: bool) -> Any:
        assert (name, streaming) == ("some-owner/some-name", True)
        return Streamed(ROWS[:1]) if split else {"train": Streamed(ROWS), "test": Streamed(ROWS[:1])}

    hub(monkeypatch, load)
    assert [row["split"] for row in good(Path("some-owner/some-name"))] == ["train"] * 3 + ["test"]
    assert good(Path("some-owner/some-name::test")) == ROWS[:1]


def test_a_hub_that_cannot_be_reached_is_no_fault_of_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(error: Exception) -> Callable[..., Any]:
        def load(name: str, **more: object) -> Any:
            raise error

        return load

    path = Path("some-owner/some-name")
    hub(monkeypatch, fail(ConnectionError("Couldn't reach it")))
    assert "cannot be read from the hub: Couldn't reach it" in refused(path, WorldError)
    hub(monkeypatch, fail(FileNotFoundError("doesn't exist on the Hub")))
    assert "doesn't exist on the Hub" in refused(path)


@pytest.mark.parametrize("name", ["none/data.csv", "/none/data", "a/b/c", "data", "tests/none"])
def test_a_path_that_is_not_there_is_no_hub_id(name: str) -> None:
    assert "no such file" in refused(Path(name))


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and does not read")
def test_a_disk_that_does_not_read_is_the_world() -> None:
    assert "cannot read: Input/output error" in refused(Path("/proc/self/mem"), WorldError)


# Memory and time.

ROWS_STREAMED, LIMIT = 200_000, 20_000_000


@pytest.fixture(scope="module")
def long_file(scratch: Path) -> Path:
    path = scratch / "long.jsonl"
    line = '{"text": "%s", "label": "a", "n": %d}\n'
    with path.open("w", encoding="utf-8") as out:
        out.writelines(line % ("words of an example " * 5, n) for n in range(ROWS_STREAMED))
    return path


def test_memory_stays_flat_while_rows_are_read(long_file: Path) -> None:
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_rows(long_file, broken=[]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == ROWS_STREAMED
    assert peak < LIMIT


def test_memory_grows_where_rows_are_held(long_file: Path) -> None:
    """The control: the same file, its rows kept, passes the limit long before its end."""
    held = []
    tracemalloc.start()
    try:
        for row in read_rows(long_file, broken=[]):
            held.append(row)
            if len(held) % 1000 == 0 and tracemalloc.get_traced_memory()[0] > LIMIT:
                break
    finally:
        tracemalloc.stop()
    assert len(held) < ROWS_STREAMED


# Writing.


def test_a_table_keeps_its_columns_in_order(tmp_path: Path) -> None:
    rows: Records = [{"b": "1"}, {"a": "2", "b": "3"}]
    assert write_rows(tmp_path / "d.csv", rows) == 2
    assert (tmp_path / "d.csv").read_bytes() == b"b,a\r\n1,\r\n3,2\r\n"
    write_rows(tmp_path / "d.csv", iter(rows), columns=["a", "b"])
    assert (tmp_path / "d.csv").read_bytes().startswith(b"a,b\r\n,1")
    with pytest.raises(InputError, match="record 2: the column 'a' is not in the header"):
        write_rows(tmp_path / "d.csv", rows, columns=["b"])


def test_names_of_columns_mislead_no_reader(tmp_path: Path) -> None:
    rows = [{"[{": "1", "a;b;c": "2"}]
    for name in ("d.csv", "d.tsv"):
        write_rows(tmp_path / name, rows)
        assert good(tmp_path / name) == rows


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write_rows(tmp_path / name, ROWS)
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("d.doc", ROWS, "the ending '.doc' names no format"),
        ("d.xlsx.gz", ROWS, "the ending '.xlsx.gz' names no format"),
        ("d", ROWS, r"the ending '\(none\)' names no format"),
        ("d.jsonl", [], "there are no rows to write"),
        ("d.csv", [], "there are no rows to write"),
        ("d.jsonl", [{"a": {1, 2}}], "record 1: cannot be written as JSON"),
        ("d.csv", [{"a": "x"}, {"a": "\ud83d"}], "record 2: a: holds '.ud83d', half of a character"),
        ("d.xlsx", [{"a": "x" * 40_000}], "record 1: a: has 40,000 characters; a cell of XLSX holds 32,767"),
        ("d.parquet", [{"a": 1}, {"a": "x"}], "d.parquet: a: does not fit a column of Parquet"),
        ("d.parquet", [{"a": {}}], "does not fit a column of Parquet"),
        ("d.parquet", [{"a": 2**70}], "does not fit a column of Parquet"),
    ],
)
def test_what_cannot_be_written_leaves_the_old_file(
    name: str, rows: Records, said: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text("old", encoding="utf-8")
    with pytest.raises(InputError, match=said):
        write_rows(tmp_path / name, rows)
    assert (tmp_path / name).read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_cannot_be_written_is_the_world(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="cannot write"):
        write_rows(tmp_path / "none" / "d.jsonl", ROWS)


def test_text_is_read_with_the_same_promises(tmp_path: Path) -> None:
    path = tmp_path / "d.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\n")
    assert read_text(path) == "one\r\ntwo\n"
    path.write_bytes(b"one\n" + b"x" * (MAX_LINE + 1))
    with pytest.raises(InputError, match=r"d\.txt:2: the line has 10,000,001 bytes"):
        read_text(path)


# Fuzz: whatever the bytes, there are rows, faults and typed errors, and nothing else.

FUZZED = (
    "jsonl",
    "json",
    "csv",
    "xlsx",
    "parquet",
    "arrow",
    "arrow-stream",
    "saved",
    "sqlite",
    "csv.gz",
    "zip",
)
PLACE = st.integers(0, 1 << 20)
EDIT = st.tuples(
    st.sampled_from(["set", "cut", "put", "end", "swap"]), PLACE, st.binary(min_size=1, max_size=8)
)


def damaged(data: bytes, edits: list[tuple[str, int, bytes]]) -> bytes:
    """The file after some bytes were overwritten, removed, inserted, moved, or its end was lost."""
    for kind, place, new in edits:
        at = place % (len(data) + 1)
        rest = {
            "set": new + data[at + len(new) :],
            "cut": data[at + len(new) :],
            "put": new + data[at:],
            "end": b"",
            "swap": data[at + 64 : at + 128] + data[at : at + 64] + data[at + 128 :],
        }
        data = data[:at] + rest[kind]
    return data


def file_of(path: Path) -> Path:
    """The file to damage: of a folder, its first data file."""
    return path / "data-0.arrow" if path.is_dir() else path


def only_typed_errors(path: Path) -> None:
    with suppress(WhetError):
        read_lenient(path)


@pytest.mark.parametrize("name", FUZZED)
def test_fuzz_damaged_files_give_typed_errors_only(name: str, tmp_path: Path) -> None:
    rows = [{"text": f'row "{n}", with ä and more', "label": "ab"[n % 2]} for n in range(12)]
    path = CONTAINERS[name](tmp_path, rows)
    file = file_of(path)
    whole = file.read_bytes()

    @settings(max_examples=FUZZ, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(edits=st.lists(EDIT, min_size=1, max_size=4))
    def check(edits: list[tuple[str, int, bytes]]) -> None:
        file.write_bytes(damaged(whole, edits))
        only_typed_errors(path)

    check()


@settings(max_examples=FUZZ, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    start=st.sampled_from([b"", b"PAR1", b"ARROW1\0\0", b"\xff" * 4, b"SQLite format 3\0", b"PK\x03\x04"])
    | st.sampled_from(
        [b"\x1f\x8b\x08\0\0\0\0\0\0\xff", b"[", b'{"', b"{\n", b'"', b"\xef\xbb\xbf", b"a,b\n"]
    ),
    data=st.binary(max_size=300),
    ending=st.sampled_from(["", ".csv", ".tsv", ".json"]),
)
def test_fuzz_random_bytes_give_typed_errors_only(
    start: bytes, data: bytes, ending: str, scratch: Path
) -> None:
    path = scratch / f"fuzz{ending}"
    path.write_bytes(start + data)
    only_typed_errors(path)
