"""Evals and their runs: criteria over the rows of a file, graded item by item, with counts.

    eval (schema, criteria) -> run (rows; answers asked of a model, or there already) -> items -> counts

A run goes on on a thread of the server; one that the server's end has interrupted is told as failed when it
is looked at. A model is asked through a function that the server brings. Source: OpenAI's Evals API. Knows no
model.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from whet.database import reading, writing
from whet.errors import WhetError
from whet.serve.faults import Fault, bad, unsupported
from whet.serve.jobs.asked import NewEval, NewRun
from whet.serve.jobs.evals_shown import counts_of, no_eval, no_run, shown, shown_item, shown_run
from whet.serve.jobs.files import Files
from whet.serve.jobs.graders import Asks, check_criterion, check_messages, filled, grade, text_of
from whet.serve.jobs.rows import found, new_id, now, page
from whet.serve.jobs.tables import EVALS, ITEMS, RUNS
from whet.serve.shapes import readable

if TYPE_CHECKING:
    from sqlalchemy import Engine

MOST_ROWS = 10_000
LIVE = ("queued", "in_progress")
Answers = Callable[[str, Sequence[Mapping[str, str]]], str]
"""(model, messages) -> the answer's text."""


class Evals:
    """The evals of a store."""

    def __init__(self, engine: Engine, files: Files) -> None:
        self._engine, self._files = engine, files
        self.answers: Answers | None = None
        """Asks a model that is served here; None: none can be asked."""
        self.asks: Asks | None = None
        """Asks one for a label."""
        self._here: dict[str, threading.Thread] = {}

    def create(self, asked: NewEval, *, owner: str) -> dict[str, Any]:
        """A new eval.

        Raises:
            Fault: a source or a criterion that is not graded here.
        """
        from sqlalchemy import insert

        config = asked.data_source_config
        if config.get("type") != "custom" or not isinstance(config.get("item_schema"), dict):
            raise unsupported(
                "data_source_config is of the type 'custom', with an item_schema.", "data_source_config"
            )
        for number, criterion in enumerate(asked.testing_criteria):
            check_criterion(criterion, number)
        row = {"id": new_id("eval_"), "created_at": now(), "owner": owner, "body": asked.model_dump_json()}
        with writing(self._engine) as connection:
            connection.execute(insert(EVALS).values(row))
        return shown(row)

    def listed(self, *, after: str | None, limit: int, order: str) -> dict[str, Any]:
        with reading(self._engine) as connection:
            return page(connection, EVALS, shown, after=after, limit=limit, order=order)

    def show(self, id_: str) -> dict[str, Any]:
        with reading(self._engine) as connection:
            return shown(found(connection, EVALS, id_, no_eval(id_)))

    def delete(self, id_: str) -> dict[str, Any]:
        """Remove an eval, its runs and their items."""
        from sqlalchemy import delete, select

        with writing(self._engine) as connection:
            found(connection, EVALS, id_, no_eval(id_))
            runs = select(RUNS.c.id).where(RUNS.c.eval == id_)
            connection.execute(delete(ITEMS).where(ITEMS.c.run.in_(runs)))
            connection.execute(delete(RUNS).where(RUNS.c.eval == id_))
            connection.execute(delete(EVALS).where(EVALS.c.id == id_))
        return {"object": "eval.deleted", "deleted": True, "eval_id": id_}

    def run(self, eval_id: str, asked: NewRun) -> dict[str, Any]:
        """Start a run.

        Raises:
            Fault: rows that there are not, or a source that nothing here reads.
        """
        from sqlalchemy import insert

        criteria = self.show(eval_id)["testing_criteria"]
        rows = self._rows(asked.data_source)
        row: dict[str, Any] = {
            "id": new_id("evalrun_"),
            "eval": eval_id,
            "created_at": now(),
            "status": "queued",
        }
        row |= {"body": asked.model_dump_json(), "error": None, "stop": False}
        with writing(self._engine) as connection:
            connection.execute(insert(RUNS).values(row))
        id_ = str(row["id"])
        thread = threading.Thread(
            target=self._work, args=(id_, criteria, asked.data_source, rows), name=id_, daemon=True
        )
        self._here[id_] = thread
        thread.start()
        return self.show_run(eval_id, id_)

    def runs(self, eval_id: str, *, after: str | None, limit: int, order: str) -> dict[str, Any]:
        with reading(self._engine) as connection:
            found(connection, EVALS, eval_id, no_eval(eval_id))
            where = RUNS.c.eval == eval_id
            return page(
                connection,
                RUNS,
                lambda row: shown_run(row, counts_of(connection, row["id"])),
                where,
                after=after,
                limit=limit,
                order=order,
            )

    def show_run(self, eval_id: str, id_: str) -> dict[str, Any]:
        self._lost(id_)
        with reading(self._engine) as connection:
            row = found(connection, RUNS, id_, no_run(id_))
            if row["eval"] != eval_id:
                raise no_run(id_)
            return shown_run(row, counts_of(connection, id_))

    def cancel(self, eval_id: str, id_: str) -> dict[str, Any]:
        from sqlalchemy import update

        self.show_run(eval_id, id_)
        with writing(self._engine) as connection:
            live = (RUNS.c.id == id_, RUNS.c.status.in_(LIVE))
            connection.execute(update(RUNS).where(*live).values(status="canceled", stop=True))
        return self.show_run(eval_id, id_)

    def delete_run(self, eval_id: str, id_: str) -> dict[str, Any]:
        """Remove a run and its items."""
        from sqlalchemy import delete

        self.cancel(eval_id, id_)
        with writing(self._engine) as connection:
            connection.execute(delete(ITEMS).where(ITEMS.c.run == id_))
            connection.execute(delete(RUNS).where(RUNS.c.id == id_))
        return {"object": "eval.run.deleted", "deleted": True, "run_id": id_}

    def items(self, eval_id: str, id_: str, *, after: str | None, limit: int, order: str) -> dict[str, Any]:
        self.show_run(eval_id, id_)
        with reading(self._engine) as connection:
            where = ITEMS.c.run == id_
            return page(
                connection,
                ITEMS,
                lambda row: shown_item(row, eval_id),
                where,
                after=after,
                limit=limit,
                order=order,
            )

    def _lost(self, id_: str) -> None:
        """A run whose thread is gone with an earlier server has failed."""
        from sqlalchemy import update

        if id_ in self._here:
            return
        said = json.dumps(
            {"code": "interrupted", "message": "The server ended while this ran: start it again."}
        )
        with writing(self._engine) as connection:
            live = (RUNS.c.id == id_, RUNS.c.status.in_(LIVE))
            connection.execute(update(RUNS).where(*live).values(status="failed", error=said))

    def _rows(self, source: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Items, each with the sample that it brings."""
        kind, given = source.get("type"), source.get("source")
        if kind not in ("jsonl", "completions") or not isinstance(given, Mapping):
            raise unsupported(
                "data_source is of the type 'jsonl' or 'completions', with a source.", "data_source"
            )
        if given.get("type") == "file_content":
            content = given.get("content")
            rows = content if isinstance(content, list) else []
        elif given.get("type") == "file_id":
            rows = self._of_file(str(given.get("id")))
        else:
            raise unsupported("Rows come from file_content or file_id.", "data_source.source")
        good = rows and len(rows) <= MOST_ROWS and all(isinstance(r, dict) and "item" in r for r in rows)
        if not good:
            raise bad(f'1 to {MOST_ROWS:,} rows are needed, each {{"item": ...}}.', "data_source.source")
        if kind == "completions":
            self._askable(source)
        return list(rows)

    def _askable(self, source: Mapping[str, Any]) -> None:
        """Whether a model can be asked in this way."""
        if self.answers is None:
            raise unsupported("No model can be asked here.", "data_source.model")
        given, at = source.get("input_messages"), "data_source.input_messages"
        if not isinstance(given, Mapping) or "template" not in given:
            raise unsupported("input_messages is a template of messages.", at)
        check_messages(given["template"], f"{at}.template")
        if source.get("sampling_params"):
            raise unsupported(
                "Answers are asked for as they come: without sampling_params.", "data_source.sampling_params"
            )

    def _of_file(self, id_: str) -> list[Any]:
        try:
            lines = self._files.get(id_).path.read_text(encoding="utf-8").split("\n")
            return [readable(json.loads(line)) for line in lines if line.strip()]
        except (ValueError, RecursionError):
            raise bad("The file is no JSONL.", "data_source.source.id") from None

    def _work(
        self, id_: str, criteria: Sequence[Mapping[str, Any]], source: Mapping[str, Any], rows: Sequence[Any]
    ) -> None:
        """Grade every row; a row that fails counts as an error, the run goes on."""
        if not self._set(id_, "in_progress"):
            return
        try:
            for number, row in enumerate(rows):
                status, body = self._graded(criteria, source, row)
                if not self._keep(id_, number, status, body):
                    return
        except Exception as error:  # a run must end: what nobody foresaw is told like any other failure
            self._set(id_, "failed", json.dumps({"code": "server_error", "message": type(error).__name__}))
            raise
        self._set(id_, "completed")

    def _graded(
        self, criteria: Sequence[Mapping[str, Any]], source: Mapping[str, Any], row: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        item = row["item"]
        body: dict[str, Any] = {"datasource_item": item, "results": [], "sample": row.get("sample")}
        try:
            if source["type"] == "completions":
                body["sample"] = self._sample(source, item)
            results = [grade(one, item, body["sample"] or {}, self.asks) for one in criteria]
        except (Fault, WhetError) as error:
            return "error", {**body, "error": str(error)[:500]}
        body["results"] = [result.as_dict() for result in results]
        return ("pass" if all(one.passed for one in results) else "fail"), body

    def _sample(self, source: Mapping[str, Any], item: Any) -> dict[str, Any]:
        """The model's answer to an item."""
        assert self.answers is not None
        known, template = {"item": item}, source["input_messages"]["template"]
        messages = [
            {"role": str(m.get("role", "user")), "content": filled(text_of(m["content"]), known)}
            for m in template
        ]
        model = str(source.get("model"))
        text = self.answers(model, messages)
        return {"model": model, "input": messages, "output_text": text}

    def _set(self, id_: str, status: str, error: str | None = None) -> bool:
        """Move a run on that still goes on; whether it did."""
        from sqlalchemy import update

        with writing(self._engine) as connection:
            live = (RUNS.c.id == id_, RUNS.c.status.in_(LIVE))
            return bool(
                connection.execute(update(RUNS).where(*live).values(status=status, error=error)).rowcount
            )

    def _keep(self, id_: str, number: int, status: str, body: Mapping[str, Any]) -> bool:
        """Write an item down; whether the run still goes on."""
        from sqlalchemy import insert, select

        row = {"id": new_id("outputitem_"), "run": id_, "created_at": now(), "number": number}
        with writing(self._engine) as connection:
            if connection.execute(select(RUNS.c.status).where(RUNS.c.id == id_)).scalar() not in LIVE:
                return False
            connection.execute(insert(ITEMS).values({**row, "status": status, "body": json.dumps(body)}))
        return True
