"""``make prove``: the long measurements, written to docs/proofs/ with n, intervals, seeds and versions.

    python bench/prove.py [--data ../shared/data] [--only NAME] [--seeds 0,1,2]

Each proof can be made alone, by its name. It runs the command line as a user would and keeps what it printed,
with versions and the processor: seconds are true of that one. Data sets that are not at hand are named as
skipped, never made up.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from whet.runs import environment, now
from whet.store import file_digest, write_json

ROOT = Path(__file__).resolve().parent.parent
PROOFS = ROOT / "docs" / "proofs"
FILES = {
    "bitext": "bitext_support/bitext_v_short_d5bd1d4.csv",
    "cfpb": "cfpb_complaints/complaints.csv",
    "mts_dialog": "mts_dialog/MTS-Dialog-TrainingSet.csv",
}
"""Data files as they come, for runs without a task file."""
Proof = Callable[[Path], dict[str, Any]]
KEPT = ("name", "value", "low", "high", "n", "fit_seconds", "p50_ms", "reading")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", default="0,1,2", help="of banking77")
    arguments = parser.parse_args()
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    proofs: dict[str, Proof] = {
        "demo": demo,
        "help": help_time,
        "banking77": partial(banking77, seeds=seeds),
        **{name: partial(no_task_file, name=name) for name in FILES},
        "peers": peers,
        "decision_rule": decision_rule,
        "wrong_input": wrong_input,
        "resume": resume,
        "learning-vs-trl": learning_vs_trl,
        "replies": replies,
        "retriever": retriever,
    }
    for name, proof in proofs.items():
        if arguments.only in ("", name):
            print(f"{name} ...", flush=True)
            found = {"proof": name, "at": now(), **environment(), **proof(arguments.data)}
            PROOFS.mkdir(parents=True, exist_ok=True)
            write_json(PROOFS / f"{name}.json", found)
            print(json.dumps(found.get("summary", found), indent=1))


def whet(*arguments: object) -> tuple[dict[str, Any], float]:
    """Run a command with --json; what it answered, and seconds of wall clock."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "whet", *map(str, arguments), "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1"}
    )
    seconds = time.perf_counter() - start
    if done.returncode not in (0, 1):
        raise SystemExit(f"{command} ended with {done.returncode}: {done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer, seconds


def short(verdict: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What a proof keeps of a verdict."""
    return {
        "sentence": verdict["sentence"],
        "winner": verdict["winner"],
        "n": {side: verdict[f"n_{side}"] for side in ("train", "dev", "test")},
        "rungs": [{key: rung[key] for key in KEPT} for rung in verdict["rungs"]],
        "notes": verdict["notes"],
        "seconds": round(seconds, 1),
    }


def demo(_data: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return {"summary": short(*whet("demo", "--out", Path(folder) / "run"))}


def help_time(_data: Path) -> dict[str, Any]:
    """``whet --help``, ten times."""
    times = []
    for _ in range(10):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "whet", "--help"], capture_output=True, check=True)
        times.append(round(time.perf_counter() - start, 3))
    return {"summary": {"seconds": sorted(times), "worst": max(times)}}


def banking77(data: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """Its own train and test files as the split, means of accuracy by rung over the seeds."""
    folder = data / "banking77"
    if not folder.is_dir():
        return {"summary": f"skipped: {folder} is not at hand"}
    runs = [_banking77(folder, seed) for seed in seeds]
    names = [rung["name"] for rung in runs[0]["rungs"]]
    means = {
        name: sum(rung["value"] for run in runs for rung in run["rungs"] if rung["name"] == name) / len(runs)
        for name in names
    }
    digests = {name: file_digest(folder / name) for name in ("train.csv", "test.csv")}
    return {
        "summary": {"mean_accuracy": means, "seconds": [run["seconds"] for run in runs]},
        "seeds": seeds,
        "digests": digests,
        "runs": runs,
    }


def _banking77(folder: Path, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        task = Path(place) / "banking77.yaml"
        task.write_text(
            f"task: banking77\nexamples: {folder / 'train.csv'}\n"
            "fields: {input: text, output: category}\n"
            f"split: {{test: {folder / 'test.csv'}, dev: 0.1}}\nseed: {seed}\n",
            encoding="utf-8",
        )
        return short(*whet("run", task, "--out", Path(place) / "run"))


def no_task_file(data: Path, name: str) -> dict[str, Any]:
    """``whet run FILE``, and nothing else said."""
    file = data / FILES[name]
    if not file.is_file():
        return {"summary": f"skipped: {file} is not at hand"}
    with tempfile.TemporaryDirectory() as place:
        return {"summary": short(*whet("run", file, "--out", Path(place) / "run"))}


def peers(data: Path) -> dict[str, Any]:
    """Our training against Trainer and SetFit, on Banking77; an hour and more."""
    folder = data / "banking77"
    if not folder.is_dir():
        return {"summary": f"skipped: {folder} is not at hand"}
    files = ["--train", str(folder / "train.csv"), "--test", str(folder / "test.csv")]
    lines = _bench("encoder_vs_peers.py", *files)
    return {"summary": [*lines, *_bench("encoder_vs_peers.py", *files, "--setfit")]}


def decision_rule(_data: Path) -> dict[str, Any]:
    """How often the rule of the verdict is wrong, with its correction and without."""
    return {"summary": _bench("decision_rule.py")}


def wrong_input(_data: Path) -> dict[str, Any]:
    """Every wrong input through the command line: one message, exit 2 or 3, nothing written."""
    return _tests("test_cli_errors.py")


def resume(_data: Path) -> dict[str, Any]:
    """The long form of the kills: a hundred at random moments, and a fault at every call of a save."""
    found = _tests("test_resume.py", WHET_KILLS="100")
    return {**found, "summary": {"kills": 100, **found["summary"]}}


def learning_vs_trl(data: Path) -> dict[str, Any]:
    """Losses and held-out figures beside TRL's, one line a model and method."""
    return {"summary": _with_weights("learning_vs_trl.py", data)}


def replies(data: Path) -> dict[str, Any]:
    """Bitext's short replies before and after full training, through the front door."""
    return {"summary": _with_weights("replies.py", data)}


def retriever(data: Path) -> dict[str, Any]:
    """Recall at 1, 5 and 20 on XQuAD: by words, by vectors, fused."""
    file = data / "xquad_en" / "xquad.en.json"
    if not file.is_file():
        return {"summary": f"skipped: {file} is not at hand"}
    return {"summary": _bench("retriever.py", "--data", str(file))}


def _tests(file: str, **env: str) -> dict[str, Any]:
    """What the tests of one file say, one line each."""
    command = [sys.executable, "-m", "pytest", f"tests/{file}", "-q", "-rA", "--durations=0"]
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, **env}
    )
    told = ("PASSED", "FAILED", "ERROR", "SKIPPED")
    lines = [line for line in done.stdout.splitlines() if line.startswith(told)]
    summary = {"seconds": round(time.perf_counter() - start), "tests": lines}
    return {"summary": summary, "passed": done.returncode == 0}


def _with_weights(script: str, data: Path) -> list[Any] | str:
    if not (data / "bitext_support").is_dir() or not (data / "weights").is_dir():
        return f"skipped: {data / 'bitext_support'} and {data / 'weights'} are not both at hand"
    return _bench(script, "--data", str(data))


def _bench(script: str, *arguments: str) -> list[Any]:
    """The JSON lines of a script beside this one."""
    command = [sys.executable, str(ROOT / "bench" / script), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"bench"')]


if __name__ == "__main__":
    main()
