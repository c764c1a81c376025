"""Configuration of the documentation site, which Sphinx builds from this folder.

Nothing is fetched, neither by the build nor by the pages: MathJax, fonts and icons are
copied from installed packages. Usage, with the extra ``docs`` installed::

    python -m sphinx -W --keep-going docs docs/_build
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from sphinx_gallery.sorting import ExplicitOrder

import mixreg_sklearn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # for gallery_style

project = "mixreg_sklearn"
author = "The mixreg_sklearn developers"
copyright = author
version = release = mixreg_sklearn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx-mathjax-offline",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "numpydoc",
    "myst_parser",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "gallery", "images"]
default_role = "literal"  # `names` in docstrings

# Pages are read on code hosts, too: the Markdown of CommonMark, tables and dollars.
# Directives are in index.md and guide.md alone.
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4

# Commands are copied without what is printed, and examples of docstrings without >>>.
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_selector = "div:not(.highlight-text, .highlight-none) > div > pre"

mathjax3_config = {"chtml": {"scale": 0.92}}  # beside a sans serif font

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_class_members_toctree = False
# Named tuples have their fields; that they count and index is known.
_TUPLES = [
    "mixreg_sklearn.families.Constant",
    "mixreg_sklearn.families.Derivatives",
    "mixreg_sklearn.families.Evaluation",
    "mixreg_sklearn.families.Local",
    "mixreg_sklearn.families.Predictor",
    "mixreg_sklearn.families.Support",
    "mixreg_sklearn.inference.WaldTest",
    "mixreg_sklearn.metrics.BootstrapLRT",
    "mixreg_sklearn.metrics.ClassQuality",
    "mixreg_sklearn.metrics.OptimalityGap",
]
# Methods of scikit-learn's own classes refer to its pages.
_THEIRS = ["mixreg_sklearn.experts.WeightedGaussianProcessRegressor"]
numpydoc_show_inherited_class_members = dict.fromkeys([*_TUPLES, *_THEIRS], False)
# Parameters are documented as the signature has them. What the engine asks of families
# and gates is said once, by their base class; scorers are called by scikit-learn.
numpydoc_validation_checks = {"PR01", "PR02", "PR03", "PR04", "RT01", "RT03"}
numpydoc_validation_exclude = {
    r"\.families\.[A-Z]\w+\.",
    r"\.gates\.[A-Z]\w+\.",
    r"_scorer$",
    *(rf"^{re.escape(name)}$" for name in _TUPLES),
}
toc_object_entries_show_parents = "hide"

sphinx_gallery_conf = {
    "reset_modules": ("matplotlib", "gallery_style.plain_pictures"),
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "doc_module": ("mixreg_sklearn",),
    "backreferences_dir": "generated/backreferences",
    "capture_repr": ("_repr_html_",),
    "download_all_examples": False,
    "min_reported_time": 10,
    "within_subsection_order": ExplicitOrder(
        [
            "plot_two_lines.py",
            "plot_tone.py",
            "plot_nodata.py",
            "plot_choosing.py",
            "plot_inference.py",
            "plot_prediction.py",
            "plot_pipeline.py",
            "plot_segments.py",
            "*",
        ]
    ),
    "thumbnail_size": (600, 420),
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["_static"]
html_logo = "_static/logo.svg"
html_favicon = "_static/favicon.svg"
html_css_files = ["site.css"]
html_sidebars = {
    "quickstart": [],
    "changelog": [],
    "about": [],
}  # pages without a section
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": f"{project} {version}"},
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
    "back_to_top_button": False,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
}

# scikit-learn's own docstrings refer to its own pages, terms and versions.
_SITE = "https://scikit-learn.org/stable"
_FOREIGN = [
    (r":ref:`([^`<]*?)\s*<(metadata_routing)>`", rf"`\1 <{_SITE}/\2.html>`__"),
    (r":term:`(meta-estimator)`", rf"`\1 <{_SITE}/glossary.html#term-\1>`__"),
    (r"\.\. versionadded:: (1\.\d+)\n", r"*Since scikit-learn \1.*\n"),
]


def point_abroad(app, what, name, obj, options, lines):
    """Let inherited docstrings refer to the site of scikit-learn."""
    text = "\n".join(lines)
    for pattern, replacement in _FOREIGN:
        text = re.sub(pattern, replacement, text)
    lines[:] = text.split("\n")


def write_help(app):
    """Write what the command prints about itself, for api.rst to include."""
    target = HERE / "generated" / "command_line.txt"
    target.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "mixreg_sklearn", "--help"]
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    target.write_bytes(subprocess.check_output(command, env=environment))


def setup(app):
    """Connect what is above to Sphinx."""
    app.connect("builder-inited", write_help)
    app.connect("autodoc-process-docstring", point_abroad)
