"""What tests of inference share."""

import pytest
from inference.cases import fit
from support import separated

from mixreg_sklearn.inference import inference


@pytest.fixture(scope="module")
def lines():
    sample = separated(3, n=160, d=2)
    return sample.X, sample.y, {}


@pytest.fixture(scope="module")
def model(lines):
    return fit(lines)


@pytest.fixture(scope="module")
def result(lines, model):
    return inference(model, *lines[:2])
