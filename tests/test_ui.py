"""The web application through its front door: who may what, what a form needs, what is escaped and refused.

What a browser does with the pages stands in ``test_ui_browser.py``.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import inspect

import whet
from tests.releases import APPROVER, TRAINER, copy_of, pass_gate, small_run
from tests.serving import until
from tests.uisite import HOSTILE, NAME, RELEASE, TASK, Pages, furnish, log, site_of
from whet.cli.progress import progress
from whet.config_monitor import Monitoring
from whet.database import reading, writing
from whet.errors import InputError
from whet.monitor.forget import forget
from whet.monitor.review import Queue
from whet.monitor.stretches import ends_of, stretch, watched
from whet.monitor.traffic import Traffic
from whet.monitor.watch import alarms
from whet.release.keys import ROLES, Keys
from whet.release.registry import Registry
from whet.release.verify import verify
from whet.runs import now
from whet.web import work
from whet.web.app import ROUTERS
from whet.web.frame import POLICY
from whet.web.reviewing import labels_of
from whet.web.running import REPORT_POLICY
from whet.web.shelf import folder_of, page_of
from whet.web.visitors import DOING


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.getbasetemp())


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    """Pages of an empty folder, without keys."""
    return Pages(site_of(tmp_path))


@pytest.fixture
def keyed(tmp_path: Path) -> dict[str, Pages]:
    """Pages as each role sees them."""
    return roles_of(tmp_path)


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pages]:
    """The same, for tests that change nothing."""
    return roles_of(tmp_path_factory.mktemp("roles"))


def roles_of(folder: Path) -> dict[str, Pages]:
    site = site_of(folder)
    keys = Keys(site.home)
    names = {"approver": APPROVER, "trainer": TRAINER}
    secrets = {role: keys.add(names.get(role, f"the {role}"), role, by="test")[1] for role in ROLES}
    found = {role: Pages(site) for role in ROLES}
    for role, secret in secrets.items():
        found[role].log_in(secret)
    return found


# The door.


def test_without_keys_the_machine_s_own_user_may_all_but_approve(pages: Pages, made: Path) -> None:
    for path in ("/", "/new", "/releases", "/log"):
        assert pages.get(path).status_code == 200
    copy_of(made, pages.site.folder / "desk")
    assert pages.post("/runs/desk/release", rung="floor").status_code == 303
    refused = pages.post("/releases/small-tickets@1/approve")
    assert refused.status_code == 403
    assert "whet key add" in refused.text
    assert [one.state for one in Registry(pages.site.home).releases()] == ["candidate"]


def test_a_foreign_host_or_origin_is_refused(pages: Pages) -> None:
    assert pages.get("/", headers={"host": "evil.example"}).status_code == 421
    for origin in ("http://evil.example", "http://localhost:3000", "null"):
        assert pages.post_from({"origin": origin}, "/logout").status_code == 403
    assert pages.post_from({"sec-fetch-site": "same-site"}, "/logout").status_code == 403
    assert pages.post_from({"origin": "http://localhost"}, "/logout").status_code == 303


def test_every_form_needs_its_token(pages: Pages) -> None:
    """Also forms that a later version brings: the door asks, not the route."""
    every = [route for router in ROUTERS for route in router.routes]
    forms = [route for route in every if "POST" in getattr(route, "methods", ())]
    assert len(forms) > 5
    for route in forms:
        path = re.sub(r"\{.*?\}", "x", str(getattr(route, "path", "")))
        for token in ("", "0" * 64):
            answer = pages.client.post(f"{path}?form={token}", data={"form": token}, follow_redirects=False)
            assert answer.status_code == 403, path
        assert any(path.startswith(start) for start, _ in DOING) or path == "/login", path


def test_another_s_cookie_does_not_fit_a_form(pages: Pages, tmp_path: Path) -> None:
    other = Pages(pages.site)
    answer = pages.client.post("/logout", data={"form": other.form()}, follow_redirects=False)
    assert answer.status_code == 403


def test_what_is_on_no_list_is_not_done(pages: Pages) -> None:
    assert pages.post("/somewhere").status_code == 404
    assert pages.client.put("/", data={}).status_code == 405
    assert pages.get("/nothing-here").status_code == 404


def test_a_form_has_a_size(pages: Pages) -> None:
    assert pages.post("/logout", much="x" * (1 << 20)).status_code == 413


def test_pages_may_load_their_own_and_nothing_else(pages: Pages) -> None:
    answer = pages.get("/")
    assert answer.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", answer.text)


# Roles.


def test_who_is_not_known_is_asked_for_a_key(roles: dict[str, Pages]) -> None:
    site = roles["viewer"].site
    stranger = Pages(site)
    answer = stranger.get("/releases")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?to=/releases")
    assert stranger.post("/releases/x/approve").status_code == 401
    assert stranger.log_in("whet-wrong").status_code == 401
    assert stranger.get("/").status_code == 303


def test_a_key_for_programs_opens_no_pages(roles: dict[str, Pages]) -> None:
    assert roles["client"].get("/").status_code == 303


@pytest.mark.parametrize("role", ["viewer", "reviewer", "approver", "trainer"])
def test_a_role_sees_and_does_what_it_may(roles: dict[str, Pages], role: str) -> None:
    pages, may = roles[role], ROLES[role]
    home = pages.get("/")
    assert home.status_code == 200
    for path, action in (("/new", "train"), ("/log", "view"), ("/beside", "ask"), ("/review", "review")):
        assert (pages.get(path).status_code == 403) == (action not in may), path
        assert (f'href="{path}"' in home.text) == (action in may), path
    for path, action in (("/releases/x/approve", "approve"), ("/runs/x/release", "train"), ("/new", "train")):
        assert (pages.post(path).status_code == 403) == (action not in may), path


def test_a_revoked_key_and_a_log_out_end_a_session(keyed: dict[str, Pages]) -> None:
    pages = keyed["viewer"]
    assert pages.post("/logout").status_code == 303
    assert pages.get("/").status_code == 303
    other = keyed["trainer"]
    assert other.get("/").status_code == 200
    Keys(other.site.home).revoke(TRAINER, by="test")
    assert other.get("/").status_code == 303


def test_keys_that_come_later_shut_the_door(pages: Pages) -> None:
    assert pages.get("/").status_code == 200
    Keys(pages.site.home).add("Ana", "viewer", by="test")
    assert pages.get("/").status_code == 303
    Keys(pages.site.home).revoke("Ana", by="test")
    assert pages.get("/").status_code == 303  # the last key's end must not let everybody in


def test_a_login_leads_to_this_application_only(roles: dict[str, Pages]) -> None:
    site = roles["viewer"].site
    _, secret = Keys(site.home).add("Bo", "viewer", by="test")
    for to in ("//evil.example", "https://evil.example", "/\\evil.example"):
        assert Pages(site).log_in(secret, to=to).headers["location"] == "/"
    assert Pages(site).log_in(secret, to="/log").headers["location"] == "/log"


# Releases and the log.


def test_the_approver_is_whom_the_key_names(keyed: dict[str, Pages], made: Path) -> None:
    trainer, approver = keyed["trainer"], keyed["approver"]
    site = trainer.site
    pass_gate(copy_of(made, site.folder / "desk"), site.home)
    for _ in range(2):
        assert trainer.post("/runs/desk/release", rung="floor").status_code == 303
    for id_ in ("small-tickets@1", "small-tickets@2"):
        assert approver.post(f"/releases/{id_}/approve", by="Somebody Else").status_code == 303
        assert approver.post(f"/releases/{id_}/live").status_code == 303
    assert [one.approved_by for one in site.releases()] == [APPROVER] * 2
    assert approver.post("/releases/small-tickets/rollback", why="wrong").status_code == 303
    assert {one.id: one.state for one in site.releases()} == {
        "small-tickets@1": "live",
        "small-tickets@2": "retired",
    }
    text = keyed["viewer"].get("/releases").text
    assert "small-tickets@1" in text
    assert "Roll back" not in text
    told = keyed["viewer"].get("/log").text
    assert "Nothing was changed" in told
    assert told.index("release.rolled_back") < told.index("release.approved")
    assert verify(site.home).ok


def test_who_trained_it_does_not_approve_it(keyed: dict[str, Pages], made: Path) -> None:
    approver, site = keyed["approver"], keyed["approver"].site
    run = copy_of(made, site.folder / "desk")
    pass_gate(run, site.home)
    Registry(site.home).add(run, "floor", trained_by=APPROVER)
    refused = approver.post("/releases/small-tickets@1/approve")
    assert refused.status_code == 409
    assert "somebody else has to approve it" in refused.text
    assert "somebody else approves it" in approver.get("/releases").text


def test_a_changed_log_is_shown_as_changed(keyed: dict[str, Pages]) -> None:
    site = keyed["viewer"].site
    path = site.home / "audit.jsonl"
    path.write_text(path.read_text().replace('"viewer"', '"trainer"', 1))
    text = keyed["viewer"].get("/log").text
    assert "The log was changed" in text
    assert "key.added" in text


# Runs and their pages.


def test_runs_stand_with_their_verdict_and_pages(pages: Pages, made: Path) -> None:
    copy_of(made, pages.site.folder / "desk")
    verdict = json.loads((made / "06-verdict.json").read_text())
    home, run = pages.get("/").text, pages.get("/runs/desk").text
    assert "Decisive" in home
    for rung in verdict["rungs"]:
        assert rung["name"] in run
    assert str(verdict["winner"]) in run
    other = pages.site.folder / "desk" / "08-evidence-tune+retrieve.html"
    other.write_text("of another rung")
    assert "Evidence of tune+retrieve" in pages.get("/runs/desk").text
    assert pages.get("/runs/desk/pages/08-evidence-tune+retrieve.html").text == "of another rung"
    report = pages.get("/runs/desk/pages/07-report.html")
    assert report.content == (made / "07-report.html").read_bytes()
    assert report.headers["content-security-policy"] == REPORT_POLICY
    assert REPORT_POLICY.startswith("sandbox")


def test_a_run_s_name_and_words_are_escaped(pages: Pages) -> None:
    folder = pages.site.folder / HOSTILE.replace("/", "")
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(
        json.dumps({"steps": {}, "task": {"task": HOSTILE}, "command": HOSTILE})
    )
    (folder / "07-report.html").write_text("mine")
    for path in ("/", f"/runs/{folder.name}"):
        answer = pages.get(path)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "&lt;script&gt;" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/runs/..%2F..%2Fsecret/pages/07-report.html",
        "/runs/%2e%2e/pages/07-report.html",
        "/runs/desk/pages/manifest.json",
        "/runs/desk/pages/..%2F..%2Fsecret%2F07-report.html",
        "/runs/linked/pages/07-report.html",
        "/runs/desk/pages/08-evidence.html",
        "/runs/desk/pages/08-evidence-..html",
        "/runs/notours/pages/07-report.html",
    ],
)
def test_files_outside_the_folder_are_refused(pages: Pages, path: str) -> None:
    folder, secret = pages.site.folder, pages.site.folder.parent / "secret"
    for run in (folder / "desk", secret, folder / "notours"):
        run.mkdir(parents=True)
        (run / "07-report.html").write_text("hidden")
    for run in (folder / "desk", secret):
        (run / "manifest.json").write_text('{"steps": {}}')
    (folder / "linked").symlink_to(secret)
    (folder / "desk" / "08-evidence.html").symlink_to(secret / "07-report.html")
    assert (
        pages.get("/runs/desk/pages/07-report.html").text == "hidden"
    )  # the control: what is inside is served
    answer = pages.get(path)
    assert answer.status_code in (400, 404)
    assert "hidden" not in answer.text


def test_the_shelf_refuses_by_itself(tmp_path: Path) -> None:
    """Whatever an address becomes on its way: names that are no names lead nowhere."""
    for name in ("..", ".", "", "a/b", "a\\b", "a\0b", "/etc"):
        with pytest.raises(InputError):
            folder_of(tmp_path, name)
        with pytest.raises(InputError):
            page_of(tmp_path, name, "07-report.html")


def test_damaged_folders_do_not_hide_the_others(pages: Pages) -> None:
    for name, text in {"half": "{", "list": "[]", "odd": '{"steps": {}}'}.items():
        folder = pages.site.folder / name
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(text)
        (folder / "06-verdict.json").write_text('{"rungs": 3}')
    answer = pages.get("/")
    assert answer.status_code == 200
    assert all(name in answer.text for name in ("half", "list", "odd"))
    assert pages.get("/runs/odd").status_code == 200


# What was uploaded.


def upload(pages: Pages, file: str, content: bytes, path: str = "/new", **fields: str) -> Any:
    at = f"{path}?form={pages.form()}"
    return pages.client.post(at, data=fields, files={"file": (file, content)}, follow_redirects=False)


@pytest.mark.parametrize("name", ["task.yaml", "../../evil.csv.sh", "", "a.py"])
def test_only_examples_are_taken(pages: Pages, name: str) -> None:
    assert upload(pages, name, b"x").status_code == 400
    assert not (pages.site.home / "web").exists()


def test_a_run_s_name_is_a_folder_s(pages: Pages) -> None:
    for name in ("../x", "a/b", "-x", "x" * 65, "."):
        assert upload(pages, "t.csv", b"text,label\n", name=name).status_code == 400


# Reviewing.


def queued(pages: Pages, many: int) -> Queue:
    """A queue of requests that were answered refund, login or parcel; the first one is hostile."""
    traffic = Traffic(pages.site.home, Monitoring(keep="whole", reviewed=0.0, double=0.0))
    log(traffic, many)
    queue = Queue(traffic)
    queue.add([(row, ["uncertain"]) for row in traffic.since()])
    return queue


def the_item(pages: Pages) -> dict[str, str]:
    """The form of the item that a reviewer has before them."""
    text = pages.get(f"/review/next?task={TASK}").text
    return {
        name: found[1]
        for name in ("seat", "key")
        if (found := re.search(rf'name="{name}" value="(\w+)"', text))
    }


def test_a_hostile_request_is_only_text(pages: Pages) -> None:
    queued(pages, 2)
    text = pages.get(f"/review/next?task={TASK}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert" not in text
    assert "<img src=x" not in text


def test_a_decision_is_the_key_s_own_and_written_once(keyed: dict[str, Pages]) -> None:
    reviewer = keyed["reviewer"]
    queue = queued(reviewer, 3)
    item = the_item(reviewer)
    for _ in range(2):
        answer = reviewer.post("/review/decide", task=TASK, choice="parcel", reviewer="somebody", **item)
        assert answer.status_code == 303
    (decision,) = queue.decisions(TASK)
    assert (decision.reviewer, decision.verdict, decision.output) == ("the reviewer", "correct", "parcel")
    assert the_item(reviewer)["seat"] != item["seat"]


def test_what_somebody_else_decided_is_passed_over(pages: Pages) -> None:
    queue = queued(pages, 2)
    item = the_item(pages)
    queue.decide(int(item["seat"]), NAME, "accept", key="k" * 20)
    answer = pages.post("/review/decide", task=TASK, verdict="reject", **item)
    assert answer.status_code == 200
    assert "passed over" in answer.text
    assert [one.verdict for one in queue.decisions(TASK)] == ["accept"]


def test_wrong_decisions_are_refused_in_words(pages: Pages) -> None:
    queue = queued(pages, 1)
    item = the_item(pages)
    for wrong in ({"verdict": "maybe"}, {"verdict": "correct"}, {"verdict": "accept", "key": "1"}):
        answer = pages.post("/review/decide", task=TASK, **{**item, **wrong})
        assert answer.status_code == 400
        assert "That was not done" in answer.text
    assert queue.decisions(TASK) == []


def test_many_labels_are_chosen_by_two_digits_and_replies_are_not(pages: Pages) -> None:
    assert labels_of(pages.site, TASK) == []
    queue = queued(pages, 30)
    assert labels_of(pages.site, TASK) == ["login", "parcel", "refund"]
    for n in range(12):
        item = queue.next(TASK, "Ana")
        assert item
        queue.decide(item.seat, "Ana", "correct", key=f"key-{n:05}", output=f"label {n:02}")
    text = pages.get(f"/review/next?task={TASK}").text
    assert 'data-digits="2"' in text
    assert 'data-number="01"' in text
    item = queue.next(TASK, "Ana")
    assert item
    queue.decide(item.seat, "Ana", "correct", key="key-long", output="a reply " * 10)
    assert labels_of(pages.site, TASK) == []


# Watching.


def test_figures_by_stretch_are_those_of_the_rows(pages: Pages) -> None:
    """Held against the rows themselves, whichever way the borders fall."""
    log(Traffic(pages.site.home, Monitoring(keep="whole")), 200, hours=30)
    traffic = pages.site.traffic
    rows = list(traffic.since(release=RELEASE))
    (found,) = watched(traffic.engine)
    assert (found.release, found.first, found.last, found.looked) == (
        RELEASE,
        rows[0].time,
        rows[-1].time,
        "",
    )
    ends = ends_of(found.first, found.last, 12)
    assert len(ends) <= 14
    assert ends[0] <= rows[0].time
    assert ends[-1] > rows[-1].time
    with reading(traffic.engine) as connection:
        parts = [stretch(connection, RELEASE, *pair) for pair in pairwise(ends)]
    for part in parts:
        mine = [row for row in rows if part.start <= row.time < part.end]
        assert part.rows == len(mine) > 0
        assert part.confidence == pytest.approx(sum(row.confidence or 0 for row in mine) / len(mine))
        labelled = [row for row in mine if row.truth is not None]
        assert (part.labelled, part.right) == (
            len(labelled),
            sum(row.truth == row.output for row in labelled),
        )
        said = [row.feedback for row in mine if row.feedback is not None]
        assert part.good == (pytest.approx(sum(said) / len(said)) if said else None)
    assert sum(part.rows for part in parts) == 200


def test_an_older_store_gets_the_indexes(pages: Pages) -> None:
    engine = Traffic(pages.site.home).engine
    with writing(engine) as connection:
        connection.exec_driver_sql("DROP INDEX seats_by_reviewer")
    names = {one["name"] for one in inspect(pages.site.traffic.engine).get_indexes("review_seats")}
    assert "seats_by_reviewer" in names


def test_who_may_not_review_closes_no_alarm(keyed: dict[str, Pages], made: Path) -> None:
    site = keyed["viewer"].site
    furnish(site, made)
    assert "Close the alarm" not in keyed["viewer"].get(f"/watch/{RELEASE}").text
    assert keyed["viewer"].post(f"/watch/{RELEASE}/close", alarm="1").status_code == 403
    assert keyed["reviewer"].post("/watch/other@1/close", alarm="1").status_code == 400
    assert keyed["reviewer"].post(f"/watch/{RELEASE}/close", alarm="1").status_code == 303
    assert alarms(site.traffic)[0].closed


# Side by side.


def test_two_specialists_answer_beside_each_other(pages: Pages, made: Path) -> None:
    copy_of(made, pages.site.folder / "desk")
    asked = {
        "first": "run:desk/floor",
        "second": "run:desk/fewshot",
        "text": "where is my parcel? it has not come",
    }
    text = pages.post("/beside", **asked).text
    floor, fewshot = (
        whet.load(made / "04-rungs" / rung).predict([asked["text"]])[0] for rung in ("floor", "fewshot")
    )
    told = re.findall(r'<p class="said" dir="auto">(.*?)</p>', text)
    assert str(floor.output) in told[0]
    assert str(fewshot.output) in told[1]
    assert ("They differ" in text) == (floor.output != fewshot.output)
    for wrong in ("run:../secret/floor", "run:desk/../../x", "release:none@1", ""):
        assert pages.post("/beside", **{**asked, "second": wrong}).status_code == 400
    assert pages.post("/beside", **{**asked, "text": " "}).status_code == 400


def test_a_specialist_that_reaches_outside_is_not_asked(pages: Pages, made: Path) -> None:
    run = copy_of(made, pages.site.folder / "desk")
    card = run / "04-rungs" / "floor" / "specialist.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "command": ["touch", "/tmp/never"]}))
    asked = {"first": "run:desk/floor", "second": "run:desk/floor", "text": "hello"}
    answer = pages.post("/beside", **asked)
    assert answer.status_code in (400, 409)
    assert "runs the command" in answer.text


# Work that a page starts.


def begun(pages: Pages, *arguments: str) -> str:
    told = work.Work(work.new_id(), "run", "none", "t.csv", arguments, NAME, now())
    return work.begin(pages.site.home, told).id


def stands(pages: Pages, id_: str, *states: str) -> work.Standing:
    assert until(lambda: work.standing(pages.site.home, id_).state in states, 60), work.standing(
        pages.site.home, id_
    )
    return work.standing(pages.site.home, id_)


def test_a_work_ends_with_what_the_command_said(pages: Pages) -> None:
    good, bad = begun(pages, "--version"), begun(pages, "card", "--nonsense")
    assert stands(pages, good, "done").over
    assert any("nonsense" in line for line in stands(pages, bad, "failed").lines)
    text = pages.get(f"/work/{bad}").text
    assert "Go on" in text
    assert "data-over" in pages.get(f"/work/{good}/now").text


def test_works_wait_stop_survive_their_worker_and_go_on(pages: Pages, tmp_path: Path) -> None:
    """Two commands that never end by themselves; one waits for the other's turn."""
    endless = ("ui", str(tmp_path), "--store", str(tmp_path / "other"), "--port", "0", "--json")
    first, second = begun(pages, *endless), ""
    result = work.folder_of(pages.site.home, first) / "result.json"
    assert until(lambda: result.exists() and result.stat().st_size, 60)
    (work.folder_of(pages.site.home, first) / "progress.json").write_text(
        '{"what": "at it", "done": 3, "total": 9}'
    )
    assert "at it" in pages.get(f"/work/{first}/now").text
    second = begun(pages, "--version")
    assert until(lambda: work.standing(pages.site.home, second).what == "waiting for another", 60)
    for process in psutil.process_iter(["cmdline"]):
        if (
            process.info["cmdline"]
            and "whet.web.worker" in process.info["cmdline"]
            and first in process.info["cmdline"][-1]
        ):
            child = process.children()[0]
            process.kill()
    assert (
        work.standing(pages.site.home, first).state == "running"
    )  # the command lives on, and holds the lock
    assert stands(pages, second, "done")
    child.kill()
    stands(pages, first, "interrupted")
    assert pages.post(f"/work/{first}/again").status_code == 303
    assert until(lambda: result.stat().st_size, 60)
    assert pages.post(f"/work/{first}/stop").status_code == 303
    stands(pages, first, "stopped")


def test_progress_stands_in_a_file_for_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "progress.json"
    monkeypatch.setenv("WHET_PROGRESS", str(file))
    with progress() as shown:
        shown.tell("tune: epoch 1", 3, 10)
    assert {**json.loads(file.read_text()), "seconds": 0} == {
        **{"what": "tune: epoch 1", "done": 3, "total": 10, "seconds": 0, "left": None}
    }


def test_a_file_becomes_the_command_that_a_terminal_would_run(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "start", lambda folder: None)
    answer = upload(pages, "My tickets (2).csv", b"text,label\na,b\n", name="desk", output="--label")
    found = work.find(pages.site.home, answer.headers["location"].rpartition("/")[2])
    kept, out = found.arguments[1], found.arguments[3]
    assert found.arguments == ("run", kept, "--out", out, "--output=--label", "--json")
    assert Path(kept).read_bytes() == b"text,label\na,b\n"
    assert Path(kept).name == "My-tickets-2.csv"
    assert Path(out) == pages.site.folder.resolve() / "desk"
    checked = upload(pages, "t.csv", b"x", path="/checks")
    assert work.find(pages.site.home, checked.headers["location"].rpartition("/")[2]).arguments[0] == "check"
    (pages.site.folder / "desk").mkdir()
    assert upload(pages, "t.csv", b"x", name="desk").status_code == 400


def test_what_was_sent_is_named_when_a_person_is_forgotten(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "start", lambda folder: None)
    upload(pages, "t.csv", b"text,label\nwrite to ana.lopez@example.com,mail\n")
    found = forget(pages.site.home, "ana.lopez@example.com", [], by="test", pretend=True)
    assert [Path(path).name for path in found.holding] == ["t.csv"]
