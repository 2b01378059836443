"""Documents become passages: nothing is lost, headings stay, what cannot be read is named."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from whet.config_knowledge import Knowledge
from whet.errors import InputError
from whet.retrieve.documents import Document, Documents, read_documents
from whet.retrieve.passages import passages_of, sentences, spans, weight
from whet.retrieve.sections import parts

HANDBOOK = """\
Intro line.

# Returns

Within 30 days. Keep the box.

## Refunds abroad

They take two weeks.

```
# no heading in code
```

Shipping
========

Parcels leave at noon.
"""


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def read(folder: Path, *names: str) -> Documents:
    return read_documents(Knowledge(documents=list(names)), folder)


def test_headings_stay_with_what_stands_under_them_and_lines_are_those_of_the_file() -> None:
    found = parts(Document("h.md", HANDBOOK, "markdown"))
    assert [(part.heading, part.text.strip().split("\n")[0]) for part in found] == [
        ("", "Intro line."),
        ("Returns", "Within 30 days. Keep the box."),
        ("Returns > Refunds abroad", "They take two weeks."),
        ("Shipping", "Parcels leave at noon."),
    ]
    lines = HANDBOOK.split("\n")
    for passage in passages_of(Documents((Document("h.md", HANDBOOK, "markdown"),))):
        first = int(passage.source.rpartition(":")[2]) - 1
        assert lines[first] == passage.text.split("\n")[0]
    assert "# no heading in code" in found[2].text


def test_pages_give_their_text_and_headings_and_no_scripts() -> None:
    page = "<head><title>t</title></head><h1>Returns &amp; <b>refunds</b></h1><p>Thirty days."
    page += "<script>x()</script>"
    (part,) = parts(Document("a.html", f"{page}</p><h2>Abroad</h2><ul><li>No</ul>", "html"))[:1]
    assert (part.heading, part.text.strip()) == ("Returns & refunds", "Thirty days.")
    assert (
        parts(Document("a.html", f"{page}<h2>Abroad</h2>No", "html"))[1].heading
        == "Returns & refunds > Abroad"
    )


@pytest.mark.parametrize("seed", range(40))
def test_random_texts_lose_no_word_and_no_passage_is_too_long(seed: int) -> None:
    rng = random.Random(seed)
    signs = [" ", ". ", "! ", "\n", "\n\n", "\n- ", "。", "  "]
    text = "".join(f"w{n}{'x' * rng.choice([0, 0, 3, 150])}{rng.choice(signs)}" for n in range(200))
    words, overlap = rng.randint(8, 40), rng.randint(0, 4)
    assert "".join(sentences(text)) == text
    found = passages_of(Documents((Document("t.txt", text),), words, overlap))
    assert all(len(passage.text.split()) <= words for passage in found)
    assert all(weight(passage.text) <= 2 * words for passage in found)
    together = " ".join(passage.text for passage in found)
    missing = [n for n in range(200) if f"w{n}" not in together]
    assert missing == []


def test_passages_overlap_by_whole_sentences_and_always_go_on() -> None:
    text = " ".join(f"This is sentence {n}." for n in range(9))
    found = [passage.text for passage in passages_of(Documents((Document("t.txt", text),), 12, 4))]
    assert found[0] == "This is sentence 0. This is sentence 1. This is sentence 2."
    assert found[1].startswith("This is sentence 2. This is sentence 3.")
    assert found[-1].endswith("sentence 8.")
    alone = [passage.text for passage in passages_of(Documents((Document("t.txt", text),), 12, 0))]
    assert len(alone) == 3  # the control: without overlap nothing is repeated
    assert list(spans([5, 5, 5], 5, 2)) == [(0, 1), (1, 2), (2, 3)]


def test_a_folder_is_read_whole_and_what_is_no_document_is_counted(tmp_path: Path) -> None:
    written(
        tmp_path,
        docs__b_md="# B\nbee",
        docs__a_txt="ay",
        docs__sub__c_jsonl='{"title": "C", "text": "cee"}\n{"title": "D", "text": "dee"}\n',
        docs__logo_png="no",
        docs___hidden_txt="no",
    )
    found = read(tmp_path, "docs")
    passages = passages_of(found)
    assert [passage.source for passage in passages] == [
        "docs/a.txt:1",
        "docs/b.md:2",
        "docs/sub/c.jsonl:1",
        "docs/sub/c.jsonl:2",
    ]
    assert [passage.shown for passage in passages][2] == "C\ncee"
    assert "1 of 4 files in docs" in found.notes[0]


def test_the_digest_is_that_of_the_texts_wherever_they_lie(tmp_path: Path) -> None:
    one = read(written(tmp_path / "one", docs__a_txt="ay"), "docs").digest
    assert read(written(tmp_path / "two", docs__a_txt="ay"), "docs").digest == one
    assert read(written(tmp_path / "three", docs__a_txt="ay!"), "docs").digest != one


@pytest.mark.parametrize(
    ("name", "says"),
    [("none", "no such file or folder"), ("a.pdf", "kind .pdf are not read"), ("empty", "there is no text"),
     ("rows.jsonl", "no column with a text; there are id, note"), ("latin.txt", "not UTF-8|UTF-8")],
)  # fmt: skip
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, says: str) -> None:
    written(tmp_path, a_pdf="x", empty__a_txt="", rows_jsonl='{"id": 1, "note": "n"}\n')
    (tmp_path / "latin.txt").write_bytes("naïve café and more".encode("latin-1"))
    with pytest.raises(InputError, match=says):
        read(tmp_path, name)
