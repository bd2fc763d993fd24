"""One page about a fit: what stands on it, that it is whole and by itself, and how a browser shows it on a phone."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text
from torch import nn

import probcost as pc
from probcost import likelihoods, save
from probcost.checks import equation
from probcost.scenarios import faces

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
VOID = {"meta", "link", "img", "br", "path"}


class Page(HTMLParser):
    """What a page holds: text, headings, addresses, pictures; complains of tags that are not closed in order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text, self.headings, self.addresses, self.images = "", [], [], []  # type: ignore[var-annotated]
        self.tags: list[str] = []
        self.cells: list[tuple[str, dict[str, Any]]] = []
        self._open: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        if tag not in VOID:
            self._open.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href") and value]
        if tag == "img":
            self.images.append(found)
        if tag in ("th", "td"):
            self.cells.append((tag, found))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += data


def counts(
    likelihood: likelihoods.Likelihood, noise: Any, rows: int = 900
) -> tuple[pc.Fit, torch.Tensor, torch.Tensor]:
    """A fit of counts with rates that depend on one input, and rows that it has not seen."""
    torch.manual_seed(0)
    x = torch.rand(2 * rows, 1) * 2 - 1
    y = noise(torch.exp(0.7 + 0.8 * x).expand(-1, likelihood.n_units))
    fit = pc.fit(
        pc.CostModel(nn.Linear(1, likelihood.num_outputs), likelihood),
        x[:rows],
        y[:rows],
        epochs=60,
        lr=0.02,
        progress=False,
    )
    return fit, x[rows:], y[rows:]


def overdispersed(rate: torch.Tensor) -> torch.Tensor:
    return torch.poisson(rate * torch.distributions.Gamma(2.0, 2.0).sample(rate.shape))


@dataclass
class Case:
    fit: Any
    x: Any
    y: Any
    path: Path

    @property
    def page(self) -> Page:
        return Page(self.path)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A Poisson fit of counts that are over-dispersed, with a picture and a table whose captions could break the page."""
    fit, x, y = counts(likelihoods.Poisson(3), overdispersed)
    figure = Figure()
    figure.subplots().plot([1, 2])
    path = pc.report(
        fit,
        x,
        y,
        tmp_path_factory.mktemp("page") / "new" / "folders" / "report.html",
        title="<script>alert(1)</script> & more",
        pictures={'"><script>alert(2)</script>': figure},
        tables={"<b>numbers</b>": pd.DataFrame({"<i>a": [0.5, -2.0]}, index=["</td>x", "y"])},
        progress=False,
    )
    return Case(fit, x, y, path)


def test_it_is_one_file_that_needs_nothing_else(case: Case) -> None:
    page = case.page
    assert page.images
    for address in page.addresses:
        assert address.startswith(("data:", "#")), address[:80]
    assert not {"script", "iframe", "object"} & set(page.tags)
    assert not re.search(r"url\(|@import|https?://", re.sub(r"data:[^\"]*", "", page.source))
    for image in page.images:
        data = base64.b64decode(str(image["src"]).split("base64,")[1])
        assert data.startswith(b"\x89PNG")
        assert data.endswith(b"IEND\xaeB`\x82")
        assert len(str(image["alt"])) > 5


def test_what_users_write_is_shown_and_never_run(case: Case) -> None:
    page = case.page
    assert "<script>alert(1)</script> & more" in page.text
    assert '"><script>alert(2)</script>' in page.text
    assert "</td>x" in page.text
    assert "<i>a" in page.text
    assert "<b>numbers</b>" in page.text
    assert "<script" not in page.source


def test_it_says_the_verdict_first_and_what_to_try(case: Case) -> None:
    page = case.page
    assert "Not calibrated. The check denies: " in page.text
    diagnosis = pc.diagnose(case.fit, case.x, case.y)
    assert not diagnosis.ok
    for finding in diagnosis.findings:
        assert finding.name in page.text
        assert finding.belief in page.text
        assert finding.verdict in page.text
    first = page.text[: page.text.index("Which belief is wrong?")]
    assert diagnosis.denied[0].belief in first
    assert type(diagnosis.next[0]).__name__ in first
    assert re.search(
        r"The first costs about 0\.\d+ nats per observation, beside the \d\.\d+ that the inputs gain\.", first
    )
    sections = re.findall('<section id="([a-z]+)"', page.source)
    assert sections == ["diagnosis", "model", "training", "scores", "check", "tables", "pictures"]


def test_it_holds_every_number_of_the_score_and_the_check(case: Case) -> None:
    text = case.page.text
    score, check = pc.score(case.fit, case.x, case.y), pc.check(case.fit, case.x, case.y)
    for name, value in (("NLL", score.nll), ("RMSE", score.rmse), ("CRPS", score.crps)):
        assert re.search(rf"{name}\s*{value:.4g}", text), name
    for line in check.lines:
        assert line.verdict in text
        assert line.belief in text
    assert f"epoch {case.fit.history.best_epoch + 1}, at" in text
    assert f"{len(case.y):,}" in text


def test_a_true_model_is_called_calibrated(tmp_path: Path) -> None:
    fit, x, y = counts(likelihoods.Poisson(2), torch.poisson)
    page = Page(pc.report(fit, x, y, tmp_path / "report.html", progress=False))
    assert pc.check(fit, x, y).ok
    assert pc.diagnose(fit, x, y).ok
    assert "Calibrated. Nothing in these data (900 × 2 counts) speaks against the cost function." in page.text
    assert "Not calibrated" not in page.text


def test_calibrated_predictions_of_an_unfinished_mean_are_called_calibrated(tmp_path: Path) -> None:
    """A weak effect the network cannot express leaves every distribution right, and the belief in the mean wrong."""
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(3000, 2, generator=generator) * 4 - 2
    y = x[:, :1] + 0.3 * torch.sin(3 * x[:, 1:]) + torch.randn(3000, 1, generator=generator)
    torch.manual_seed(0)
    model = pc.CostModel(nn.Linear(2, 1), likelihoods.Normal(1, scale="learned"))
    fit = pc.fit(model, x[:1500], y[:1500], optimizer="lbfgs", progress=False)
    x, y = x[1500:], y[1500:]
    page = Page(pc.report(fit, x, y, tmp_path / "report.html", progress=False))
    assert pc.check(fit, x, y).ok
    denied = pc.diagnose(fit, x, y).denied
    assert [finding.name for finding in denied] == ["what inputs tell"]
    assert "Calibrated, but the inputs tell more than the network has learned." in page.text
    assert "Not calibrated" not in page.text
    opening = page.text[: page.text.index("Which belief is wrong?")]
    assert "pass the check of calibration (1,500 × 1 observations)" in opening
    assert denied[0].belief in opening
    # Of one target, what would be said twice is said once.
    assert "CRPS" in page.text
    for repeated in ("energy score", "unit by unit", "unit 0", "Target1: 0"):
        assert repeated not in page.text
    assert "Targetone" in page.text
    assert "one linear layer of 1 output" in page.text


def test_what_is_denied_stands_first_by_its_worth_and_a_remedy_is_told_once(case: Case) -> None:
    diagnosis = pc.diagnose(case.fit, case.x, case.y)
    table = case.page.source.split("Assumptions and verdicts")[1].split("</table>")[0]
    assert 'role="columnheader" class="number">worth' in table
    shown = re.findall(r'<th scope="row"[^>]*>([^<]+)<', table)
    names = [finding.name for finding in diagnosis.findings]
    denied = [finding.name for finding in diagnosis.denied]
    assert len(denied) > 2
    assert shown == denied + [name for name in names if name not in denied]
    worths = [float(w.replace("−", "-")) for w in re.findall(r'data-label="worth">([^<]+)<', table)][: len(denied)]
    assert worths == sorted(worths, reverse=True)
    assert worths[0] == pytest.approx(diagnosis.denied[0].worth, abs=1e-4)
    assert diagnosis.first is not None
    assert len(diagnosis.mended) > 1
    assert table.count("alone mends this") == 1
    for finding in diagnosis.denied:
        if finding.name in diagnosis.mended:
            assert html.escape(finding.advice) not in table


def test_it_says_why_p_differs_between_its_two_tables(case: Case) -> None:
    both = {line.name for line in pc.check(case.fit, case.x, case.y).lines}
    both &= {finding.name for finding in pc.diagnose(case.fit, case.x, case.y).findings}
    assert {"dispersion", "tails", "zeros"} <= both
    assert f"too ({', '.join(sorted(both))}), its p may differ" in case.page.text


def test_groups_and_training_rows_are_handed_on(tmp_path: Path) -> None:
    fit, x, y = counts(likelihoods.Poisson(1), torch.poisson, rows=300)
    other, _, _ = counts(likelihoods.NegativeBinomial(1), torch.poisson, rows=300)
    torch.manual_seed(5)
    x_train = torch.rand(400, 1) * 2 - 1
    train = (x_train, torch.poisson(torch.exp(0.7 + 0.8 * x_train) * (1 + 0.5 * torch.sin(9 * x_train))))
    y = torch.poisson(torch.exp(0.7 + 0.8 * x) * (1 + 0.5 * torch.sin(9 * x)))
    groups = torch.arange(300) // 30
    path = tmp_path / "report.html"
    page = Page(pc.report(fit, x, y, path, groups=groups, train=train, comparison={"other": other}, progress=False))
    assert "group by group" in page.text
    assert "by 10 groups" in page.text
    for finding in pc.diagnose(fit, x, y, train=train, groups=groups).findings:
        assert finding.verdict in page.text
        p = "<0.001" if finding.p_value < 0.001 else f"{finding.p_value:.3f}"
        assert re.search(rf"{re.escape(finding.name)}{re.escape(finding.belief)}[\d.−]*{p}", page.text), finding.name


def trained(n_epochs: int) -> tuple[pc.Fit, torch.Tensor, torch.Tensor]:
    """A drifting model of rows in time, stopped after so many slow epochs."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(300, 1, generator=generator)
    y = 3 * x + torch.randn(300, 1, generator=generator)
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Hardtanh(-8.0, 8.0), nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1)
    )
    model = pc.CostModel(network, likelihoods.Normal(1, scale="learned"), ordered=True, drifting=True)
    return pc.fit(model, x[:200], y[:200], epochs=n_epochs, lr=1e-3, progress=False), x[200:], y[200:]


def test_the_model_is_told_in_words_and_unfinished_training_is_noticed(tmp_path: Path) -> None:
    fit, x, y = trained(6)
    assert fit.history.best_epoch == 5
    page = Page(pc.report(fit, x, y, tmp_path / "report.html", progress=False))
    assert "it stopped while still improving. Give it more epochs." in page.text
    assert "those of epoch 6, at" in page.text
    assert "Each target's baseline drifts slowly" in page.text
    assert "Rows are consecutive in time" in page.text
    assert (
        "inputs beyond ±8 count as ±8, then a network of 2 hidden layers, 16 units each (Tanh), and 1 output"
        in page.text
    )


def test_training_that_found_its_best_is_not_called_unfinished(case: Case) -> None:
    assert case.fit.history.best_epoch < len(case.fit.history.cost) - 1
    assert "still improving" not in case.page.text


def test_screen_readers_find_their_way(case: Case) -> None:
    page = case.page
    assert '<html lang="en">' in page.source
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in zip(page.headings, page.headings[1:], strict=False))
    assert all(found.get("scope") in ("col", "row") for tag, found in page.cells if tag == "th")
    named = set(re.findall(r'id="([^"]+)"', page.source))
    assert {address[1:] for address in page.addresses if address.startswith("#")} <= named
    assert f'aria-label="{html.escape(case.fit.model.likelihood.equation)}"' in page.source


def every_likelihood() -> list[likelihoods.Likelihood]:
    named = [likelihoods.named(name, 3) for name in likelihoods.NAMES]
    mixtures = [likelihoods.Mixture(likelihoods.named(name, 3), 2) for name in ("normal", "multivariate_student_t")]
    triplets = [likelihoods.TripletSlack(slack) for slack in ("exponential", "logistic", "normal")]
    return [
        *named,
        *mixtures,
        *triplets,
        likelihoods.GaussianTriplet(),
        likelihoods.NWayChoice(),
        likelihoods.SamePerson(),
    ]


@pytest.mark.parametrize("likelihood", every_likelihood(), ids=lambda likelihood: type(likelihood).__name__)
def test_every_equation_and_symbol_is_typeset(likelihood: likelihoods.Likelihood) -> None:
    shown = [typeset for pair in equation.lines_of(likelihood.equation) for typeset in pair]
    for latex in [*shown, *likelihood.symbols]:
        drawn = equation.typeset(latex)
        assert f'aria-label="{html.escape(latex)}"' in drawn
        assert "<path d=" in drawn
    # Nothing is lost where an equation is broken into lines.
    assert sum(latex.count("log") for latex in shown) >= likelihood.equation.count("log")
    # And no piece is wider than a phone.
    widths = [float(w) for latex in shown for w in re.findall(r'style="width:([\d.]+)em', equation.typeset(latex))]
    assert max(widths) < 20


def test_latex_beyond_the_typesetter_is_shown_as_it_is_written() -> None:
    assert equation.typeset(r"\begin{x} < 1") == r'<code class="latex">\begin{x} &lt; 1</code>'


def test_bad_input_is_refused_before_any_work(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    with pytest.raises(ValueError, match=r"900.*899|899.*900"):
        pc.report(case.fit, case.x, case.y[:-1], path)
    with pytest.raises(ValueError, match="rows of shape"):
        pc.report(case.fit, torch.zeros(900, 7), case.y, path)
    with pytest.raises(ValueError, match="counts"):
        pc.report(case.fit, case.x, case.y - 1, path)
    with pytest.raises(ValueError, match="is the folder"):
        pc.report(case.fit, case.x, case.y, tmp_path)
    with pytest.raises(TypeError, match=r"pictures\['a'\] must be a matplotlib Figure; got int"):
        pc.report(case.fit, case.x, case.y, path, pictures={"a": 3})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="pictures must map captions"):
        pc.report(case.fit, case.x, case.y, path, pictures=[Figure()])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="comparison"):
        pc.report(case.fit, case.x, case.y, path, comparison=3)
    with pytest.raises(TypeError, match=r"train must be the pair \(x, y\)"):
        pc.report(case.fit, case.x, case.y, path, train=case.x)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="as many rows of x as of y; got 900 and 3"):
        pc.report(case.fit, case.x, case.y, path, train=(case.x, case.y[:3]))
    with pytest.raises(ValueError, match="each of the 900 rows; got 2"):
        pc.report(case.fit, case.x, case.y, path, groups=["a", "b"])
    assert not path.exists()


@pytest.fixture(scope="module")
def small() -> tuple[pc.Fit, torch.Tensor, torch.Tensor]:
    """A true model of few rows, which nothing denies: the quickest page."""
    return counts(likelihoods.Poisson(1), torch.poisson, rows=100)


def test_a_page_that_cannot_be_finished_leaves_the_old_one(
    small: tuple[pc.Fit, torch.Tensor, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_text("what was there")

    def killed(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(save.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        pc.report(*small, path, progress=False)
    assert path.read_text() == "what was there"
    assert [found.name for found in tmp_path.iterdir()] == ["report.html"]


def test_panels_are_parted_for_phones_and_the_figure_is_left_as_it_was(
    small: tuple[pc.Fit, torch.Tensor, torch.Tensor], tmp_path: Path
) -> None:
    parted, leaning, coloured = (Figure(figsize=(9, 3), layout="constrained") for _ in range(3))
    for figure in (parted, leaning, coloured):
        for i, axis in enumerate(figure.subplots(1, 3, sharey=figure is leaning)):
            axis.set_title(f"part {i}", loc="left")
            shown = axis.imshow([[0, 1]])
    coloured.colorbar(shown, ax=coloured.axes[2])
    pictures = {"parted": parted, "leaning": leaning, "coloured": coloured}
    path = pc.report(*small, tmp_path / "report.html", pictures=pictures, progress=False)
    alts = [str(image["alt"]) for image in Page(path).images]
    assert [alt for alt in alts if alt.endswith("parted")] == [f"part {i}: parted" for i in range(3)]
    assert [alt for alt in alts if alt.endswith(("leaning", "coloured"))] == ["leaning", "coloured"]
    titles = [text for axis in parted.axes for text in axis.findobj(Text) if text.get_text().startswith("part")]
    assert len(titles) == 3
    assert all(title.get_visible() for title in titles)


def test_other_fits_are_compared_with_this_one(tmp_path: Path) -> None:
    fit, x, y = counts(likelihoods.Poisson(1), overdispersed, rows=400)
    other, _, _ = counts(likelihoods.NegativeBinomial(1), overdispersed, rows=400)
    comparison = pc.compare({"this fit": fit, "negative binomial": other}, x, y)
    assert comparison.best == "negative binomial"
    paths = (tmp_path / "by fits.html", tmp_path / "by comparison.html")
    pc.report(fit, x, y, paths[0], comparison={"negative binomial": other}, progress=False)
    pc.report(other, x, y, paths[1], comparison=comparison, progress=False)
    for path in paths:
        page = Page(path)
        assert comparison.verdict in page.text
        for row in comparison.rows:
            assert re.search(rf"{row.name}\s*−{-row.mean:.4f}", page.text), row.name


def test_intervals_and_regions_are_told_apart(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    x, noise = torch.randn(400, 1, generator=generator), torch.randn(400, 2, generator=generator)
    y = x + torch.stack([noise[:, 0], 0.8 * noise[:, 0] + 0.6 * noise[:, 1]], 1)

    def fitted(likelihood: likelihoods.Likelihood) -> pc.Fit:
        model = pc.CostModel(nn.Linear(1, likelihood.num_outputs), likelihood)
        return pc.fit(model, x[:200], y[:200], epochs=30, lr=0.05, progress=False)

    joint, apart = fitted(likelihoods.MultivariateNormal(2)), fitted(likelihoods.Normal(2))
    x, y = x[200:], y[200:]
    page = Page(pc.report(joint, x, y, tmp_path / "report.html", comparison={"apart": apart}, progress=False))
    for fit, of in ((joint, "jointly"), (apart, "singly")):
        shares = [line.statistic for line in pc.check(fit, x, y).lines if line.name.startswith("90 %")]
        assert f"{100 * shares[0]:.1f} % {of}" in page.text


def test_photos_are_compared_and_not_scored_row_by_row(tmp_path: Path) -> None:
    dataset = faces.simulate_faces(n_people=16, n_photos=6, size=(16, 16), seed=1)
    train, test = dataset.folds(4)[0]
    torch.manual_seed(0)
    fit = pc.fit(faces.model(dataset), dataset.x[train], dataset.y[train], epochs=5, progress=False)
    page = Page(pc.report(fit, dataset.x[test], dataset.y[test], tmp_path / "report.html", progress=False))
    for finding in pc.diagnose(fit, dataset.x[test], dataset.y[test]).findings:
        assert finding.belief in page.text
    assert "there is no row to score" in page.text
    assert 'aria-label="-\\sum_{q=1}^{Q} \\log p_q"' in page.source


def told(fit: Any, photos: faces.FaceDataset, rows: Any, tmp_path: Path) -> tuple[str, str]:
    """The banner of a report on photos, and its text."""
    page = Page(pc.report(fit, photos.x[rows], photos.person[rows], tmp_path / "report.html", progress=False))
    verdict = re.search(r'<p class="verdict[^>]*>(.*?)</p>', page.source)
    assert verdict is not None
    return html.unescape(re.sub("<[^>]*>", "", verdict[1])), page.text


def test_too_few_people_are_not_called_calibrated(tmp_path: Path) -> None:
    photos = faces.simulate_faces(n_people=16, n_photos=6, size=(16, 16), seed=1)
    few = "5 people with two photos or more, at least 6 are needed"
    for likelihood, banner in (
        ("n_way", f"Not judged: {few}. Nothing"),
        ("exponential", "Not judged, but both answers"),
    ):
        torch.manual_seed(0)
        train = photos.person > 4
        fit = pc.fit(faces.model(photos, likelihood), photos.x[train], photos.y[train], epochs=2, progress=False)
        verdict, text = told(fit, photos, ~train, tmp_path)
        assert verdict.startswith(banner)
        assert few in verdict
        assert "could not be judged, and is not counted" in text
        # Each of three lines, in the diagnosis and in the check.
        assert text.count(few) >= 6
        assert "pass the check" not in text


def test_epochs_chosen_on_people_held_out_are_not_called_too_few(tmp_path: Path) -> None:
    photos = faces.simulate_faces(n_people=12, n_photos=6, size=(16, 16), seed=1)
    torch.manual_seed(0)
    fit = pc.fit(faces.model(photos), photos.x, photos.y, epochs=40, lr=5e-3, progress=False)
    n = len(fit.history.cost)
    assert n < 40
    _, text = told(fit, photos, np.arange(len(photos)), tmp_path)
    assert f"Trained for {n} of at most 40 epochs, chosen on people held out in turn." in text
    assert "more epochs" not in text
    assert "Training stopped" not in text
    # Where people held out were told apart better to the last, the limit was all that stopped it.
    fit.history.at_most, fit.history.held_out[-1] = n, fit.history.held_out[-2] - 0.1
    assert "The limit decided, not they" in told(fit, photos, np.arange(len(photos)), tmp_path)[1]


def browse(page: Path, width: int, tmp_path: Path) -> dict[str, Any]:
    """What a browser measures of the page in a frame ``width`` pixels wide, and every complaint of its console."""
    assert BROWSER is not None
    measure = """
      const page = document.getElementById('page'), inside = page.contentDocument, root = inside.documentElement
      const beyond = [...inside.querySelectorAll('body *')].filter(e => !e.closest('.box, .equation, svg')
          && getComputedStyle(e).position != 'absolute' && e.getBoundingClientRect().right > root.clientWidth + 1)
      const sizes = [...inside.querySelectorAll('p, li, td, th, dd, dt, figcaption, a')].filter(e => e.textContent.trim())
      const images = [...inside.images]
      document.body.textContent = 'MEASURED' + JSON.stringify({
          scroll: root.scrollWidth, inner: page.contentWindow.innerWidth, beyond: beyond.map(e => e.outerHTML.slice(0, 200)),
          font: Math.min(...sizes.map(e => parseFloat(getComputedStyle(e).fontSize))), images: images.length,
          shown: images.filter(i => i.complete && i.naturalWidth && i.getBoundingClientRect().width > 100).length,
          text: inside.body.innerText}) + 'END'"""
    frame = tmp_path / f"frame{width}.html"
    frame.write_text(
        f'<body><iframe id="page" src="{page.as_uri()}" style="width:{width}px;height:900px;border:0"></iframe>'
        f"<script>onload = () => {{{measure}}}</script>"
    )
    # Files are each an origin of their own, unless the browser is told otherwise; only the measurement looks inside.
    command = [
        BROWSER,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--allow-file-access-from-files",
        "--enable-logging=stderr",
    ]
    command += [
        f"--user-data-dir={tmp_path / 'browser'}",
        "--window-size=1400,1000",
        "--virtual-time-budget=5000",
        "--dump-dom",
    ]
    done = subprocess.run([*command, frame.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r"MEASURED(.*)END", done.stdout, re.DOTALL)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    measured: dict[str, Any] = json.loads(html.unescape(found[1]))
    return {**measured, "console": [line for line in done.stderr.splitlines() if ":CONSOLE" in line]}


@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome is installed to open the page in")
@pytest.mark.parametrize("width", [390, 1200])
def test_a_browser_shows_it_whole(case: Case, width: int, tmp_path: Path) -> None:
    seen = browse(case.path, width, tmp_path)
    assert seen["inner"] == width
    assert seen["scroll"] <= seen["inner"]
    assert not seen["beyond"]
    assert seen["font"] >= 15
    assert seen["images"] == seen["shown"] == len(case.page.images)
    assert not seen["console"]
    for words in ("Not calibrated.", "What the model believes", "Is it calibrated?", "Written by probcost"):
        assert words in seen["text"]
