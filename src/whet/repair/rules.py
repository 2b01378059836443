"""The rules of ``whet repair``, in the order in which they apply; each is one small function.

A rule takes all rows that stand and gives back those that go on, with one record for every change. The
order is such that no rule makes work for one before it, so that repairing twice is repairing once: labels
are settled before spellings are counted, texts are tidied before personal data is looked for, and
duplicates are judged by what will be written. Rules copy no row and change none in place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from whet.check.places import Path, at, leaves, like, named, names_in, put, renamed, text_of
from whet.check.subject import labels_of
from whet.check.tidy import one_spelling, tidy
from whet.repair.items import Change, Choices, Context, Item, Rule, Step
from whet.repair.merging import balance, exact_duplicates, near_duplicates
from whet.repair.review import SPELLING, same_output

if TYPE_CHECKING:
    from whet.check.findings import Flag
    from whet.repair.decisions import Decision

TIDIED = "white space, invisible characters, broken encoding or Unicode form"
SPELLED = "one output, written many ways: the most frequent one wins"


def broken(items: Sequence[Item], context: Context) -> Step:
    """Rows that cannot be read are no items: they are only noted here."""
    return list(items), [
        Change(found.source, found.field, found.value, None, "broken", f"{found.rule} {found.fix}".strip())
        for found in context.subject.broken
    ]


def decision(items: Sequence[Item], context: Context) -> Step:
    """Rows go, stay or change as a person decided."""
    staying, log = list[Item](), list[Change]()
    for item in items:
        made = context.decided.get(item.row)
        if item.row in context.kept:
            why = context.kept[item.row]
            log.append(context.change(item, "", item.input, item.input, "decision", why))
            item = replace(item, kept=True, settled=True)
        if made is None:
            staying.append(item)
        elif made.verdict == "drop":
            log.append(context.change(item, "", item.input, None, "decision", made.reason))
        else:
            new, changes = _decided(item, made, context)
            staying.append(new)
            log += changes
    return staying, log


def _decided(item: Item, made: Decision, context: Context) -> tuple[Item, list[Change]]:
    """A row with the output, and the input where it was edited, that a person wrote."""
    log = []
    if made.output is not None and made.output != item.output:
        item, change = _answered(item, made.output, context, "decision", made.reason)
        log.append(change)
    path = context.choices.places.of_input(item.values, item.input)
    if made.input is not None and path is not None:
        log.append(context.change(item, named(path), item.input, made.input, "decision", made.reason))
        item = replace(item, values=put(item.values, path, made.input), input=made.input)
    return replace(item, settled=True), log


def _answered(item: Item, output: str, context: Context, rule: str, why: str) -> tuple[Item, Change]:
    """The row with another output. Only for rows whose output has a place."""
    path = context.choices.places.of_output(item.values, item.output)
    assert path is not None
    value = like(at(item.values, path), output, context.subject.separator)
    change = context.change(item, named(path), item.output, output, rule, why)
    return replace(item, values=put(item.values, path, value), output=output), change


def relabel(items: Sequence[Item], context: Context) -> Step:
    """Proposed labels that the user accepted; what a person decided stands."""
    accepted = dict(accepted_labels(context))
    staying, log = list[Item](), list[Change]()
    for item in items:
        label, why = accepted.get(item.row, (item.output, ""))
        placed = context.choices.places.of_output(item.values, item.output)
        if placed and label != item.output and not item.settled:
            item, change = _answered(item, label, context, "relabel", why)
            log.append(change)
        staying.append(item)
    return staying, log


def accepted_labels(context: Context) -> Iterator[tuple[int, tuple[str, str]]]:
    """Row to its new label and why, the surest proposal last."""
    choices = context.choices
    for finding in context.report.findings:
        least = choices.accept.get(finding.check.split(".")[-1], float("inf"))
        for flag in sorted(finding.flags, key=_score):
            taken = _score(flag) >= least or context.subject.source(flag.row) in choices.accept_rows
            if taken and flag.proposal is not None and flag.field == "output":
                yield flag.row, (flag.proposal, f"{finding.check}, score {_score(flag):.2f}: accepted")


def _score(flag: Flag) -> float:
    """How sure a proposal is; a check that does not rank rows is sure."""
    return 1.0 if flag.score is None else float(flag.score)


def normalise(items: Sequence[Item], context: Context) -> Step:
    """One way to write every text, and one spelling for an output that is written many ways."""
    tidied, log = list[Item](), list[Change]()
    edges = _edges(items)
    for item in items:
        values = item.values
        for path, leaf in leaves(item.values):
            start, end = edges.get(path, ("", ""))
            if isinstance(leaf, str) and (new := f"{start}{tidy(leaf)}{end}") != leaf and leaf.strip():
                values = put(values, path, new)
                log.append(context.change(item, named(path), leaf, new, "normalise", TIDIED))
        tidied.append(replace(item, values=values, input=tidy(item.input), output=tidy(item.output)))
    spelled, more = _spelled(tidied, context)
    return spelled, log + more


def _edges(items: Sequence[Item]) -> dict[Path, tuple[str, str]]:
    """White space at the ends that every text of a column shares: the way of this file, not a fault.

    Older prompt files end each prompt with line breaks and begin each completion with a blank.
    """
    found: dict[Path, set[tuple[str, str]]] = defaultdict(set)
    for item in items:
        for name, text in item.values.items():
            if isinstance(text, str) and text.strip():
                start, end = len(text) - len(text.lstrip(" \n")), len(text.rstrip(" \n"))
                found[(name,)].add((text[:start], text[end:]))
    return {path: next(iter(edges)) for path, edges in found.items() if len(edges) == 1}


def _spelled(items: Sequence[Item], context: Context) -> Step:
    """Proposed writings of the same JSON first, then the most frequent spelling of what is left."""
    subject, separator = context.subject, context.subject.separator
    items, log = _rewritten(items, context)
    parts = [labels_of(item.output, separator) for item in items]
    winners = one_spelling((p for part in parts for p in part), subject.kind, subject.labels or ())
    staying = []
    for item, part in zip(items, parts, strict=True):
        if any(p in winners for p in part) and context.choices.places.of_output(item.values, item.output):
            new = (separator or "").join(dict.fromkeys(winners.get(p, p) for p in part))
            item, change = _answered(item, new, context, "normalise", SPELLED)
            log.append(change)
        staying.append(item)
    return staying, log


def _rewritten(items: Sequence[Item], context: Context) -> Step:
    """Answers as most rows write them, where the check proposes a writing of the very same JSON."""
    subject = context.subject
    flags = [f for found in context.report.findings if found.check == SPELLING for f in found.flags]
    proposed = {flag.row: flag.proposal for flag in flags if same_output(flag, subject)}
    staying, log = list[Item](), list[Change]()
    for item in items:
        new = proposed.get(item.row)
        as_it_was = item.output == tidy(subject.outputs[item.row])
        if new and as_it_was and context.choices.places.of_output(item.values, item.output):
            item, change = _answered(item, tidy(new), context, "normalise", SPELLED)
            log.append(change)
        staying.append(item)
    return staying, log


def redact(items: Sequence[Item], context: Context) -> Step:
    """Stand-ins for personal data in every column; the log says type and stand-in, never the value."""
    redactor = context.redactor
    assert redactor is not None
    redactor.learn(part for item in items for part in (item.values, item.input, item.output))
    staying, log = list[Item](), list[Change]()
    for item in items:
        values = item.values
        for path, leaf in leaves(item.values):
            finds = redactor.finds(text_of(leaf)) if path[0] not in redactor.keep else []
            if finds:
                values = put(values, path, redactor.text(text_of(leaf)))
                column = redactor.text(named(path))
                log += [context.change(item, column, t, s, "redact", "personal data") for t, s in finds]
        if any(redactor.spans(name) for name in names_in(values)):
            values = renamed(values, redactor.text)
        texts = redactor.text(item.input), redactor.text(item.output)
        staying.append(replace(item, values=values, input=texts[0], output=texts[1]))
    return staying, log


RULES: tuple[Rule, ...] = (
    Rule("broken", "rows that cannot be read leave to rejects.jsonl", True, broken),
    Rule("decision", "rows go, stay or change as a person decided", True, decision),
    Rule("relabel", "proposed labels that were accepted", False, relabel),
    Rule("normalise", "one way to write a text, one spelling for an output", True, normalise),
    Rule("redact", "stand-ins for personal data, the same for the same", True, redact),
    Rule("exact-duplicates", "same input and output: the first stays", True, exact_duplicates),
    Rule("near-duplicates", "near input, same output: the longest stays", False, near_duplicates),
    Rule("balance", "a weight for every row, so that labels count alike", False, balance),
)


def active(choices: Choices) -> tuple[Rule, ...]:
    """The rules that were asked for, in their order."""
    asked = {
        "decision": bool(choices.decisions),
        "relabel": bool(choices.accept or choices.accept_rows),
        "redact": choices.redacting is not None,
    }
    return tuple(rule for rule in RULES if asked.get(rule.name, rule.name in choices.rules))
