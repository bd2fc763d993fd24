"""The direction of flow, read off the import statements; and what `import probcost` may not cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import probcost

PACKAGE = Path(probcost.__file__).parent
# Each may import from those before it, and from itself.
FLOW = [
    "style",
    "save",
    "arviz_bridge",
    "distributions",
    "likelihoods",
    "priors",
    "networks",
    "batched",
    "model",
    "inputs",
    "history",
    "uncertainty",
    "reading",
    "predict",
]
FLOW += ["inference", "tabular", "checks", "scenarios"]


def room(module: str) -> str | None:
    """The part of the layout that a dotted module name lies in; None for the package itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= (
                {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "probcost" else {node.module}
            )
    return {name for name in found if name.split(".")[0] == "probcost"}


def test_nothing_imports_upward() -> None:
    upward = []
    for path in PACKAGE.rglob("*.py"):
        here = room(".".join(["probcost", *path.relative_to(PACKAGE).with_suffix("").parts]))
        if here == "__init__":
            continue
        assert here in FLOW, f"{path} lies in no room of the layout"
        # Scenarios stand beside the flow and use the public surface as any user would.
        for name in imports(path):
            there = room(name)
            if there in FLOW and FLOW.index(there) > FLOW.index(here):
                upward.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert not upward


def test_import_stays_light() -> None:
    code = "import sys, probcost; print([m for m in ('matplotlib', 'arviz', 'lightning', 'pandas', 'scipy') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_public_name_is_there_and_documented() -> None:
    for name in probcost.__all__:
        assert getattr(probcost, name).__doc__, name
