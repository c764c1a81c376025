"""Row data: arguments of a family with one number per row, such as trials.

Inside the package, one dict contains them, with the names of `Family.row_data`, and
another one all arguments about rows.
"""

import numpy as np

from .known import KNOWN

# Keywords about rows, of functions and methods: row data of families, what predictions
# take, and all of them.
ROW_DATA = "trials", "row_scale"
OF_ROWS = "offset", *ROW_DATA
ROW_ARGUMENTS = "groups", *OF_ROWS, KNOWN


def given(**values):
    """The arguments that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def row_arguments(arguments, names=ROW_ARGUMENTS):
    """Those among the arguments of a function, its `locals()`, that are not None."""
    return given(**{name: arguments[name] for name in names if name in arguments})


def check_row_data(family, row_data, n_rows):
    """Row data that the family declares, each as one number per row, (n,).

    Raises
    ------
    ValueError
        If the family does not declare or does not admit them.
    """
    if not row_data:
        return row_data
    family.target(np.zeros(n_rows), **row_data)
    return {
        name: np.broadcast_to(np.asarray(values, dtype=float), n_rows)
        for name, values in row_data.items()
    }
