"""Run the examples of the documentation and compare what they print.

Every block of Python in a page is executed as written, in order and in one namespace.
Where a block of text follows, it must be what the block printed; times and numbers as
small as rounding (2.3e-15) may differ. Examples run in an empty folder in which `tests`
is that of the repository, so that they may read its data. Usage::

    python docs/run_examples.py                # all pages of docs/ and README.md
    python docs/run_examples.py docs/model.md
"""

import contextlib
import difflib
import io
import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARYING = [
    (re.compile(r"\d+\.\d+ ?s\b"), "<time>"),
    (re.compile(r"\d\.\d+e-\d+"), "<tiny>"),
]


def examples(text):
    """Yield the code, its line number, and the output shown after it or None."""
    blocks = list(_BLOCK.finditer(text))
    for block, following in zip(blocks, [*blocks[1:], None], strict=False):
        if block[1] != "python":
            continue
        shown = None
        if following and following[1] == "text":
            between = text[block.end() : following.start()]
            shown = following[2] if not between.strip() else None
        yield block[2], text[: block.start()].count("\n") + 2, shown


def normal(output):
    """Take out of an output what may vary."""
    lines = [line.rstrip() for line in output.strip().splitlines()]
    text = "\n".join(lines)
    for pattern, name in _VARYING:
        text = pattern.sub(name, text)
    return text


def run_page(path):
    """Run the examples of a page; returns the differences, as lines."""
    namespace, problems = {"__name__": "__main__"}, []
    for code, number, shown in examples(path.read_text()):
        printed = io.StringIO()
        source = "\n" * (number - 1) + code
        with contextlib.redirect_stdout(printed):
            exec(compile(source, str(path), "exec"), namespace)
        if shown is not None and normal(printed.getvalue()) != normal(shown):
            problems += [
                f"{path}, line {number}:",
                *difflib.unified_diff(
                    normal(shown).splitlines(),
                    normal(printed.getvalue()).splitlines(),
                    "shown",
                    "printed",
                    lineterm="",
                ),
            ]
    return problems


def main(arguments):
    """Run the pages given, or all; returns the exit status."""
    pages = [Path(a).resolve() for a in arguments] or [
        ROOT / "README.md",
        *sorted((ROOT / "docs").glob("*.md")),
    ]
    os.environ.setdefault("MPLBACKEND", "Agg")
    problems = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("tests").symlink_to(ROOT / "tests")
        for page in pages:
            problems += run_page(page)
    print(*problems, sep="\n")
    print(f"{len(pages)} pages, {'differences above' if problems else 'all as shown'}")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
