"""Jobs, events and checkpoints as OpenAI's API shows them; which key is there, and under which name.

Source: the types of OpenAI's Python client (``openai.types.fine_tuning``). Knows rows, and changes none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from whet.serve.jobs.rows import unix, unix_or_none

ORGANIZATION = "org-local"


def job(row: Mapping[str, Any]) -> dict[str, Any]:
    """``FineTuningJob``."""
    asked = json.loads(row["request"])
    settings = hyperparameters(asked)
    method = {"type": "supervised", "supervised": {"hyperparameters": settings}}
    done = row["status"] == "succeeded"
    return {
        "id": row["id"],
        "object": "fine_tuning.job",
        "created_at": unix(row["created_at"]),
        "finished_at": unix_or_none(row["finished_at"]),
        "estimated_finish": None,
        "status": row["status"],
        "error": json.loads(row["error"]) if row["error"] else None,
        "model": asked["model"],
        "fine_tuned_model": row["fine_tuned_model"] if done else None,
        "organization_id": ORGANIZATION,
        "training_file": asked["training_file"],
        "validation_file": asked["validation_file"],
        "result_files": json.loads(row["result_files"]),
        "trained_tokens": row["trained_tokens"],
        "hyperparameters": settings,
        "method": method,
        "seed": row["seed"],
        "metadata": asked["metadata"],
        "integrations": [],
        "user_provided_suffix": asked["suffix"],
    }


def hyperparameters(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Those that hold: the method's, or the older ones beside it."""
    supervised = (asked.get("method") or {}).get("supervised") or {}
    given = supervised.get("hyperparameters") or asked.get("hyperparameters") or {}
    names = ("n_epochs", "batch_size", "learning_rate_multiplier")
    return {name: given.get(name, "auto") for name in names}


def event(row: Mapping[str, Any]) -> dict[str, Any]:
    """``FineTuningJobEvent``."""
    return {
        "id": row["id"],
        "object": "fine_tuning.job.event",
        "created_at": unix(row["created_at"]),
        "level": row["level"],
        "message": row["message"],
        "type": row["type"],
        "data": json.loads(row["data"]),
    }


def checkpoint(row: Mapping[str, Any]) -> dict[str, Any]:
    """``FineTuningJobCheckpoint``."""
    return {
        "id": row["id"],
        "object": "fine_tuning.job.checkpoint",
        "created_at": unix(row["created_at"]),
        "fine_tuning_job_id": row["job"],
        "fine_tuned_model_checkpoint": row["name"],
        "step_number": row["step"],
        "metrics": json.loads(row["metrics"]),
    }
