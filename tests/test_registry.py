"""Releases: nothing that is unapproved, altered or retired gets out, by whatever way it is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Whet
from tests.releases import APPROVER, TRAINER, approved, copy_of, pass_gate, put_forward, small_run
from tests.spoilt import SPOILT, Spoil, file_of, good, relabel, retired, unapproved
from whet.errors import InputError, Refused
from whet.release import audit, checked, kept
from whet.release.keys import ROLES, Keys
from whet.release.made_of import files_of_base
from whet.release.registry import Registry
from whet.rungs.base import load_specialist
from whet.store import read_json, write_json


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.getbasetemp())


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "store")


def test_the_way_of_a_release(registry: Registry, run: Path) -> None:
    pass_gate(run, registry.home, "fewshot")
    one = registry.add(run, trained_by=TRAINER)  # the verdict's winner
    assert (one.id, one.state, one.rung) == ("small-tickets@1", "candidate", "fewshot")
    one = registry.approve(one.id, by=APPROVER)
    assert (one.state, one.approved_by) == ("approved", APPROVER)
    assert set(one.bound) >= {"specialist", "base", "data", "evaluation", "policy", "gate"}
    assert registry.go_live(one.id, by=APPROVER).state == "live"
    release, specialist = registry.load("small-tickets")
    assert release.id == one.id
    assert [answer.output for answer in specialist.predict(["where is my parcel?"])] == ["parcel"]


def test_a_new_release_takes_over_and_one_command_brings_the_old_one_back(
    registry: Registry, run: Path
) -> None:
    first, second = approved(registry, run), approved(registry, run)
    assert registry.servable("small-tickets").id == second.id
    assert registry.find(first.id).state == "approved"
    assert registry.rollback("small-tickets", by=APPROVER, why="wrong").id == first.id
    assert registry.servable("small-tickets").id == first.id
    assert registry.find(second.id).state == "retired"
    with pytest.raises(Refused, match="nothing was live before"):
        registry.rollback("small-tickets", by=APPROVER)


def test_what_was_held_to_one_release_does_not_replace_another(registry: Registry, run: Path) -> None:
    first, second = approved(registry, run), approved(registry, run)
    third = registry.approve(put_forward(registry, run, "floor").id, by=APPROVER)
    with pytest.raises(Refused, match=f"was held to {first.id}, which is not live"):
        registry.go_live(third.id, by="the policy", instead_of=first.id)
    assert registry.servable("small-tickets").id == second.id
    assert registry.go_live(third.id, by="the policy", instead_of=second.id).state == "live"


def test_an_alias_leads_to_its_one_release(registry: Registry, run: Path) -> None:
    alias = "ft:encoder:team::job1"
    one = put_forward(registry, run, alias=alias)
    registry.approve(one.id, by=APPROVER)
    assert registry.servable(alias).id == one.id
    with pytest.raises(InputError, match="is taken"):
        registry.add(run, trained_by=TRAINER, alias=alias)
    for bad in ("small-tickets", "other@1", "", "a\nb:"):
        with pytest.raises(InputError, match="cannot be an alias"):
            registry.add(run, trained_by=TRAINER, alias=bad)


# --- who may approve ------------------------------------------------------------


@pytest.mark.parametrize("by", [TRAINER, "  tom   TRAINER ", "", "the policy"])
def test_nobody_approves_alone(registry: Registry, run: Path, by: str) -> None:
    one = put_forward(registry, run)
    with pytest.raises((Refused, InputError)):
        registry.approve(one.id, by=by)
    assert registry.find(one.id).state == "candidate"


def test_the_policy_says_who(registry: Registry, run: Path) -> None:
    registry.home.mkdir(exist_ok=True)
    policy = registry.home / "policy.yaml"
    policy.write_text("approval: {approvers: [Bo Ek], trainer_may_approve: true}\n")
    pass_gate(run, registry.home)
    one = registry.add(run, "floor", trained_by="Bo Ek")
    with pytest.raises(Refused, match="not among those"):
        registry.approve(one.id, by=APPROVER)
    assert registry.approve(one.id, by="bo ek").state == "approved"


def test_the_policy_may_approve_by_itself(registry: Registry, run: Path) -> None:
    (registry.home / "policy.yaml").write_text("approval: {automatic: true}\n")
    one = put_forward(registry, run)
    assert registry.approve_by_policy(one.id).approved_by == "the policy"


def test_the_stores_policy_cannot_be_swapped_for_another(
    registry: Registry, run: Path, tmp_path: Path
) -> None:
    (registry.home / "policy.yaml").write_text("approval: {approvers: [Bo Ek]}\n")
    other = tmp_path / "mine.yaml"
    other.write_text("approval: {trainer_may_approve: true}\n")
    one = put_forward(registry, run)
    with pytest.raises(Refused, match="policy of its own"):
        registry.approve(one.id, by=TRAINER, policy=other)


def test_a_bad_policy_names_its_line(registry: Registry, run: Path) -> None:
    (registry.home / "policy.yaml").write_text("approval:\n  aprovers: [Bo Ek]\n")
    one = registry.add(run, "floor", trained_by=TRAINER)
    with pytest.raises(InputError, match=r"policy.yaml:2: approval.aprovers: Did you mean 'approvers'"):
        registry.approve(one.id, by=APPROVER)


# --- the gate -------------------------------------------------------------------


def no_gate(registry: Registry, run: Path) -> None:
    (run / "09-gate.json").unlink(missing_ok=True)


def failed_gate(registry: Registry, run: Path) -> None:
    pass_gate(run, registry.home, passed=False)


def gate_of_another(registry: Registry, run: Path) -> None:
    pass_gate(run, registry.home, "fewshot")


def gate_under_another_policy(registry: Registry, run: Path) -> None:
    path = pass_gate(run, registry.home)
    write_json(path, {**read_json(path), "policy": "0" * 64})


def gate_on_other_evidence(registry: Registry, run: Path) -> None:
    write_json(run / "08-evidence.json", {"measures": []})
    path = pass_gate(run, registry.home)
    write_json(path, {**read_json(path), "evidence": {"file": "08-evidence.json", "sha256": "0" * 64}})


GATES = (no_gate, failed_gate, gate_of_another, gate_under_another_policy, gate_on_other_evidence)


@pytest.mark.parametrize("spoil", GATES)
def test_without_a_passed_gate_nothing_is_approved(
    registry: Registry, run: Path, tmp_path: Path, spoil: Callable[[Registry, Path], None]
) -> None:
    run = copy_of(run, tmp_path / "run")
    spoil(registry, run)
    one = registry.add(run, "floor", trained_by=TRAINER)
    with pytest.raises(Refused, match="gate"):
        registry.approve(one.id, by=APPROVER)
    with pytest.raises(Refused, match="nobody approved"):
        registry.servable(one.id)


# --- the matrix: unapproved, altered, retired, by every way --------------------


@pytest.mark.parametrize(("spoil", "rung"), SPOILT)
def test_what_is_unapproved_altered_or_retired_is_never_served(
    whet: Whet, registry: Registry, run: Path, spoil: Spoil, rung: str
) -> None:
    """By no name, no way of loading, no role's key (a key is no argument of loading) and no command."""
    secrets = [Keys(registry.home).add(role, role, by=APPROVER)[1] for role in ROLES]
    one = spoil(registry, run, rung)
    store = ("--store", registry.home)
    for command in (("live", one, "--by", APPROVER), ("rollback", "small-tickets", "--by", APPROVER)):
        assert whet(*command, *store).returncode == 1, command
    for secret in secrets:
        assert Keys(registry.home).check(secret)
        for asked in (one, "small-tickets", "ft:one"):
            for way in (registry.load, registry.hold):
                with pytest.raises(Refused):
                    way(asked)


def test_the_same_release_unspoilt_is_served(registry: Registry, run: Path) -> None:
    """The control: what the matrix refuses is refused for what was done to it."""
    one = good(registry, run, "floor")
    for asked in (one, "small-tickets", "ft:one"):
        release, specialist = registry.load(asked)
        assert release.id == one
        assert specialist.predict(["my refund please"])[0].output in {"parcel", "refund", "login"}


def test_without_the_check_of_digests_an_altered_file_would_be_loaded(
    registry: Registry, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the control."""
    one = good(registry, run, "floor")
    before = registry.load(one)[1].predict(["anything"])[0].output
    relabel(file_of(registry, one))

    def unchecked(source: Path, target: Path, files: object) -> None:
        shutil.copytree(source, target, dirs_exist_ok=True)

    monkeypatch.setattr("whet.release.checked.copy_checked", unchecked)
    assert registry.load(one)[1].predict(["anything"])[0].output != before


# --- swapped between check and load ---------------------------------------------


def test_a_file_swapped_after_the_check_is_not_what_is_loaded(
    registry: Registry, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = good(registry, run, "floor")
    before = registry.load(one)[1].predict(["anything"])[0].output

    def swap_then_load(folder: Path, *, outside: bool = False) -> Any:
        relabel(file_of(registry, one))
        return load_specialist(folder, outside=outside)

    monkeypatch.setattr(kept, "load_specialist", swap_then_load)
    _, specialist = registry.load(one)  # what was approved, although the store has other bytes by now
    assert specialist.predict(["anything"])[0].output == before
    with pytest.raises(Refused, match="not the file that was approved"):
        registry.load(one)


@pytest.mark.parametrize("way", ["written", "replaced", "and back"])
def test_a_base_that_changes_while_it_is_loaded_is_refused(
    registry: Registry, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Even if its old bytes are back when it is looked at again."""
    base = tmp_path / "base"
    name = registry.add(run, "fewshot", trained_by=TRAINER, name="other").bases[0].name
    original = files_of_base(name)
    for name, path in original.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, base / name)
    monkeypatch.setattr(checked, "files_of_base", lambda name: {n: base / n for n in original})
    one, target = good(registry, run, "fewshot"), base / "config.json"

    def swap_then_load(folder: Path, *, outside: bool = False) -> Any:
        before = target.read_bytes()
        if way == "replaced":
            (base / "new").write_bytes(before + b" ")
            (base / "new").replace(target)
        else:
            target.write_bytes(before + b" ")
        if way == "and back":
            target.write_bytes(before)
        return load_specialist(folder, outside=outside)

    registry.load(one)  # the control: untouched, it loads
    monkeypatch.setattr(kept, "load_specialist", swap_then_load)
    with pytest.raises(Refused, match="not the file that was approved"):
        registry.load(one)


# --- what goes in ---------------------------------------------------------------


def test_what_was_changed_after_it_was_measured_is_no_candidate(
    registry: Registry, run: Path, tmp_path: Path
) -> None:
    run = copy_of(run, tmp_path / "run")
    path = run / "04-rungs" / "fewshot" / "specialist.json"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(Refused, match="not what was measured"):
        registry.add(run, trained_by=TRAINER)


def test_between_adding_and_approving_nothing_may_change(registry: Registry, run: Path) -> None:
    one = unapproved(registry, run, "floor")
    path = file_of(registry, one)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(Refused, match="not the file that was approved"):
        registry.approve(one, by=APPROVER)


def test_wrong_use_is_said(registry: Registry, run: Path, tmp_path: Path) -> None:
    for folder, rung, name in ((tmp_path, "", ""), (run, "tune", ""), (run, "", "../up"), (run, "", "A B")):
        with pytest.raises(InputError):
            registry.add(folder, rung, trained_by=TRAINER, name=name)
    with pytest.raises(InputError, match="there is no release"):
        registry.servable("nothing")
    with pytest.raises(InputError, match="nobody is named"):
        registry.add(run, trained_by=" ")


def test_a_rung_may_be_named_by_its_folder(registry: Registry, run: Path) -> None:
    one = registry.add(run / "04-rungs" / "floor", trained_by=TRAINER)
    assert one.rung == "floor"
    assert one.bases == ()


def test_a_kill_between_log_and_table_gives_no_number_twice(
    registry: Registry, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = audit.append

    def then_killed(*args: Any, **more: Any) -> None:
        append(*args, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(audit, "append", then_killed)
    with pytest.raises(KeyboardInterrupt):
        registry.add(run, "floor", trained_by=TRAINER)
    monkeypatch.undo()
    assert registry.add(run, "floor", trained_by=TRAINER).id == "small-tickets@2"


def test_files_of_retired_releases_go_when_the_policy_says(registry: Registry, run: Path) -> None:
    one = retired(registry, run, "floor")
    assert registry.tidy(by=APPROVER) == []
    (registry.home / "policy.yaml").write_text("retention: {retired_days: 0}\n")
    before = registry.stamp()
    assert registry.tidy(by=APPROVER) == [one]
    assert registry.stamp() != before
    release = registry.find(one)
    assert not release.folder.exists()
    assert (release.evidence / "06-verdict.json").is_file()
    assert registry.tidy(by=APPROVER) == []


# --- trials and commands --------------------------------------------------------


def test_a_trial_is_for_this_machine_and_is_marked(registry: Registry, run: Path) -> None:
    release = registry.trial(run, host="127.0.0.1")
    assert release.trial
    assert registry.load_trial(release).predict(["my refund"])[0].output == "refund"
    for host in ("0.0.0.0", "::", "192.168.1.2", "example.org"):
        with pytest.raises(Refused, match="on this machine only"):
            registry.trial(run, host=host)


def test_the_commands_from_candidate_to_rollback(whet: Whet, run: Path, tmp_path: Path) -> None:
    home = tmp_path / "store"
    home.mkdir()
    pass_gate(run, home)
    store = ("--store", home)
    for number in (1, 2):
        made = whet.json("release", run, "--rung", "floor", "--trained-by", TRAINER, *store)
        assert made["id"] == f"small-tickets@{number}"
        whet.json("approve", made["id"], "--by", APPROVER, *store)
        whet.json("live", made["id"], "--by", APPROVER, *store)
    assert whet.json("rollback", "small-tickets", "--by", APPROVER, *store)["id"] == "small-tickets@1"
    whet.json("retire", "small-tickets@1", "--by", APPROVER, "--why", "old", *store)
    table = whet("releases", *store).stdout
    assert [line.split()[1] for line in table.splitlines()] == ["state", "retired", "retired"]
    head = tmp_path / "head.json"
    whet.json("log", "head", head, *store)
    assert whet.json("log", "verify", "--head", head, *store)["ok"] is True
    path = home / audit.FILE
    path.write_bytes(path.read_bytes().replace(b'"why":"old"', b'"why":"new"'))
    assert whet("log", "verify", *store).returncode == 1
    assert whet("releases", *store).returncode == 1


def test_a_training_by_itself_is_not_released(registry: Registry, tmp_path: Path) -> None:
    """No gate could be held to it; on trial it is served, which is the control that it is whole."""
    folder = tmp_path / "names"
    (folder / "weights").mkdir(parents=True)
    (folder / "weights" / "adapter.bin").write_bytes(b"0")
    write_json(folder / "card.json", {"task": "names"})
    with pytest.raises(Refused, match="no gate can be held to it") as caught:
        registry.add(folder, trained_by=TRAINER)
    assert "--trial" in caught.value.fix
    assert registry.releases() == []
    assert registry.trial(folder, host="127.0.0.1").trial
