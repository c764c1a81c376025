"""What all tests share."""

import sys

import pytest


@pytest.fixture(autouse=True)
def _close_figures():
    """Close what a test has drawn: matplotlib warns of more than 20 open figures."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
