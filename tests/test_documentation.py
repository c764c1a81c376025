"""The reference of the documentation site, docs/api.rst."""

import importlib
import importlib.metadata
import pkgutil
import re
from pathlib import Path

import mixreg_sklearn

REFERENCE = Path(__file__).parents[1] / "docs" / "api.rst"


def public_names():
    """Names in the `__all__` of every public module, as they are imported."""
    modules = ["mixreg_sklearn"]
    for module in pkgutil.iter_modules(mixreg_sklearn.__path__):
        if not module.name.startswith("_"):
            modules.append(f"mixreg_sklearn.{module.name}")
    for module in modules:
        for name in importlib.import_module(module).__all__:
            yield f"{module}.{name}"


def documented_names():
    """Names in the tables of the reference."""
    module = None
    for line in REFERENCE.read_text().splitlines():
        if line.startswith(".. currentmodule::"):
            module = line.split()[-1]
        elif re.fullmatch(r"   \w+", line):
            yield f"{module}.{line.strip()}"


def test_the_reference_has_every_public_name_once_and_no_other():
    assert sorted(documented_names()) == sorted(public_names())


def test_no_public_docstring_has_a_placeholder_left():
    for path in public_names():
        module, _, name = path.rpartition(".")
        public = getattr(importlib.import_module(module), name)
        members = [getattr(public, member) for member in dir(public)]
        for documented in (public, *members):
            text = getattr(documented, "__doc__", None) or ""
            assert not re.search(r"^ *\{[\w, ]+\}$", text, re.MULTILINE), path


def test_the_version_is_that_of_the_installed_package():
    assert mixreg_sklearn.__version__ == importlib.metadata.version("mixreg-sklearn")
