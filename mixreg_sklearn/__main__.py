"""The command line: fit a mixture of regressions to a table.

``python -m mixreg_sklearn`` fits the two lines of `load_two_lines`;
``python -m mixreg_sklearn --csv FILE --target NAME`` fits the user's table.
"""

import sys

from ._cli.main import main

if __name__ == "__main__":
    sys.exit(main())
