"""The documentation site: `make docs` builds it into docs/_build/html, without network, every page's code executed."""

from __future__ import annotations

import os
import re
import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
# Pages are executed side by side, each in a kernel of its own; one thread each also makes their numbers repeatable.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Progress bars are for whoever waits; and tqdm would say on every page that notebooks could have prettier ones.
os.environ["TQDM_DISABLE"] = "1"
os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"

project = "probcost"
author = "The probcost authors"
project_copyright = "The probcost authors, Apache-2.0"
version = release = installed("probcost")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "cost",
    "exercise",
    "programs",
]
exclude_patterns = ["_build", "gallery/made"]
# `name` in a docstring is a name of the package where there is one, and code otherwise.
default_role = "py:obj"

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath", "substitution"]
myst_heading_anchors = 3
# A menu at every formula makes each a stop of the Tab key, between one hint and the next too.
mathjax3_config = {"options": {"enableMenu": False}}
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
# A warning or a progress bar on a page is an oversight, unless its cell says `mystnb: {output_stderr: show}`.
nb_output_stderr = "remove-warn"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "reset_argv": "programs.arguments",
    "image_scrapers": ("programs.pictures",),
    "abort_on_example_error": True,
    "parallel": 2,
    "download_all_examples": False,
    "notebook_extensions": set(),
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
}

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = "probcost"
html_static_path = ["_static"]
html_css_files = ["gallery.css", "narrow.css"]
html_copy_source = False
html_show_sphinx = False
templates_path: list[str] = []
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def shorter(
    app: Any, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> Any:
    """Arrays by the name they have in the code; and no module paths where a signature is no Python (a default factory)."""
    short = [text and re.sub(_ARRAY, r"~numpy.typing.NDArray[\1]", text) for text in (signature, returns)]
    return [text and re.sub(r"~(?:\w+\.)+", "", text) if text and "<factory>" in text else text for text in short]


_ARRAY = r"~?numpy\.ndarray\[tuple\[~?typing\.Any, \.\.\.\], ~?numpy\.dtype\[((?:~?\w[\w.]*|\[|\])+?)\]\]"


def plain(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """A property's sentence as it is written: napoleon takes what stands before a colon in its first line for a type."""
    if what == "property":
        lines[:0] = ["..", ""]  # an empty comment


def setup(app: Any) -> None:
    app.connect("autodoc-process-signature", shorter)
    app.connect("autodoc-process-docstring", plain, priority=400)  # before napoleon's 500
    # It copies files when all is written, and says nothing of reading; unsaid, pages would be read one after another.
    app.extensions["sphinx-mathjax-offline"].parallel_read_safe = True
