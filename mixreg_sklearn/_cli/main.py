"""The command from its arguments to its exit status."""

import sys

from .as_json import as_json
from .data import make_data
from .fitting import fitted
from .memberships import check_names, write_memberships
from .options import parsed
from .picture import draw
from .report import remarks, report
from .saved import save
from .words import Failure, Refusal, plain


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments. None means the arguments of the process.

    Returns
    -------
    int
        Exit status: 0; 1 if the fit failed; 2 if the command or the data cannot be
        used, or a result cannot be written; 130 if it was interrupted. Unless it is 0,
        a line on standard error gives the reason.
    """
    try:
        _run(sys.argv[1:] if argv is None else argv)
    except Refusal as refusal:
        return _stopped(2, refusal)
    except Failure as failure:
        return _stopped(1, failure)
    except KeyboardInterrupt:
        return _stopped(130, "interrupted")
    return 0


def _stopped(exit_status, reason):
    print(f"mixreg_sklearn: {plain(reason)}", file=sys.stderr)
    return exit_status


def _run(arguments):
    options = parsed(arguments)
    data = make_data(options)
    if options.memberships:
        check_names(data, options)
    model, caught = fitted(data, options)
    notes = caught + remarks(data, model)
    text = (
        as_json(data, model, options, notes)
        if options.json
        else report(data, model, notes)
    )
    print(text)
    for path, write in (
        (options.plot, draw),
        (options.memberships, write_memberships),
        (options.save, save),
    ):
        if path:
            line = write(data, model, path)
            if not options.json:
                print(line)
