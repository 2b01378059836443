"""A fine-tuning walk-through as OpenAI's guide has it, against whatever server the environment names.

    OPENAI_BASE_URL=... OPENAI_API_KEY=... python tests/walkthrough.py MYDATA.jsonl "a user's message"

Upload, create a job, poll it, list its events, chat with the model, stream, structured output, logprobs. It
imports the official client and nothing of whet, and prints one JSON object of what it saw.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from openai import OpenAI
from pydantic import BaseModel

SYSTEM = "Name the queue that a ticket belongs to."


class Routing(BaseModel):
    """What an application wants of an answer."""

    queue: str


def main(data: Path, text: str) -> None:
    client = OpenAI()

    file = client.files.create(file=data.open("rb"), purpose="fine-tune")

    job = client.fine_tuning.jobs.create(
        training_file=file.id,
        model="gpt-4o-mini-2024-07-18",
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}},
    )

    # Poll the job until it has ended.
    while job.status not in ("succeeded", "failed", "cancelled"):
        time.sleep(1)
        job = client.fine_tuning.jobs.retrieve(job.id)

    # List up to 100 events from a fine-tuning job.
    events = client.fine_tuning.jobs.list_events(fine_tuning_job_id=job.id, limit=100)
    messages = [event.message for event in events.data]
    if job.fine_tuned_model is None:
        raise SystemExit(f"{job.status}: {job.error} {messages}")
    model = job.fine_tuned_model

    asked: Any = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
    completion = client.chat.completions.create(model=model, messages=asked, max_tokens=16)

    stream: Any = client.chat.completions.create(model=model, messages=asked, max_tokens=16, stream=True)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)

    parsed = client.chat.completions.parse(
        model=model, messages=asked, max_tokens=48, response_format=Routing
    )

    scored: Any = client.chat.completions.create(
        model=model, messages=asked, max_tokens=16, logprobs=True, top_logprobs=2
    )
    told = scored.choices[0].logprobs
    found = {
        "model": model,
        "events": messages,
        "answer": completion.choices[0].message.content,
        "streamed": streamed,
        "parsed": parsed.choices[0].message.parsed.model_dump() if parsed.choices[0].message.parsed else None,
        "logprobs": [token.logprob for token in told.content] if told and told.content else [],
        "beside": [len(token.top_logprobs) for token in told.content] if told and told.content else [],
        "models": [one.id for one in client.models.list()],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
