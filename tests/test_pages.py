"""The cells of every page run in their order, and what the page claims of them (its `assert`s) holds.

`make docs` shows what they print; here it is only said whether they run, in a plain Python, without Sphinx or a notebook.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_CELL = re.compile(r"^`{3,}\{code-cell\}[^\n]*\n(?:---\n.*?^---\n)?(.*?)^`{3,}$", re.DOTALL | re.MULTILINE)
NEEDS = {"only_the_cost": "lightning"}


def cells(page: Path) -> list[str]:
    """The Python of each cell, without its options."""
    return [re.sub(r"^:\w+:.*\n", "", cell, flags=re.MULTILINE) for cell in _CELL.findall(page.read_text())]


PAGES = [
    page for folder in ("guides", "tutorial") for page in sorted((ROOT / "docs" / folder).glob("*.md")) if cells(page)
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_cells_run(page: Path, tmp_path: Path) -> None:
    assert len(cells(page)) == page.read_text().count("{code-cell}")
    if page.stem in NEEDS:
        pytest.importorskip(NEEDS[page.stem])
    program = tmp_path / f"{page.stem}.py"
    program.write_text("\n".join(cells(page)))
    environment = os.environ | {"MPLBACKEND": "agg", "TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
