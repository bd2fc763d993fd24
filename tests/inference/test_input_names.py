"""A fit goes by the names of its inputs where both the rows it was trained on and new ones have names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import probcost as pc


def frames(rows: int = 300) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["size", "age", "dose"])
    y = pd.DataFrame({"low": rng.poisson(np.exp(x["size"] / 2)), "high": rng.poisson(3 * np.exp(x["dose"] / 2))})
    return x, y


def fitted(x: pd.DataFrame, y: pd.DataFrame) -> pc.Fit:
    model = pc.CostModel(nn.Linear(3, 2), pc.likelihoods.Poisson(2))
    return pc.fit(model, x, y, optimizer="lbfgs", progress=False)


def test_columns_in_another_order_predict_the_same(tmp_path: Path) -> None:
    x, y = frames()
    fit = fitted(x, y)
    expected = fit.predict(x.to_numpy()).mean
    fit.save(tmp_path)
    for known in (fit, pc.load(tmp_path)):
        assert torch.equal(known.predict(x[["dose", "size", "age"]]).mean, expected)
        assert torch.equal(known.predict(x.assign(more=1.0)[["more", "age", "dose", "size"]]).mean, expected)
    turned = pc.check(fit, x[["dose", "size", "age"]], y[["high", "low"]])
    assert turned.lines == pc.check(fit, x, y).lines
    own_loop = pc.as_fit(fit.model, x, y)
    assert torch.equal(own_loop.predict(x[["age", "dose", "size"]]).mean, expected)


def test_a_missing_column_is_named() -> None:
    x, y = frames()
    fit = fitted(x, y)
    with pytest.raises(ValueError, match=r"x has no column 'dose'; this fit was trained on 'size', 'age', 'dose'"):
        fit.predict(x.rename(columns={"dose": "amount"}))
    with pytest.raises(ValueError, match=r"validation x has no column 'age'"):
        pc.fit(fit.model, x, y, validation=(x.drop(columns="age"), y), progress=False)


def test_files_from_before_names_were_kept_still_load(tmp_path: Path) -> None:
    x, y = frames()
    fit = fitted(x, y)
    fit.save(tmp_path)
    file = tmp_path / "fit.json"
    described = json.loads(file.read_text())
    del described["input_names"]
    file.write_text(json.dumps(described))
    loaded = pc.load(tmp_path)
    assert loaded.input_names is None
    assert torch.equal(loaded.predict(x).mean, fit.predict(x).mean)
