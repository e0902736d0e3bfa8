"""Devices by the names that users give them."""

from __future__ import annotations

import torch


def device(name: str) -> torch.device:
    """The device of that name, if this machine has it; "auto" is CUDA where there is one.

    raises ValueError, one sentence, for an unknown name or a device that is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(1, device=name).item()
    # torch built without CUDA says so by an assertion
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise ValueError(
            f"device={name!r} cannot be used ({reason}): pass 'auto', 'cpu' or 'cuda'."
        ) from error
    return torch.device(name)


def device_or_cpu(name: str) -> torch.device:
    """The device of that name, or the CPU where this machine lacks it."""
    try:
        return device(name)
    except ValueError:
        return torch.device("cpu")
