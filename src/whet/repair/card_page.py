"""The data card as Markdown: a pure function of its JSON, with the front matter of a Hugging Face card.

Every figure on the page stands in the JSON. Cells are escaped, so that no text of the data is markup.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from whet.repair.card import NOT_PROVIDED
from whet.repair.markdown import as_table, cell, listed

TASKS = {"classify": "text-classification", "extract": "text-generation", "write": "text-generation"}
SIZES = {
    10**3: "n<1K",
    10**4: "1K<n<10K",
    10**5: "10K<n<100K",
    10**6: "100K<n<1M",
    10**7: "1M<n<10M",
    10**8: "10M<n<100M",
    10**9: "100M<n<1B",
}
# Formats that the hub's viewer loads from a file's name.
VIEWED = (".csv", ".tsv", ".json", ".jsonl", ".parquet", ".arrow")
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
SHOWN = 50  # labels and columns named on the page; the JSON has all


def page(card: Mapping[str, Any]) -> str:
    """The card as a Markdown file."""
    parts = [
        f"---\n{front_matter(card)}---",
        f"# {cell(card['name'])}",
        _motivation(card),
        _composition(card["composition"], card["file"]),
        _collection(card["collection"]),
        _processing(card["processing"]),
        _personal(card["personal_data"]),
        _standards(card),
        _ending(card),
    ]
    return "\n\n".join(parts) + "\n"


def front_matter(card: Mapping[str, Any]) -> str:
    """YAML that ``huggingface_hub.DatasetCardData`` reads."""
    composition, licence = card["composition"], card["uses"]["licence"]
    known = [code for code in composition["languages"] if re.fullmatch("[a-z]{2,3}", code)]
    value: dict[str, Any] = {
        "pretty_name": " ".join(card["name"].split()),
        **_licence(licence),
        **({"language": known} if known else {}),
        "size_categories": [_size(composition["rows"])],
        "task_categories": [TASKS[composition["kind"]]],
    }
    data_file = card["file"].get("name", "")
    if data_file.endswith(VIEWED):
        value["configs"] = [{"config_name": "default", "data_files": data_file}]
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


def _licence(licence: str) -> dict[str, str]:
    """An identifier as the hub writes it, or ``other`` with the words as they are."""
    if licence == NOT_PROVIDED:
        return {"license": "unknown"}
    if _LICENCE.fullmatch(licence.lower()):
        return {"license": licence.lower()}
    return {"license": "other", "license_details": " ".join(licence.split())}


def _size(rows: int) -> str:
    return next((name for limit, name in SIZES.items() if rows < limit), "1B<n<10B")


def _motivation(card: Mapping[str, Any]) -> str:
    said = card["motivation"]
    return f"## Motivation\n\n{listed({'purpose': said['purpose'], 'instruction': said['instruction']})}"


def _composition(found: Mapping[str, Any], file: Mapping[str, Any]) -> str:
    facts = {"kind of output": found["kind"], "rows": found["rows"], "unreadable": found["unreadable_rows"]}
    facts |= {"file": file["name"], "bytes": file["bytes"], "SHA-256": file["sha256"]} if file else {}
    names = ("input_characters", "input_words", "output_characters", "output_words")
    columns = ("min", "median", "p95", "max")
    rows = [[name.replace("_", ", in "), *(found[name].get(c, "") for c in columns)] for name in names]
    parts = ["## Composition", listed(facts), as_table(("length", *columns), rows)]
    parts.append(_count_table("language of the input", found["languages"]))
    if "labels" in found:
        parts.append(_count_table("label", found["labels"]))
    if "sides" in found:
        parts.append(_count_table("side", found["sides"]))
    if found["columns"]:
        parts.append(f"Other columns: {', '.join(map(cell, found['columns'][:SHOWN]))}.")
    return "\n\n".join(parts)


def _collection(found: Mapping[str, Any]) -> str:
    time = found["time"]
    span = (
        f"{time['first']} to {time['last']} ({time['dated_rows']} rows)" if "first" in time else NOT_PROVIDED
    )
    facts = {
        "origin": found["origin"],
        "how it was collected": found["collected"],
        "labelled by": found["labelled_by"],
        "time span": span,
    }
    files = [[source["name"], source["bytes"], source["sha256"]] for source in found["sources"]]
    return f"## Collection\n\n{listed(facts)}\n\n{as_table(('file', 'bytes', 'SHA-256'), files)}"


def _processing(found: Mapping[str, Any]) -> str:
    if not found["changes"]:
        return "## Cleaning and labelling\n\nNothing was changed."
    facts = {
        "rows removed": found["rows_removed"],
        "questions answered by a person": found["answered_questions"],
        "questions open": found["open_questions"],
    }
    table = _count_table("rule", found["changes"], "changes")
    return (
        f"## Cleaning and labelling\n\n{table}\n\n{listed(facts)}\n\nEvery change stands in `changes.jsonl`."
    )


def _personal(found: Mapping[str, Any]) -> str:
    types = dict.fromkeys([*found["found"], *found["replaced"]])
    if not types and not found["rows_found"]:
        return "## Personal data\n\nNone was found, as far as it was looked for (see the standards)."
    rows = [[name, found["found"].get(name, 0), found["replaced"].get(name, 0)] for name in types]
    by_check = _count_table("check", found["rows_found"], "rows") if found["rows_found"] else ""
    by_type = as_table(("type", "found", "replaced by stand-ins"), rows) if rows else ""
    return "\n\n".join(part for part in ("## Personal data", by_type, by_check) if part)


def _standards(card: Mapping[str, Any]) -> str:
    rows = []
    for standard in card["standards"]:
        notes = [f"{f['what']} ({f['check']}, {f['severity']})" for f in standard["findings"]]
        notes += [f"{check} did not run: {why}" for check, why in standard["not_run"].items()]
        rows.append([standard["name"], standard["status"], "; ".join(notes)])
    table = as_table(("standard", "status", "findings"), rows)
    return f"## Standards\n\nThe checks saw {card['checked']}.\n\n{table}"


def _ending(card: Mapping[str, Any]) -> str:
    limits = "\n".join(f"- {cell(limit)}" for limit in card["limits"]) or "None that the data show."
    uses = listed({"task": card["uses"]["task"], "licence": card["uses"]["licence"]})
    kept = listed({"maintainer": card["maintenance"]["maintainer"], "made with whet": card["whet"]})
    return f"## Uses and distribution\n\n{uses}\n\n## Known limits\n\n{limits}\n\n## Maintenance\n\n{kept}"


def _count_table(what: str, counts: Mapping[str, int], unit: str = "rows") -> str:
    table = as_table((what, unit), list(counts.items())[:SHOWN])
    return table if len(counts) <= SHOWN else f"{table}\n\n(the first {SHOWN}; all {len(counts)} in the JSON)"
