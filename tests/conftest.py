"""What tests share: the real data when it lies beside the project, one thread each."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

# Tests run in parallel processes on small matrices: more threads each would only wait for one another.
torch.set_num_threads(1)

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def m1_file() -> Path:
    """The M1 recording; tests that need it are skipped where it is not."""
    path = SHARED / "data" / "spikes" / "m1_stevenson_2011.mat"
    if not path.exists():
        pytest.skip("the M1 recording is not here: it lies in ../shared/data/spikes on the developers' machines")
    return path
