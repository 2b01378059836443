"""Guards the task file: what is wrong in it is said with its line, before anything is done."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from whet.config import Task, load_task, task_from
from whet.config_parts import Cost
from whet.errors import InputError
from whet.records import Label

PLAIN = """\
task: tickets
examples: tickets.csv
fields:
  input: text
  output: queue
"""
VALUES: dict[str, Any] = {
    "task": "tickets",
    "examples": "tickets.csv",
    "fields": {"input": "text", "output": "queue"},
}


def load(tmp_path: Path, more: str = "", plain: str = PLAIN) -> Task:
    path = tmp_path / "task.yaml"
    path.write_text(plain + more, encoding="utf-8")
    return load_task(path)


def refused(tmp_path: Path, more: str = "", plain: str = PLAIN) -> str:
    """What the user is told, without the folder."""
    with pytest.raises(InputError) as caught:
        load(tmp_path, more, plain)
    assert caught.value.exit_code == 2
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_five_lines_are_a_task_with_defaults(tmp_path: Path) -> None:
    task = load(tmp_path)
    assert (task.task, task.kind, task.metric, task.margin_value) == (
        "tickets",
        "classify",
        "accuracy",
        0.02,
    )
    assert (task.split.test, task.split.dev, task.rungs, task.seed) == (0.25, 0.1, "auto", 0)


def test_the_mapping_and_the_file_give_the_same_task(tmp_path: Path) -> None:
    assert load(tmp_path) == task_from(VALUES)


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    assert load(tmp_path, plain="\ufeff" + PLAIN).task == "tickets"


# Unknown keys.


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_key(tmp_path: Path) -> None:
    assert refused(tmp_path, "lables: [a, b]\n") == (
        "task.yaml:6: lables: unknown key. Did you mean 'labels'?"
    )


def test_an_unknown_key_inside_a_section_is_named_with_its_path(tmp_path: Path) -> None:
    more = "split:\n  test: 0.2\n  groupby: customer\n"
    assert refused(tmp_path, more) == ("task.yaml:8: split.groupby: unknown key. Did you mean 'group_by'?")


def test_an_unknown_key_inside_a_cost_matrix_is_named_with_its_line(tmp_path: Path) -> None:
    more = "margin: 1\nmetric:\n  cost: {a: {b: 2}}\n  defualt: 3\n"
    said = refused(tmp_path, more)
    assert "task.yaml:9: metric.defualt: unknown key. Did you mean 'default'?" in said


def test_an_unknown_key_near_nothing_gets_the_list_of_keys(tmp_path: Path) -> None:
    assert "unknown key. Known: task, kind, examples" in refused(tmp_path, "zzzz: 1\n")


@pytest.mark.parametrize("word", ["str", "float", "list", "Cost", "labels[0]"])
def test_an_unknown_key_that_looks_like_a_type_is_still_a_key(tmp_path: Path, word: str) -> None:
    assert f"task.yaml:6: {word}: unknown key." in refused(tmp_path, f"'{word}': 1\n")


def test_several_faults_are_told_together(tmp_path: Path) -> None:
    said = refused(tmp_path, "seed: x\nlables: [a, b]\n")
    assert "2 things are wrong" in said
    assert "task.yaml:6: seed:" in said
    assert "task.yaml:7: lables:" in said


# Bad values.


@pytest.mark.parametrize("share", ["0", "1", "1.5", "-0.1", "0.9", ".nan", "true"])
def test_a_share_must_leave_something_on_both_sides(tmp_path: Path, share: str) -> None:
    said = refused(tmp_path, f"split:\n  test: {share}\n")
    assert "task.yaml:6: split: test: a share must be above 0 and below 0.9" in said


def test_a_side_may_be_a_file_of_its_own(tmp_path: Path) -> None:
    assert load(tmp_path, "split: {test: held-out.csv}\n").split.test == "held-out.csv"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("margin: -1\n", "task.yaml:6: margin: input should be greater than or equal to 0. Got -1."),
        ("margin: .nan\n", "task.yaml:6: margin:"),
        ("seed: -1\n", "task.yaml:6: seed:"),
        ("monthly_volume: 0\n", "task.yaml:6: monthly_volume:"),
        ("kind: new\n", "task.yaml:6: kind: input should be 'classify', 'extract' or 'write'. Got 'new'."),
        (
            "metric: f2\n",
            "task.yaml:6: metric: must be a metric's name or a cost matrix. Known: accuracy, macro_f1.",
        ),
        ("metric: macro-f1\n", "Did you mean 'macro_f1'? Got 'macro-f1'."),
        ("margin: 3\n", "task.yaml:6: margin: must be a share, at most 1: 3 percent is 0.03. Got 3."),
        ("target: 90\n", "task.yaml:6: target: must be a share, at most 1: 90 percent is 0.9. Got 90."),
        ("rungs: []\n", "rungs: the list is empty"),
        ("costs: {label_seconds: -5}\n", "task.yaml:6: costs.label_seconds:"),
        ("rare_labels: keep\n", "task.yaml:6: rare_labels:"),
    ],
)
def test_a_bad_value_is_named_with_its_line(tmp_path: Path, more: str, said: str) -> None:
    assert said in refused(tmp_path, more)


# Labels.


def test_labels_as_a_list(tmp_path: Path) -> None:
    assert load(tmp_path, "labels: [bill, 7]\n").labels == [Label("bill"), Label("7")]


def test_labels_as_a_run_keeps_them_are_read_again(tmp_path: Path) -> None:
    task = load(tmp_path, "labels:\n  bill: invoices and refunds\n  ship:\n")
    assert Task.model_validate(task.model_dump(mode="json")).labels == task.labels


def test_labels_as_a_mapping_carry_their_descriptions(tmp_path: Path) -> None:
    more = "labels:\n  bill: invoices and refunds\n  ship:\n"
    assert load(tmp_path, more).labels == [Label("bill", "invoices and refunds"), Label("ship")]


def test_a_label_listed_twice_is_refused(tmp_path: Path) -> None:
    assert "labels: 'bill' is listed twice" in refused(tmp_path, "labels: [bill, ship, bill]\n")


def test_a_label_described_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    more = "labels:\n  bill: invoices\n  ship: parcels\n  bill: refunds\n"
    assert "task.yaml:9: 'bill' is already at line 7." in refused(tmp_path, more)


def test_one_label_is_no_choice(tmp_path: Path) -> None:
    assert "a choice needs two" in refused(tmp_path, "labels: [bill]\n")


@pytest.mark.parametrize("labels", ["[yes, no]", "{on: switched, off: not}", "[null, bill]"])
def test_a_label_that_yaml_takes_for_another_thing_must_be_quoted(tmp_path: Path, labels: str) -> None:
    said = refused(tmp_path, f"labels: {labels}\n")
    assert "task.yaml:6: labels: a label must be a text" in said
    assert "put it in quotes" in said


def test_a_quoted_yes_is_a_label(tmp_path: Path) -> None:
    assert load(tmp_path, "labels: ['yes', 'no']\n").labels == [Label("yes"), Label("no")]


@pytest.mark.parametrize("labels", ["bill", "[[bill], ship]", "3"])
def test_labels_of_another_shape_are_refused(tmp_path: Path, labels: str) -> None:
    assert "task.yaml:6: labels: " in refused(tmp_path, f"labels: {labels}\n")


# Cost matrix.

MATRIX = "metric:\n  cost:\n    fraud: {fine: 50}\n"


def test_a_cost_matrix_needs_a_margin_in_its_own_unit(tmp_path: Path) -> None:
    assert "a cost matrix needs `margin`" in refused(tmp_path, MATRIX)


def test_a_cost_matrix_with_a_margin(tmp_path: Path) -> None:
    task = load(tmp_path, MATRIX + "margin: 0.5\n")
    assert task.metric == Cost(cost={"fraud": {"fine": 50.0}})
    assert (task.metric_name, task.margin_value) == ("cost", 0.5)


def test_a_cost_matrix_is_not_for_sets_of_labels(tmp_path: Path) -> None:
    said = refused(tmp_path, MATRIX + "margin: 0.5\nmulti_label: true\n")
    assert "not multi_label" in said


# What you have today.


@pytest.mark.parametrize(
    "existing", ["command: [python, old.py]", "url: http://127.0.0.1:1", "predictions: old.csv"]
)
def test_existing_takes_any_one_of_the_three(tmp_path: Path, existing: str) -> None:
    assert load(tmp_path, f"existing: {{{existing}}}\n").existing is not None


@pytest.mark.parametrize(
    ("existing", "got"),
    [("usd_per_1k: 2", "none"), ("url: http://a, predictions: b.csv", "['url', 'predictions']")],
)
def test_existing_takes_exactly_one(tmp_path: Path, existing: str, got: str) -> None:
    said = refused(tmp_path, f"existing: {{{existing}}}\n")
    assert f"give exactly one of command, url, predictions (got {got})" in said


# Files that are no task.


def test_bad_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    said = refused(tmp_path, "labels: [a, b\nseed: 1\n")
    assert said.startswith("task.yaml:7: is not valid YAML:")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "- a\n- b\n", "just words\n", "42\n"])
def test_what_is_not_a_mapping_is_refused(tmp_path: Path, text: str) -> None:
    assert "a task file is a mapping of keys to values" in refused(tmp_path, plain=text)


@pytest.mark.parametrize("key", ["task", "examples", "fields"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    without = {name: value for name, value in VALUES.items() if name != key}
    with pytest.raises(InputError, match=rf"{key}: is required\."):
        task_from(without)


def test_a_missing_key_inside_a_section_is_named_with_the_line_of_the_section(
    tmp_path: Path,
) -> None:
    plain = "task: t\nexamples: a.csv\nfields:\n  input: text\n"
    assert refused(tmp_path, plain=plain) == "task.yaml:3: fields.output: is required."


def test_a_key_given_twice_is_refused_rather_than_the_last_one_taken(tmp_path: Path) -> None:
    assert "task.yaml:6: 'task' is already at line 1." in refused(tmp_path, "task: other\n")


def test_an_alias_that_leads_back_to_itself_is_refused(tmp_path: Path) -> None:
    assert "task.yaml:6: models" in refused(tmp_path, "models: &a [*a]\n")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: no such file"):
        load_task(tmp_path / "none.yaml")


def test_a_folder_is_no_task_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read: Is a directory"):
        load_task(tmp_path)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "task.yaml"
    path.write_bytes("task: Aufträge\n".encode("latin-1"))
    with pytest.raises(InputError, match="is not UTF-8"):
        load_task(path)


def test_what_the_page_of_the_task_file_shows_is_a_task() -> None:
    """Every YAML block of docs/task-file.md, on a task of the kind that it is for."""
    page = (Path(__file__).resolve().parent.parent / "docs" / "task-file.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        kind = "write" if "scorers:" in block else "classify"
        task_from({**VALUES, "kind": kind, **yaml.safe_load(block)})
