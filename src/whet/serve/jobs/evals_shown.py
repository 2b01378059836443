"""Evals, their runs and their items as OpenAI's API shows them, and what is said where there is none.

Source: OpenAI's Evals API. Knows the tables; starts nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from whet.serve.faults import Fault
from whet.serve.jobs.rows import unix
from whet.serve.jobs.tables import ITEMS

if TYPE_CHECKING:
    from sqlalchemy import Connection


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """``EvalCreateResponse``."""
    asked = json.loads(row["body"])
    config = asked["data_source_config"]
    schema = {"item": config["item_schema"], "sample": {"type": "object"}}
    return {
        "id": row["id"],
        "object": "eval",
        "created_at": unix(row["created_at"]),
        "name": asked["name"] or row["id"],
        "metadata": asked["metadata"],
        "data_source_config": {"type": "custom", "schema": {"type": "object", "properties": schema}},
        "testing_criteria": asked["testing_criteria"],
    }


def shown_run(row: Mapping[str, Any], counts: Counter[str]) -> dict[str, Any]:
    """``RunCreateResponse``; its counts are those of the items that are done."""
    asked = json.loads(row["body"])
    total = counts.pop("total", 0)
    passed, failed, errored = (counts.pop(name, 0) for name in ("pass", "fail", "error"))
    each = sorted({name.partition(" ")[2] for name in counts})
    results = [
        {"testing_criteria": name, "passed": counts[f"+ {name}"], "failed": counts[f"- {name}"]}
        for name in each
    ]
    error = json.loads(row["error"]) if row["error"] else None
    return {
        "id": row["id"],
        "object": "eval.run",
        "eval_id": row["eval"],
        "created_at": unix(row["created_at"]),
        "status": row["status"],
        "name": asked["name"] or row["id"],
        "metadata": asked["metadata"],
        "model": str(asked["data_source"].get("model") or ""),
        "data_source": asked["data_source"],
        "error": error,
        "report_url": "",
        "result_counts": {"total": total, "passed": passed, "failed": failed, "errored": errored},
        "per_testing_criteria_results": results,
        "per_model_usage": [],
    }


def counts_of(connection: Connection, run: str) -> Counter[str]:
    """Items by status, ``total``, and by criterion: ``+ NAME`` passed, ``- NAME`` failed."""
    from sqlalchemy import select

    counts = Counter[str]()
    for status, body in connection.execute(select(ITEMS.c.status, ITEMS.c.body).where(ITEMS.c.run == run)):
        counts["total"] += 1
        counts[status] += 1
        for result in json.loads(body)["results"]:
            counts[f"{'+' if result['passed'] else '-'} {result['name']}"] += 1
    return counts


def shown_item(row: Mapping[str, Any], eval_id: str) -> dict[str, Any]:
    """``OutputItem``."""
    body = json.loads(row["body"])
    sample = body["sample"] or {}
    told = {"code": "error", "message": body["error"]} if body.get("error") else None
    return {
        "id": row["id"],
        "object": "eval.run.output_item",
        "created_at": unix(row["created_at"]),
        "run_id": row["run"],
        "eval_id": eval_id,
        "status": row["status"],
        "datasource_item_id": row["number"],
        "datasource_item": body["datasource_item"],
        "results": body["results"],
        "sample": {
            "input": sample.get("input") or [],
            "output": [{"role": "assistant", "content": sample.get("output_text")}],
            "model": sample.get("model") or "",
            "error": told,
            "finish_reason": "stop",
        },
    }


def no_eval(id_: str) -> Fault:
    return Fault(404, f"Eval {id_[:60]} was not found.", code="not_found", param="eval_id")


def no_run(id_: str) -> Fault:
    return Fault(404, f"Eval run {id_[:60]} was not found.", code="not_found", param="run_id")
