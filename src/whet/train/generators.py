"""The random generators that a training draws from, as tensors: taken, kept in a checkpoint, set back.

A CPU has one, a GPU has another, and dropout draws from the one on its own device. Knows no files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from whet.errors import WorldError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def states(device: torch.device) -> dict[str, Tensor]:
    """By name, the states of the generators that work on ``device`` may draw from."""
    import torch

    found = {"torch": torch.get_rng_state()}
    if device.type == "cuda":
        found["cuda"] = torch.cuda.get_rng_state(device)
    return found


def set_back(found: Mapping[str, Tensor], device: torch.device) -> None:
    """The reverse of ``states``."""
    import torch

    torch.set_rng_state(found["torch"])
    if "cuda" in found:
        torch.cuda.set_rng_state(found["cuda"], device)


def check_device(found: Mapping[str, Tensor], device: torch.device) -> None:
    """Whether states were taken for work on such a device.

    Raises:
        WorldError: they were not; what would follow is not what was begun.
    """
    if ("cuda" in found) != (device.type == "cuda"):
        raise WorldError(
            f"the checkpoint was made on {'a GPU' if 'cuda' in found else 'a CPU'}, and this is none.",
            fix="go on where it was begun (`tune.device`), or train into another folder.",
        )


def device_of(live: Mapping[str, Tensor]) -> torch.device:
    """Where the parameters of a training are."""
    return next(iter(live.values())).device
