"""Tables from pandas: what is wrong is said of columns by their names, what is right is understood."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import probcost as pc

ROWS = 60
RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(ROWS, 3)), columns=["cement", "water", "age"])
Y = pd.Series(2 * X["cement"] + RNG.normal(size=ROWS), name="strength MPa")
LAB = np.where(RNG.random(ROWS) < 0.5, "north", "south")


def regress(x: Any, y: Any = Y, **options: Any) -> pc.Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return pc.regress(x, y, **{"epochs": 2, "members": 2, "progress": False, **options})


@pytest.fixture(scope="module")
def fitted() -> pc.Fit:
    return regress(X)


def with_gaps(x: pd.DataFrame, value: Any = np.nan) -> pd.DataFrame:
    x = x.copy()
    x.loc[x.index[33:51], "water"] = value
    return x


def without(row: int, table: Any) -> Any:
    return table.drop(index=row).reindex(table.index)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (
            with_gaps(X),
            Y,
            r"column 'water' of x is not finite in 18 rows, first at index 33; fill them and add a column",
        ),
        (with_gaps(X, np.inf), Y, "column 'water' of x is not finite in 18 rows"),
        (with_gaps(X.convert_dtypes(), pd.NA), Y, "column 'water' of x is not finite in 18 rows, first at index 33"),
        (with_gaps(X.set_index("S" + X.index.astype(str))), Y, "in 18 rows, first at index S33;"),
        (with_gaps(X).assign(age=[np.nan, *X["age"][1:]]), Y, "columns 'water', 'age' of x are not finite in 19 rows"),
        (with_gaps(X)["water"], Y, "column 'water' of x is not finite in 18 rows"),
        (with_gaps(X).to_numpy(), Y, r"x\[33, 1\] is not finite, the first of 18 in 18 rows; fill them"),
        (without(5, X).to_numpy(), Y, r"x\[5, 0\] is not finite, the first of 3 in 1 row; fill them"),
        (
            X,
            without(7, Y),
            "column 'strength MPa' of y is not finite in 1 row, first at index 7; leave the rows",
        ),
        (X, without(7, Y).to_numpy(), r"y\[7, 0\] is nan"),
    ],
)
def test_what_is_not_finite_is_said_by_column(x: Any, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        regress(x, y)


def test_predictions_name_columns_too(fitted: pc.Fit) -> None:
    with pytest.raises(ValueError, match="column 'water' of x is not finite in 18 rows"):
        fitted.predict(with_gaps(X)[["water", "age", "cement"]])
    with pytest.raises(TypeError, match="column 'water' of x holds text"):
        fitted.predict(X.assign(water=LAB))


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (
            X.assign(lab=LAB),
            Y,
            r"column 'lab' of x holds text; pd.get_dummies\(x\).astype\(float\) makes numbers of it",
        ),
        (X.assign(lab=LAB, site=pd.Categorical(LAB)), Y, r"columns 'lab', 'site' of x hold text; pd.get_dummies\(x\)"),
        (
            X.assign(age=["?", *map(str, X["age"][1:])]),
            Y,
            "'age' of x holds text; .* pd.to_numeric of numbers written as",
        ),
        (
            X.assign(day=pd.date_range("2020", periods=ROWS)),
            Y,
            r"'day' of x holds datetime64.* the days since a first date",
        ),
        (pd.Series(LAB), Y, "x holds text"),
        (X, pd.Series(LAB, name="lab"), "column 'lab' of y holds text; pd.to_numeric makes numbers of it where"),
    ],
)
def test_columns_that_are_no_numbers_are_named(x: Any, y: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        regress(x, y)


@pytest.mark.parametrize(
    "typed",
    [
        lambda x: x,
        lambda x: x.convert_dtypes(),
        lambda x: x.astype(object),
        lambda x: x.astype({name: pd.SparseDtype(bool) for name in x if x[name].dtype == bool}),
    ],
    ids=["bool", "nullable", "object", "sparse"],
)
def test_columns_of_several_kinds_are_the_numbers_they_stand_for(typed: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    x = pd.get_dummies(X.assign(lab=LAB, floor=np.arange(ROWS) % 5))
    expected = regress(x.astype(float)).predict(x.astype(float)).mean
    fit = regress(typed(x), typed(Y.to_frame())["strength MPa"])
    assert torch.equal(fit.predict(typed(x)).mean, expected)
    assert pc.advise(typed(x), typed(Y.to_frame())).shape == (ROWS, 1, 6)


def test_columns_that_say_nothing_are_named() -> None:
    x = X.assign(plant=1.0, line=2.0)
    with pytest.warns(UserWarning, match=r"x is constant in column\(s\) 'plant', 'line': they carry no information"):
        pc.regress(x, Y, epochs=1, members=2, progress=False)
    with pytest.warns(UserWarning, match=r"x varies in column\(s\) 'age' by less than"):
        pc.regress(X.assign(age=X["age"] + 1e5), Y, epochs=1, members=2, progress=False)


def test_a_series_gives_its_unit_a_name(fitted: pc.Fit, tmp_path: Path) -> None:
    assert fitted.unit_names == pc.as_fit(fitted.model, X, Y).unit_names == ["strength MPa"]
    assert regress(X, Y.rename(None)).unit_names == ["0"]
    assert pc.check(fitted, X, Y).units.index.tolist() == ["strength MPa"]
    pc.report(fitted, X, Y, tmp_path / "report.html", progress=False)
    assert "strength MPa" in (tmp_path / "report.html").read_text()


def test_a_series_of_inputs_goes_by_position(fitted: pc.Fit) -> None:
    fit = regress(X["cement"])
    assert fit.input_names == ["cement"]
    expected = fit.predict(X["cement"]).mean
    assert torch.equal(fit.predict(X["cement"].rename("binder")).mean, expected)
    assert torch.equal(fit.predict(X[["age", "cement"]]).mean, expected)
    with pytest.raises(ValueError, match=r"x has rows of shape \[1\]; this fit was trained on \[3\]"):
        fitted.predict(X.iloc[0])


@pytest.mark.parametrize(
    "paired",
    [
        lambda fit, x, y: regress(x, y),
        lambda fit, x, y: pc.as_fit(fit.model, x, y),
        lambda fit, x, y: fit.log_prob(x, y),
        lambda fit, x, y: pc.score(fit, x, y),
        lambda fit, x, y: pc.check(fit, x, y),
        lambda fit, x, y: pc.diagnose(fit, x, y),
        lambda fit, x, y: pc.compare({"one": fit, "another": fit}, x, y),
        lambda fit, x, y: pc.report(fit, x, y, "never written.html", progress=False),
    ],
    ids=["regress", "as_fit", "log_prob", "score", "check", "diagnose", "compare", "report"],
)
def test_one_index_in_two_orders_is_refused(paired: Callable[..., Any], fitted: pc.Fit) -> None:
    for x, y in ((X, Y.sample(frac=1, random_state=0)), (X[::-1], Y.to_frame())):
        with pytest.raises(ValueError, match=r"x and y hold the same index in another order.*y\.loc\[x\.index\]"):
            paired(fitted, x, y)


def test_validation_rows_are_paired_likewise() -> None:
    with pytest.raises(ValueError, match="validation x and validation y hold the same index in another order"):
        regress(X, validation=(X[:20], Y[:20][::-1]))


def test_other_indices_are_no_sign_of_anything(fitted: pc.Fit) -> None:
    shuffled = Y.sample(frac=1, random_state=0)
    expected = fitted.log_prob(X, shuffled.to_numpy())
    assert torch.equal(fitted.log_prob(X.to_numpy(), shuffled), expected)
    assert torch.equal(fitted.log_prob(X, shuffled.reset_index(drop=True)), expected)
    assert torch.equal(fitted.log_prob(X, shuffled.set_axis(shuffled.index + 1)), expected)
    assert torch.equal(fitted.log_prob(X.set_axis(X.index // 2), shuffled.set_axis(shuffled.index // 2)), expected)
    assert torch.equal(fitted.log_prob(X.loc[shuffled.index], shuffled), fitted.log_prob(X, Y)[:, shuffled.index])


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
@pytest.mark.parametrize("of", [list, pd.Series, lambda labels: np.array(labels, dtype=object)])
def test_a_missing_label_is_named(missing: Any, of: Callable[[list[Any]], Any]) -> None:
    labels = [missing if i == 17 else f"batch {i % 6}" for i in range(ROWS)]
    with pytest.raises(ValueError, match=r"groups\[17\] is missing; every row needs a label"):
        regress(X, groups=of(labels))


@pytest.mark.parametrize(
    "fit",
    [
        lambda x, y: pc.regress(x, y, epochs=1, progress=False),
        lambda x, y: pc.fit(pc.CostModel(nn.Linear(3, 2), pc.likelihoods.Normal(1)), x, y, epochs=1, progress=False),
    ],
    ids=["regress", "fit"],
)
def test_few_rows_are_warned_of_once(fit: Callable[..., pc.Fit]) -> None:
    with pytest.warns(UserWarning, match="x has 12 rows: so few can hardly teach a model anything") as caught:
        fit(X[:12], Y[:12])
    assert len(caught) == 1


def test_enough_rows_or_a_prior_are_not_warned_of() -> None:
    regress(X[:20], Y[:20])
    regress(X[:12], Y[:12], method="svi")


def test_arrays_of_pandas_without_a_name_are_targets_too() -> None:
    assert regress(X, Y.array).predict(X).mean.shape == (ROWS, 1)


def test_overlapping_intervals_are_an_index_like_any_other() -> None:
    index = pd.IntervalIndex.from_tuples([(i, i + 2) for i in range(ROWS)])
    regress(X.set_axis(index), Y.set_axis(index))
    with pytest.raises(ValueError, match="same index in another order"):
        regress(X.set_axis(index), Y.set_axis(index).iloc[::-1])


def test_labels_in_another_order_are_refused() -> None:
    labels = pd.Series(np.arange(ROWS) // 4)
    with pytest.raises(ValueError, match=r"x and groups hold the same index in another order.*groups.loc\[x.index\]"):
        regress(X, Y, groups=labels.iloc[::-1])
