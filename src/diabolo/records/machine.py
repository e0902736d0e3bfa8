"""What figures were measured on: hardware and versions, to be stored beside them."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import torch

import diabolo


def described() -> dict[str, Any]:
    """Processor, threads, load and versions."""
    return {
        "hardware": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "load": round(os.getloadavg()[0], 1),  # others on the machine make seconds longer
        },
        "versions": {
            "diabolo": diabolo.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
            "python": platform.python_version(),
        },
    }


def processor() -> str:
    """Its name; the architecture's where there is none to read."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
