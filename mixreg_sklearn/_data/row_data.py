"""What a family takes for every row besides the response, such as trials.

Inside the package it travels as one dict, with the names of `Family.row_data`.
"""

import numpy as np


def given(**values):
    """Those of the arguments that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def target_of(family, y, row_data):
    """The response (n,) as the methods of a family take it; rows are last.

    Raises
    ------
    ValueError
        If the family does not know what is in `row_data`, or it does not fit `y`.
    """
    return family.target(y, **row_data)


def check_row_data(family, row_data, n_rows):
    """Row data that the family knows, each as one number for every row, (n,).

    Raises
    ------
    ValueError
        As `target_of`.
    """
    if not row_data:
        return row_data
    target_of(family, np.zeros(n_rows), row_data)
    return {
        name: np.broadcast_to(np.asarray(values, dtype=float), n_rows)
        for name, values in row_data.items()
    }
