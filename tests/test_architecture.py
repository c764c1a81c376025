"""The shape of the package: which wing imports which, and how long things are."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import mixreg_sklearn

ROOT = Path(mixreg_sklearn.__file__).parent
FILES = {path.relative_to(ROOT): path.read_text() for path in ROOT.rglob("*.py")}
TREES = {path: ast.parse(text) for path, text in FILES.items()}

# What each wing may import: nothing that stands below it, and no more than this.
WINGS = {
    "_numerics": "",
    "_background": "",
    "_blas": "",
    "_docs": "",
    "_component_names": "",
    "_extras": "",
    "_remembered": "",
    "datasets": "_docs",
    "families": "_docs",
    "gates": "_numerics",
    "_data": "_background _extras families gates",
    "predictive": "_numerics _docs families _data",
    "_responses": "families _data",
    "_estimates": "_data predictive",
    "_fitted": "_background _numerics families _data predictive _estimates",
    "_expert_estimates": "_extras families _data _estimates",
    "_at_rows": (
        "_numerics _remembered families _data predictive _estimates _fitted"
        " _expert_estimates"
    ),
    "_inside": "_remembered",
    "_engine": "_background _numerics families gates _data _fitted",
    "_search": "_numerics families _data _engine",
    "_dask": "_blas _extras _remembered families _data _engine",
    "_by_partition": "_extras _dask",
    "_posed": "_blas _extras _data _engine _dask",
    "_rebuilt": "_remembered _data _fitted _inside _engine _posed",
    "_criteria": "_at_rows _numerics _docs _data _by_partition",
    "_leverage": "_data",
    "_choice": "_fitted",
    "_status": "",
    "_progress": "_status",
    "_thin": "",
    "_null": "gates _data _fitted _engine _search",
    "_notebook": "_responses _fitted _inside _status _thin",
    "_warnings": "",
    "inference": (
        "_numerics _blas _docs _component_names _extras families _data predictive"
        " _responses _fitted _inside _engine _search _rebuilt"
    ),
    "_reports": (
        "_numerics _blas _docs _component_names _extras families _data predictive"
        " _responses _inside _rebuilt _criteria _status _thin inference"
    ),
    "_regressor": (
        "_numerics _blas _docs _remembered _warnings families gates _data predictive"
        " _at_rows _responses _estimates _fitted _engine _search _posed _by_partition"
        " _criteria _null _thin _progress _notebook _reports"
    ),
    "_expert_predictions": "_numerics _docs _data predictive _at_rows _criteria",
    "_experts": ("_blas _numerics families _data _expert_estimates _engine _regressor"),
    "_experts_regressor": (
        "_docs _numerics _warnings _data _progress _expert_predictions _experts"
    ),
    "_growth": "_blas gates _data _engine _search _rebuilt _regressor",
    "_paths": "_blas _numerics _data _search _posed _progress _regressor",
    "_candidates": "_data _choice _criteria _growth _paths _regressor _warnings",
    "_comparison": "_candidates _status",
    "_selection": (
        "_docs _data _fitted _inside _candidates _comparison _progress"
        " _notebook _reports _regressor"
    ),
    "_formula": "_docs _extras _data _regressor _selection",
    "__init__": "_reports _regressor _experts_regressor _selection _formula _warnings",
    "experts": "_data",
    "residuals": (
        "_at_rows _blas _docs families _data predictive _responses _estimates _fitted"
        " _inside _leverage"
    ),
    "metrics": (
        "_numerics _docs _component_names _extras families _data _inside _search"
        " _rebuilt _regressor _growth residuals"
    ),
    "plotting": (
        "_docs _component_names families _data predictive _responses _inside inference"
        " residuals"
    ),
    "_cli": (
        "families _component_names _inside _status _thin datasets _regressor _selection"
        " plotting"
    ),
    "__main__": "_cli",
}
LONGEST_FILE, LONGEST_FUNCTION = 450, 50


def imported(path):
    """Files of the package that a file imports, anywhere in it."""
    package = path.parent.parts
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            parts = [name.name.split(".") for name in node.names]
            targets = [part[1:] for part in parts if part[0] == "mixreg_sklearn"]
        elif isinstance(node, ast.ImportFrom):
            module = node.module.split(".") if node.module else []
            if not node.level and module[0] != "mixreg_sklearn":
                continue
            outer = package[: len(package) + 1 - node.level] if node.level else ()
            start = [*outer, *(module if node.level else module[1:])]
            # A name may be a module itself: `from . import module`.
            targets = [[*start, name.name] for name in node.names]
        else:
            continue
        yield from map(file_of, targets)


def file_of(parts):
    """The file of a module, or of the module that a name is in."""
    for end in (len(parts), len(parts) - 1):
        for path in (
            Path(*parts[:end]).with_suffix(".py") if end else Path("__init__.py"),
            Path(*parts[:end], "__init__.py"),
        ):
            if path in FILES:
                return path
    raise AssertionError(f"no file for {parts}")


def wing(path):
    """The folder of a file, or its own name at the top."""
    return path.parts[0].removesuffix(".py")


def test_the_table_has_every_wing_and_no_other():
    assert {wing(path) for path in FILES} == set(WINGS)


def test_no_wing_may_import_what_stands_below_it():
    names = list(WINGS)
    for name, allowed in WINGS.items():
        assert set(allowed.split()) <= set(names[: names.index(name)])


@pytest.mark.parametrize("path", sorted(FILES), ids=str)
def test_a_file_imports_only_what_its_wing_may(path):
    allowed = {wing(path), *WINGS[wing(path)].split()}
    wrong = {str(other) for other in imported(path) if wing(other) not in allowed}
    assert not wrong


def test_dask_is_imported_only_once_there_is_a_collection():
    for path, tree in TREES.items():
        at_once = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
        names = {(node.module or "").split(".")[0] for node in at_once}
        names |= {
            name.name.split(".")[0]
            for node in tree.body
            if isinstance(node, ast.Import)
            for name in node.names
        }
        if wing(path) != "_dask":
            assert not names & {"dask", "distributed", "_dask"}, path


def test_no_files_import_each_other_in_a_circle():
    circle_free = TopologicalSorter({path: set(imported(path)) for path in FILES})
    assert len(list(circle_free.static_order())) == len(FILES)


@pytest.mark.parametrize("path", sorted(FILES), ids=str)
def test_no_file_is_long(path):
    # One class has the docstrings of all methods of the estimator.
    if path != Path("_regressor.py"):
        assert len(FILES[path].splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", sorted(FILES), ids=str)
def test_no_function_is_long(path):
    lengths = {
        node.name: code_lines(node, FILES[path])
        for node in ast.walk(TREES[path])
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    long = {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION}
    assert not long


def code_lines(function, text):
    """Lines of a body that are neither blank, comment nor docstring."""
    docstrings = set()
    for node in ast.walk(function):
        documented = isinstance(node, (ast.FunctionDef, ast.ClassDef))
        if documented and ast.get_docstring(node) is not None:
            docstring = node.body[0]
            docstrings.update(range(docstring.lineno, docstring.end_lineno + 1))
    lines = text.splitlines()
    numbers = range(function.body[0].lineno, function.end_lineno + 1)
    bare = (lines[i - 1].strip() for i in numbers if i not in docstrings)
    return sum(bool(line) and not line.startswith("#") for line in bare)
