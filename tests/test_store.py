"""Guards what is on the disk: a file is there whole or not at all, and one run works in a folder."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from whet.errors import InputError, WorldError
from whet.store import (
    exclusive,
    file_digest,
    make_folder,
    read_json,
    read_jsonl,
    value_digest,
    write_bytes,
    write_json,
    write_jsonl,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def failing(number: int) -> Callable[..., Any]:
    """A system call that the system refuses."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return refuse


def test_a_file_is_written_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("call", ["fsync", "replace", "fdopen"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["disk-full", "disk-broken"])
def test_where_the_disk_fails_the_old_file_stands_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")
    with monkeypatch.context() as broken:
        broken.setattr(os, call, failing(number))
        with pytest.raises(WorldError) as caught:
            write_bytes(path, b"new")
    assert caught.value.exit_code == 3
    assert os.strerror(number) in str(caught.value)
    assert "run the same command again" in caught.value.fix
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_an_interrupt_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "a.bin"
    write_bytes(path, b"old")
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_a_plain_write_would_lose_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: the same failure, met by the usual way to write a file."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", failing(errno.ENOSPC))
    with path.open("wb") as out:
        out.write(b"new")
        with pytest.raises(OSError, match="No space left"):
            os.fsync(out.fileno())
    assert path.read_bytes() != b"old"


def test_the_data_is_on_the_disk_before_the_name_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def watch(name: str) -> None:
        call = getattr(os, name)

        def noted(*args: Any) -> Any:
            done.append(name)
            return call(*args)

        monkeypatch.setattr(os, name, noted)

    watch("fsync")
    watch("replace")
    write_bytes(tmp_path / "a.bin", b"new")
    assert done == ["fsync", "replace", "fsync"]  # the file, its name, the folder


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES], ids=["read-only", "no-permission"])
def test_a_folder_that_cannot_be_written_is_a_fault_of_the_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr("tempfile.mkstemp", failing(number))
    with pytest.raises(WorldError, match=os.strerror(number)):
        write_text(tmp_path / "a.txt", "x")
    assert names(tmp_path) == []


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that root cannot write")
def test_a_truly_read_only_folder() -> None:
    with pytest.raises(WorldError) as caught:
        write_text(Path("/proc/whet.txt"), "x")
    assert caught.value.exit_code == 3
    with pytest.raises(WorldError):
        make_folder(Path("/proc/whet"))


def test_json_and_jsonl_come_back_as_they_went(tmp_path: Path) -> None:
    rows = [{"text": "Grüße \u2028 \x85 \x0b\x1c 日本 \r\n end"}, {"text": ""}, [1, None, 2.5]]
    write_jsonl(tmp_path / "a.jsonl", rows)
    assert read_jsonl(tmp_path / "a.jsonl") == rows
    write_json(tmp_path / "a.json", rows)
    assert read_json(tmp_path / "a.json") == rows


@pytest.mark.parametrize("read", [read_json, read_jsonl])
def test_a_damaged_file_is_an_error_with_its_place(tmp_path: Path, read: Callable[[Path], object]) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": 1', encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.json: is not valid JSON"):
        read(path)
    with pytest.raises(InputError, match="cannot read: No such file"):
        read(tmp_path / "none.json")


def test_digests_are_sha256_and_do_not_depend_on_the_order_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    data = b"x" * 3_000_000
    path.write_bytes(data)
    assert file_digest(path) == hashlib.sha256(data).hexdigest()
    assert value_digest({"a": 1, "b": [2]}) == value_digest({"b": [2], "a": 1})
    assert value_digest({"a": 1}) != value_digest({"a": "1"})


# The lock.

HOLD = """
import sys
from pathlib import Path
from whet.store import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_ends_however_it_ends(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="another run is at work"), exclusive(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with exclusive(tmp_path):
        pass


def test_the_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), exclusive(tmp_path):
        raise RuntimeError
    with exclusive(tmp_path), pytest.raises(InputError, match="another run"), exclusive(tmp_path):
        pass


def test_a_lock_that_cannot_be_made_is_a_fault_of_the_world(tmp_path: Path) -> None:
    with pytest.raises(WorldError), exclusive(tmp_path / "no such folder"):
        pass
