"""How much memory and disk this process may still use, and what it has used. Linux says most; what a system
does not say is None, and is then not held against anything."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import sys
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def free_memory(device: str = "cpu") -> int | None:
    """Bytes: a GPU's, or the least of what machine, container and process have left."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    found = [_available(), _left_in_container(), _left_in_process()]
    return min((value for value in found if value is not None), default=None)


def free_disk(folder: Path) -> int:
    """Bytes that may be written under a folder, which need not be there yet."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def size_of(folder: Path) -> int:
    """Bytes of the files under a folder; 0 where there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def forget_peak(device: str = "cpu") -> None:
    """Let ``peak_memory`` count from here on. A system that cannot forget keeps the peak since the start."""
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # proc(5): resets the peak


def peak_memory(device: str = "cpu") -> int:
    """The most memory that this process has held since the last ``forget_peak``, in bytes; of a GPU, what
    torch took of it."""
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated()
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def memory_now(device: str = "cpu") -> int | None:
    """What this process holds, in bytes."""
    if device == "cuda":
        import torch

        return torch.cuda.memory_allocated()
    pages = _first_number(Path("/proc/self/statm"), 1)
    return None if pages is None else pages * os.sysconf("SC_PAGE_SIZE")


def _available() -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    with contextlib.suppress(OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def _left_in_container() -> int | None:
    """Of a control group (version 2) that is mounted as containers have it; what is cached can go."""
    most, now = _first_number(CGROUP / "memory.max"), _first_number(CGROUP / "memory.current")
    return None if most is None or now is None else most - now + _cached()


def _cached() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = (CGROUP / "memory.stat").read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("inactive_file ")), 0)
    return 0


def _left_in_process() -> int | None:
    """Of ``ulimit -v``."""
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    pages = _first_number(Path("/proc/self/statm"))
    if most == resource.RLIM_INFINITY or pages is None:
        return None
    return most - pages * os.sysconf("SC_PAGE_SIZE")


def _first_number(path: Path, place: int = 0) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(path.read_text(encoding="ascii").split()[place])
    return None
