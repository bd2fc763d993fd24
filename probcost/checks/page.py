"""One self-contained HTML page about a fit."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import datetime
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from probcost.inputs import same_length

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from probcost.checks.page_html import Section

__all__ = ["report"]


def report(
    fit: Any,
    x: Any,
    y: Any,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    comparison: Any = None,
    train: tuple[Any, Any] | None = None,
    groups: Any = None,
    pictures: Mapping[str, Figure] | None = None,
    tables: Mapping[str, pd.DataFrame] | None = None,
    level: float = 0.05,
    seed: int = 0,
    progress: bool = True,
) -> Path:
    """Write one HTML page about a fit: the verdict, the belief and its equation, training, scores, checks, pictures.

    Everything is in the one file, pictures too: it can be sent, printed, and read without a network, on a phone as well. A
    kill meanwhile leaves the file that was there whole.

    Args:
        fit: what `probcost.fit` returned.
        x: inputs ``[T, ...]``, best such as the fit was not trained on; of a face fit, photos.
        y: observations ``[T, N]``, in their own units; of a face fit, the people's numbers.
        path: the file to write; folders above it are made.
        title: heads the page; likelihood and method unless given.
        comparison: what `probcost.compare` returned, or other fits by name, which are then compared with this one.
        train: the rows ``(x, y)`` that the fit was trained on, where they are at hand: `probcost.diagnose` then finds what is
            left in them, and looks for it in these.
        groups: a label for each row, where rows of one group depend on each other, as a person's do: `probcost.check` then
            judges each group too, `probcost.diagnose` says whether its rows are alike, and standard errors of the comparison
            are by groups. A comparison that is given ready
            keeps its own; a fit of faces knows its people.
        pictures: captions and figures of your own, shown after the package's: a sentence that says what is seen, in bold,
            then one that says how to read it.
        tables: captions and data frames of your own, likewise.
        level: a true model fails the check, and the diagnosis, at most this often.
        seed: of all that is random on the page.
        progress: show a progress bar.

    Returns:
        The path.

    Raises:
        ValueError: for rows, labels or training rows that differ in number, observations the likelihood cannot produce, or a
            path that is a folder.
        TypeError: for training rows that are no pair, a comparison, pictures or tables of another kind.

    Example:
        >>> import tempfile
        >>> x = torch.linspace(-1, 1, 200)[:, None]
        >>> y = x + 0.1 * torch.randn(200, 1)
        >>> fit = pc.fit(pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Normal(1, scale=0.1)), x, y, epochs=2, progress=False)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pc.report(fit, x, y, f"{folder}/report.html", progress=False).name
        'report.html'
    """
    same_length(x=x, y=y)
    target = Path(path)
    if target.is_dir():
        raise ValueError(f"path is the folder {target}; give the name of a file, such as {target / 'report.html'}")
    _complain_of_kinds(comparison, pictures, tables)
    _complain_of_rows(train, groups, len(y))
    if not fit.model.likelihood.composite:
        # They complain of inputs and of what the likelihood cannot have produced, and compute nothing yet.
        fit.predict(x)
        fit.observations(y)

    # Here, since they import scipy and matplotlib, and `import probcost` must stay fast.
    from probcost import save
    from probcost.checks.page_html import document

    title = title or f"{type(fit.model.likelihood).__name__} fitted by {fit.method}"
    opening, sections = _judged(fit, x, y, comparison, train, groups, level=level, seed=seed, progress=progress)
    sections += _own(pictures or {}, tables or {})
    save.write_text(target, document(title, opening, sections, _colophon(fit, seed)))
    return target


def _judged(
    fit: Any, x: Any, y: Any, comparison: Any, train: Any, groups: Any, *, level: float, seed: int, progress: bool
) -> tuple[str, list[Section]]:
    """The verdict, and every section that the package itself writes."""
    from probcost.checks import check, page_diagnosis, page_parts
    from probcost.checks.comparison import compare
    from probcost.checks.diagnosis import diagnose
    from probcost.checks.scorecard import score

    # The quick parts first, so that the bar says early that something is being done.
    parts = ["model", "scores", "check", "pictures of the check", "diagnosis", "pictures of the diagnosis"]
    parts += ["comparison"] if comparison is not None else []
    with tqdm(total=len(parts), desc="report", unit="part", disable=not progress) as bar:

        def doing(part: str) -> None:
            bar.update(parts.index(part) - bar.n)
            bar.set_postfix_str(part)

        doing("model")
        told = [page_parts.modelled(fit, x, len(y))]
        training = page_parts.trained(fit.history)
        told += [training] if training else []
        doing("scores")
        composite = fit.model.likelihood.composite
        told.append(page_parts.not_row_by_row() if composite else page_parts.scored(score(fit, x, y, seed=seed)))
        doing("check")
        checked = check(fit, x, y, groups=groups, level=level, seed=seed)
        doing("pictures of the check")
        drawn = page_parts.checked_picture(checked)
        doing("diagnosis")
        diagnosis = diagnose(fit, x, y, train=train, groups=groups, level=level, seed=seed)
        doing("pictures of the diagnosis")
        sections = [page_diagnosis.diagnosed(diagnosis), *told, page_parts.checked(checked, diagnosis, drawn)]
        if comparison is not None:
            doing("comparison")
            if isinstance(comparison, Mapping):
                own = {} if any(other is fit for other in comparison.values()) else {"this fit": fit}
                comparison = compare({**own, **comparison}, x, y, groups=groups)
            sections.append(page_parts.compared(comparison))
        bar.update(len(parts) - bar.n)
        bar.set_postfix_str("")
    return page_diagnosis.verdict(diagnosis, checked), sections


def _headed(caption: str) -> str:
    """Its first sentence as a heading, and what follows below it."""
    heading, *more = re.split(r"(?<=[.?!]) ", caption, maxsplit=1)
    return f"<h3>{escape(heading.removesuffix('.'))}</h3>" + "".join(f"<p>{escape(words)}</p>" for words in more)


def _own(pictures: Mapping[str, Figure], tables: Mapping[str, pd.DataFrame]) -> list[Section]:
    """The user's tables and pictures, as they come."""
    from probcost.checks.page_html import Section, frame, picture

    sections = []
    if tables:
        shown = "".join(_headed(caption) + frame(caption, table) for caption, table in tables.items())
        sections.append(Section("tables", "In numbers", shown))
    if pictures:
        shown = "".join(
            picture(figure, *re.split(r"(?<=[.?!]) ", caption, maxsplit=1)) for caption, figure in pictures.items()
        )
        sections.append(Section("pictures", "In pictures", shown))
    return sections


def _colophon(fit: Any, seed: int) -> str:
    now = datetime.now().astimezone()
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "pyro-ppl", "numpy"))
    return (
        f"<p>Written by probcost {version('probcost')} on {now:%-d %B %Y at %H:%M %Z}. "
        f"Seed of the fit {fit.seed}, of this page {seed}. {packages}.</p>"
    )


def _complain_of_rows(train: Any, groups: Any, rows: int) -> None:
    if train is not None:
        if not isinstance(train, tuple | list) or len(train) != 2:
            raise TypeError(f"train must be the pair (x, y) of rows the fit was trained on; got {type(train).__name__}")
        if len(train[0]) != len(train[1]):
            raise ValueError(f"train must hold as many rows of x as of y; got {len(train[0]):,} and {len(train[1]):,}")
    if groups is not None and len(groups) != rows:
        raise ValueError(f"groups must hold one label for each of the {rows:,} rows; got {len(groups):,}")


def _complain_of_kinds(comparison: Any, pictures: Any, tables: Any) -> None:
    from probcost.checks.comparison_result import Comparison

    for name, given, wanted, example in (
        ("pictures", pictures, "savefig", '{"What is seen": figure}'),
        ("tables", tables, "itertuples", '{"What is counted": data_frame}'),
    ):
        if given is None:
            continue
        if not isinstance(given, Mapping):
            raise TypeError(f"{name} must map captions, such as {example}; got {type(given).__name__}")
        for caption, shown in given.items():
            if not hasattr(shown, wanted):
                kind = "a matplotlib Figure" if name == "pictures" else "a data frame"
                raise TypeError(f"{name}[{caption!r}] must be {kind}; got {type(shown).__name__}")
    if isinstance(comparison, Mapping):
        for name, other in comparison.items():
            if not hasattr(other, "predict"):
                raise TypeError(f"comparison[{name!r}] must be a fit; got {type(other).__name__}")
    elif comparison is not None and not isinstance(comparison, Comparison):
        raise TypeError(
            "comparison must be what probcost.compare returned, or other fits by name, such as "
            f'{{"poisson": fit}}; got {type(comparison).__name__}'
        )
