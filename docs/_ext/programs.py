"""The programs of examples/ as pages: the arguments they are run with at build, and the pictures of the report they leave."""

from __future__ import annotations

import base64
import re
from html import unescape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from probcost.scenarios import atoms, spikes

__all__ = ["arguments", "pictures", "setup"]

# Relative to examples/, where sphinx-gallery runs them; everything below docs/gallery is made at build.
MADE = Path("../docs/gallery/made")
# Less than what the programs do by themselves, so that the whole site is built in minutes.
REDUCED: dict[str, list[str]] = {
    "spikes": ["--data", str(MADE / "ride.npz"), "--likelihood", "conway_maxwell_poisson"],
    "atoms": ["--data", str(MADE / "molecule.npz"), "--rungs", "mse", "predicted_scale", "mixture"],
    "faces": ["--people", "24", "--epochs", "40", "--steps", "pairs", "difference", "hinge"],
}
_PICTURE = re.compile(
    r'(?:<h3>(?P<title>[^<]*)</h3>)?<img alt="(?P<alt>[^"]*)" width="(?P<width>\d+)"'
    r'[^>]*src="data:image/png;base64,(?P<png>[^"]+)">'
    r"(?:<figcaption>(?P<caption>.*?)</figcaption>)?",
    re.DOTALL,
)


def arguments(gallery: dict[str, Any], script: dict[str, Any]) -> list[str]:
    """What a program is called with; the data it reads are simulated first."""
    name = Path(script["src_file"]).stem
    made = Path(script["src_file"]).parent / MADE
    made.mkdir(parents=True, exist_ok=True)
    if name == "spikes":
        spikes.save(spikes.simulate_motorcycle(n_neurons=12, duration=180.0, noise="underdispersed"), made / "ride.npz")
    elif name == "atoms":
        atoms.simulate_molecule(n=3000, seed=1).save(made / "molecule.npz")
    return [*REDUCED.get(name, []), "--out", str(MADE / name)]


def pictures(block: Any, variables: dict[str, Any], gallery: dict[str, Any]) -> str:
    """The command, and the report's pictures with what it says of each, as reStructuredText; a scraper of sphinx-gallery."""
    source = Path(variables["src_file"])
    name = source.stem
    report = source.parent / MADE / name / "report.html"
    if block.type != "code" or not report.exists():
        return ""
    command = " ".join(["python", f"examples/{source.name}", *REDUCED.get(name, [])]).replace(f"{MADE}/", "")
    shown = [
        "This page was made by::\n",
        f"    {command}\n",
        f"on simulated data. :download:`The report it left </gallery/made/{name}/report.html>` is one page that can be sent.\n",
    ]
    sections = dict(re.findall(r'<section id="(\w+)"(.*?)</section>', report.read_text(), re.DOTALL))
    found = _PICTURE.finditer(sections.get("pictures", sections["diagnosis"]))
    for picture, path in zip(found, variables["image_path_iterator"], strict=False):
        Path(path).write_bytes(base64.b64decode(picture["png"]))
        place = Path(path).relative_to(gallery["src_dir"]).as_posix()
        caption = unescape(re.sub(r"<b>(.*?)</b>", r"**\1**", picture["caption"] or picture["title"] or ""))
        alternative, width = unescape(picture["alt"]), picture["width"]
        shown.append(f".. figure:: /{place}\n   :alt: {alternative}\n   :width: {width}px\n\n   {caption}\n")
    return "\n".join(shown)


def without_progress(app: Sphinx, page: str, source: list[str]) -> None:
    """Progress bars are no output; captured, each of their states is a line."""
    if page.startswith("gallery/"):
        source[0] = re.sub(r"^ +[\w ]+: +\d+%\|.*\n", "", source[0], flags=re.MULTILINE)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", without_progress)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
