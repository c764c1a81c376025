"""What a running fit shows on a terminal."""

import io
import sys
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec


@contextmanager
def shown_progress():
    """Show the latest line that a fit prints, while it runs. -> its verbosity.

    Nothing is shown unless standard error is a terminal and rich is installed.
    """
    if not sys.stderr.isatty() or find_spec("rich") is None:
        yield 0
        return
    from rich.console import Console
    from rich.text import Text

    with (
        Console(stderr=True).status("searching") as status,
        redirect_stdout(_Latest(lambda line: status.update(Text(line)))),
    ):
        yield 1


class _Latest(io.TextIOBase):
    """A file that hands on each line instead of keeping it."""

    def __init__(self, hand_on):
        self.hand_on, self.begun = hand_on, ""

    def write(self, text):
        *lines, self.begun = (self.begun + text).split("\n")
        for line in lines:
            self.hand_on(line.strip())
        return len(text)
