"""The documentation site holds together: what is public is in the reference with an example, pages are reached, links lead on.

`make docs` builds it, and executes its pages; here is what can be said in a second, without Sphinx.
"""

from __future__ import annotations

import inspect
import pydoc
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import probcost
from probcost import distributions, likelihoods, networks, priors
from probcost.scenarios import atoms, faces, spikes

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PUBLIC = (probcost, likelihoods, distributions, networks, priors, spikes, atoms, faces)
MADE = ("gallery", "_build")  # at build, by sphinx-gallery and Sphinx
PAGES = sorted(
    path
    for path in DOCS.rglob("*")
    if path.suffix in (".md", ".rst") and path.relative_to(DOCS).parts[0] not in (*MADE, "_ext", "_static")
)


def names(module: ModuleType) -> list[str]:
    return [name for name in module.__all__ if not inspect.ismodule(getattr(module, name))]


def test_the_reference_documents_what_is_there() -> None:
    assert not [name for name in documented() if pydoc.locate(name) is None]


def documented() -> set[str]:
    """Every full name that a page of the reference documents."""
    found = set()
    for page in (DOCS / "api").glob("*.rst"):
        within = ""
        for line in page.read_text().splitlines():
            directive = re.match(r"\.\. (currentmodule|auto(?:class|function|exception)|py:data):: (\S+)", line)
            if directive is None:
                continue
            kind, name = directive.groups()
            if kind == "currentmodule":
                within = f"{name}."
            else:
                found.add(name if name.startswith("probcost.") else within + name)
    return found


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_every_public_name_is_in_the_reference(module: ModuleType) -> None:
    reference = {id(pydoc.locate(name)) for name in documented()}
    missing = [name for name in names(module) if id(getattr(module, name)) not in reference]
    assert not missing


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_every_public_name_has_an_example(module: ModuleType) -> None:
    documented = [name for name in names(module) if callable(getattr(module, name))]
    without = [name for name in documented if ">>>" not in (inspect.getdoc(getattr(module, name)) or "")]
    assert not without


def children(page: Path) -> Iterator[Path]:
    """The pages that a page's tables of contents name, patterns resolved."""
    text = page.read_text()
    trees = re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL) if page.suffix == ".md" else []
    trees += re.findall(r"^\.\. toctree::\n((?:[ ]{3}.*\n|\n)+)", text, re.MULTILINE) if page.suffix == ".rst" else []
    for tree in trees:
        for entry in (line.strip() for line in tree.splitlines()):
            if entry and not entry.startswith(":") and not entry.startswith(MADE):
                yield from found_at(page.parent / re.sub(r"^.*<(.*)>$", r"\1", entry))


def found_at(place: Path) -> list[Path]:
    candidates = [place.with_name(place.name + suffix) for suffix in (".md", ".rst", "")]
    found = [path for path in candidates if path.is_file()]
    assert found, f"{place.relative_to(DOCS)} is in a table of contents, and is no page"
    return found[:1]


def test_every_page_is_reached_from_the_index() -> None:
    reached: set[Path] = set()
    ahead = [DOCS / "index.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        ahead += [child for child in children(page) if child not in reached]
    assert not {str(page.relative_to(DOCS)) for page in PAGES} - {str(page.relative_to(DOCS)) for page in reached}


def anchors(page: Path) -> set[str]:
    """What can be linked to within a page: its headings as slugs, and its explicit targets."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    slugs = {
        re.sub(r"[^\w\- ]", "", re.sub(r"[`*$\\]", "", heading)).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    return slugs | set(re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE))


def links(page: Path) -> Iterator[str]:
    """Links to other files and pictures: Markdown's own, and those of directives; code is left out."""
    text = page.read_text()
    yield from re.findall(r"```\{(?:image|figure)\} (\S+)", text)
    text = re.sub(r"^(`{3,}|:{3,}).*?^\1", drop_code, text, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]+`", "", text))


def drop_code(found: re.Match[str]) -> str:
    """Directives that hold text (notes, dropdowns, exercises) stay; listings and cells go."""
    return "" if re.match(r"`{3,}(?:\{code|\w|\n)", found.group()) else found.group()


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if path.startswith(MADE) or any(part in MADE for part in Path(path).parts):
            continue
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def test_pictures_have_alternative_text() -> None:
    silent = []
    for page in (ROOT / "README.md", *PAGES):
        text = page.read_text()
        silent += [f"{page.name}: {link}" for link in re.findall(r"!\[\]\(([^)]+)\)", text)]
        for block in re.findall(r"```\{(?:image|figure)\}.*?```", text, re.DOTALL):
            silent += [] if ":alt:" in block else [f"{page.name}: {block.splitlines()[0]}"]
    assert not silent
