"""The ten questions before anybody trains, each answered from measurement where it can be.

"yes" always means: as training needs it. What a question cannot know it says, with the key of the task file
that would tell it. The order is that of the checklist people know; ``counsel`` weighs the answers.
"""

from __future__ import annotations

from collections.abc import Callable

from whet.advise.known import PROMPTING, Answer, Known, Question
from whet.advise.worth import volume
from whet.config_scorers import FormatScorer, RulesScorer, SchemaScorer
from whet.evaluate.failures import FORM

FEW, FEW_A_LABEL, FEW_TEST = 50, 8, 100
"""Training examples in all, of the median label, and held-out ones below which nobody should begin:
the lower ends of the table in docs/when-to-tune.md."""
NOISY = 0.05
"""Share of wrong labels, by the lower end of its interval, from which data are mended first."""
QUARREL = 0.05
"""Share of rows with the same input and another output, likewise."""
AGREE = 0.4
"""Cohen's kappa of annotators below which there is nothing to learn yet."""
MOSTLY = 0.5
SOME = 0.2
"""Share of replies right to the letter from which that is a measure."""


FORMS = (FormatScorer, RulesScorer, SchemaScorer)


def ask_all(known: Known) -> list[Answer]:
    """The ten answers, in order."""
    return [question(known) for question in QUESTIONS]


def measurable(known: Known) -> Answer:
    task, told = known.task, known.task.advice.measurable
    ask = Question("measurable success", "Can a good answer be told from a bad one?", "advice.measurable")
    quarrel = known.finding("consistent.annotators")
    if quarrel and quarrel["figures"].get("kappa", 1.0) < AGREE:
        fix = "write the rule down until two people agree; no rung can learn a quarrel."
        return ask.no(f"Your annotators do not agree: {quarrel['what']}", fix)
    if told is not None:
        fix = "write down what a good output is (`success`), and a scorer that can tell (`metric`)."
        return ask.told("yes" if told else "no", f"You say {'yes' if told else 'no'}.", fix)
    if task.kind != "write" or not isinstance(task.metric, str) or known.repeats:
        return ask.yes(f"By {task.metric_name.replace('_', '-')}: the same {_noun(known)} or another.")
    if known.verdict and max(rung["value"] for rung in known.verdict["rungs"]) >= SOME:
        return ask.yes("By the same reply to the letter, which some rung writes.")
    fix = "name a scorer as `metric` (format, rules, chrf, a judge), and say in `success` what is good."
    said = (
        "No two replies are alike, and the metric asks for the same reply to the letter: it measures nothing."
    )
    return ask.no(said, fix)


def _noun(known: Known) -> str:
    return {"classify": "label", "extract": "value", "write": "reply"}[known.task.kind]


def examples(known: Known) -> Answer:
    ask = Question("examples", "Are there enough examples, right and consistent?")
    if known.refused:
        return ask.no(known.refused, f"collect at least {FEW} to learn from, and {FEW_TEST} to hold out.")
    if dirt := _dirty(known):
        return ask.no(dirt, "mend the data first: `whet repair`, then ask again.", dirty=1)
    train = known.sizes.train
    sides = f"{train:,} to learn from, {known.sizes.dev:,} to choose on, {known.sizes.test:,} held out"
    if train < FEW or 0 < known.fewest < FEW_A_LABEL:
        each = f", {known.fewest} of the median label" if known.fewest else ""
        fix = f"collect at least {FEW} to learn from, {FEW_A_LABEL} a label, before training."
        return ask.no(f"Too few: {sides}{each}.", fix, few=1)
    if known.check is None:
        return ask.unknown(f"Enough: {sides}. Whether they are right was not checked.", "run `whet check`.")
    return ask.yes(f"{sides[:1].upper()}{sides[1:]}; the check finds no fault that must be mended first.")


def _dirty(known: Known) -> str:
    """What is wrong with the examples, where it must be mended before anything else."""
    if known.check is None:
        return ""
    errors = known.finding("accurate.label-errors")
    if errors and errors["figures"]["noise_low"] > NOISY:
        return str(errors["what"])
    quarrel = known.finding("consistent.contradiction")
    if known.task.kind != "write" and quarrel and len(quarrel["rows"]) > QUARREL * known.check["rows"]:
        return str(quarrel["what"])
    blocking = [f for f in known.check["findings"] if f["severity"] == "blocks" and not f["accepted"]]
    return next((str(f["what"]) for f in blocking if f["standard"] not in ("privacy safe", "split")), "")


def prompting(known: Known) -> Answer:
    ask = Question("prompting is not enough", "Do prompt, examples in it and a strict template fall short?")
    if known.verdict is None:
        return ask.unknown("Not measured.", "climb the ladder: `whet run`.")
    verdict, winner = known.verdict, known.winner
    if winner is None:
        more = verdict["more_examples_needed"]
        fix = f"about {more:,} more held-out examples would probably decide." if more else "widen the margin."
        return ask.unknown(str(verdict["sentence"]).split(". ")[0] + ".", fix)
    if winner in PROMPTING and verdict["target_met"] != "no":
        return ask.no(str(verdict["sentence"]).split(". ")[0] + ".", f"use `{winner}`.", enough=winner)
    if winner in PROMPTING:
        fix = "look at what fails (the report), and at the examples; nothing that was measured is better."
        return ask.unknown(f"`{winner}` is as good as anything measured, and misses the target.", fix)
    if not any(name in PROMPTING[2:] for name in known.rungs):
        return ask.unknown("No rung that prompts was measured.", "add `prompt` to `rungs` and run again.")
    return ask.yes(str(verdict["sentence"]).split(". ")[0] + ".")


def behaviour(known: Known) -> Answer:
    ask = Question(
        "behaviour, not knowledge",
        "Are answers wrong in manner, and not for want of a fact that could be looked up?",
        "advice.knowledge",
    )
    told, found = known.task.advice.knowledge, known.lacking
    if found is not None and found.rows:
        of = f"wrong answers of `{found.rung}` on dev" if found.rung else "outputs of dev"
        shares = {what: found.count(what) for what in ("fact", "elsewhere", "behaviour")}
        said = (
            f"Of {len(found.rows):,} {of}, {shares['fact']:,} lack a fact that stands in the documents, "
            f"{shares['elsewhere']:,} one that stands nowhere, {shares['behaviour']:,} are behaviour "
            f"({found.how})."
        )
        if shares["fact"] + shares["elsewhere"] > MOSTLY * len(found.rows):
            fix = "retrieve the passages; facts in weights go stale and cannot be cited."
            if shares["elsewhere"] > shares["fact"]:
                fix = "let a tool look the values up; no text of the task holds them."
            return ask.no(said, fix, **shares)
        return ask.yes(said, **shares)
    if told is not None:
        fix = "put the facts where they can be retrieved (`knowledge`)."
        return ask.told("no" if told else "yes", f"You say that they are {'facts' if told else 'not'}.", fix)
    if known.task.kind == "classify":
        return ask.yes("A label is decided, not looked up.")
    if known.repeats:
        return ask.yes("The same answers come again and again: one is chosen, not looked up.")
    return ask.unknown("Without documents or a run it cannot be measured.", "say `advice.knowledge`.")


def strict(known: Known) -> Answer:
    ask = Question("strict format", "Is there a form or manner to keep, that no template keeps already?")
    if broken := _form_broken(known):
        fix = "hold answers to their form first: add `template` to `rungs`."
        return ask.no(f"{broken} A template mends that without training.", fix, template=1)
    if known.task.kind != "write":
        form = {"classify": "one of the labels", "extract": "JSON with its fields"}[known.task.kind]
        return ask.yes(
            f"Every answer is {form}. A template keeps it too: question 4 says whether that is enough."
        )
    task = known.task
    named: list[str] = [s.score for s in (task.metric, *task.scorers) if isinstance(s, FORMS)]
    named += ["pattern"] if task.pattern else []
    if named:
        return ask.yes(f"Yes, by {', '.join(named)}. Question 4 says whether a template keeps it.")
    return ask.yes("The task names none: the manner is that of the approved replies.")


def _form_broken(known: Known) -> str:
    """How many wrong answers of the best prompting rung fail in form, where they are most of them."""
    name = known.best_prompting
    if name is None or "template" in known.rungs or known.verdict is None:
        return ""
    failed = known.verdict.get("failures", {}).get(name, {"wrong": 0, "kinds": []})
    form = sum(group["count"] for group in failed["kinds"] if group["kind"] in FORM)
    if form <= MOSTLY * failed["wrong"] or not form:
        return ""
    return f"{form:,} of {failed['wrong']:,} wrong answers of `{name}` fail in form."


def held_out(known: Known) -> Answer:
    ask = Question("held-out evaluation", "Is enough held out to see whether training helped?")
    if known.standard("split") == "blocks":
        return ask.no("What is held out leaks into what is learned.", "mend the split; see the check.")
    n = known.sizes.test
    if known.verdict is not None and known.winner is not None:
        return ask.yes(f"{n:,} held-out examples were enough to decide.")
    if known.verdict is not None:
        more = known.verdict["more_examples_needed"]
        fix = (
            f"hold out about {more:,} more." if more else "widen the margin; more examples would not decide."
        )
        return ask.no(f"{n:,} held-out examples could not decide.", fix)
    if n < FEW_TEST:
        return ask.no(f"{n:,} are held out: too few to see ten points.", f"hold out at least {FEW_TEST}.")
    return ask.yes(f"{n:,} are held out.")


def monitored(known: Known) -> Answer:
    ask = Question("resources to monitor", "Who looks at answers after the release?", "advice.reviewer")
    hours = f"{known.task.costs.review_hours:g} h before each release are counted"
    if name := known.task.advice.reviewer:
        return ask.told("yes", f"{name}; {hours}.")
    fix = "name somebody who does the job and can say what a good output is."
    return ask.unknown("Nobody is named.", fix)


def private(known: Known) -> Answer:
    ask = Question("privacy", "May everything in the examples be learned?", "advice.privacy_cleared")
    if known.check is None:
        return ask.unknown("The examples were not checked.", "run `whet check`.")
    found = [f for f in known.check["findings"] if f["standard"] == "privacy safe" and not f["accepted"]]
    secrets = [f for f in found if f["severity"] == "blocks"]
    if found and (secrets or not known.task.advice.privacy_cleared):
        said = " ".join(str(f["what"]) for f in found)
        fix = "redact: `whet repair --redact`; weights cannot unlearn a person, only be trained again."
        return ask.no(said, fix)
    if found:
        return ask.told("yes", "Personal data are in the examples, and you say that they may be learned.")
    return ask.yes("The check finds no personal data and no secrets.")


def fair(known: Known) -> Answer:
    ask = Question("bias", "Do groups of people fare alike?", "advice.affects_people")
    told, groups = known.task.advice.affects_people, known.task.check.groups
    found = [f for f in (known.check or {}).get("findings", []) if f["standard"] == "reviewed for bias"]
    said = " ".join(str(f["what"]) for f in found)
    if found and told is False:
        return ask.told("yes", f"You say that no answer can treat groups of people unlike. But: {said}")
    if found:
        fix = "look at these groups before training; where they do not matter, say `affects_people: false`."
        return ask.no(said, fix)
    if groups and known.check is not None:
        return ask.yes(f"No gap is seen between the groups of {', '.join(groups)}.")
    if told is False:
        return ask.told("yes", "You say that no answer can treat groups of people unlike.")
    fix = "name the columns of people's groups in `check.groups`."
    if told:
        return ask.no("You say that answers can treat people unlike, and no groups are named.", fix)
    return ask.unknown("No groups are named.", f"{fix[:-1]}, or say `advice.affects_people: false`.")


QUESTIONS: tuple[Callable[[Known], Answer], ...] = (
    volume,
    measurable,
    examples,
    prompting,
    behaviour,
    strict,
    held_out,
    monitored,
    private,
    fair,
)
