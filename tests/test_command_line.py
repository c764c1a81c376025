"""The command line answers with a table, or refuses in one line."""

import subprocess
import sys

import numpy as np
import pytest
from support import two_lines, two_lines_and_one_odd_value

import mixreg_sklearn.__main__ as command_line
from mixreg_sklearn.__main__ import main


@pytest.fixture
def table(tmp_path):
    """Write a csv file of text, and return its path."""

    def write(text, encoding="utf-8"):
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode(encoding))
        return str(path)

    return write


@pytest.fixture
def lines(table):
    """A csv file of two lines, with a column that says nothing."""
    X, y = two_lines(n=90)
    rows = [f"{a},{b},{i % 2}" for i, (a, b) in enumerate(zip(X[:, 0], y, strict=True))]
    return table("\n".join(["dose,effect,side", *rows]))


def refusal(capsys, *arguments):
    """The only line of a refusal; fail if it is not one."""
    assert main([str(argument) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    [line] = err.splitlines()
    assert line.startswith("mixreg_sklearn: ")
    return line


def test_two_lines_are_found_and_proven(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "two lines: 200 rows, 1 feature, target y" in out
    [chosen] = [line for line in out.splitlines() if "<- chosen" in line]
    assert chosen.split()[:4] == ["2", "7", "-358.340", "753.769"]
    cells = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}
    assert sorted(cells["intercept"]) == ["10.357", "3.021"]
    assert sorted(cells["x"]) == ["-0.999", "2.963"]
    assert sorted(cells["scale"]) == ["0.235", "2.247"]
    assert "A local maximum is proven" in out
    assert max(map(len, out.splitlines())) <= 80


def test_it_runs_as_a_module():
    run = subprocess.run(
        [sys.executable, "-m", "mixreg_sklearn", "--components", "2"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert "A local maximum is proven" in run.stdout
    run = subprocess.run(
        [sys.executable, "-m", "mixreg_sklearn", "--csv", "missing.csv"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 2
    assert "Traceback" not in run.stderr


def test_a_table_of_ones_own_is_fitted(capsys, lines):
    command = ["--csv", lines, "--target", "effect", "--components", "1,2"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "table.csv: 90 rows, 2 features, target effect" in out
    labels = [line.split()[0] for line in out.splitlines() if line]
    first = labels.index("share")
    assert labels[first:][:5] == ["share", "intercept", "dose", "side", "scale"]


def test_features_and_criterion_are_the_users_choice(capsys, lines):
    command = ["--csv", lines, "--target", "effect", "--components", "2"]
    assert main([*command, "--features", "dose", "--criterion", "icl"]) == 0
    out = capsys.readouterr().out
    assert "1 feature" in out
    assert "ICL" in out
    assert "BIC" not in out
    assert "side" not in out


def test_the_picture_is_saved(capsys, lines, tmp_path):
    pytest.importorskip("matplotlib")
    command = ["--csv", lines, "--target", "effect", "--components", "2"]
    assert main([*command, "--plot", str(tmp_path / "out.png")]) == 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert "Plot of effect against dose" in capsys.readouterr().out


def test_what_is_not_proven_is_said(capsys, table):
    # One line without error: the likelihood has no maximum.
    path = table("\n".join(["a,b", *(f"{i},{2 * i + 1}" for i in range(20))]))
    assert main(["--csv", path, "--target", "b", "--components", "1"]) == 0
    out = capsys.readouterr().out
    assert "The maximum is not proven." in out
    assert "Note: The estimate is degenerate" in out
    assert "1           3" in out


def test_an_odd_row_and_the_largest_number_are_named(capsys, table):
    X, y = two_lines_and_one_odd_value()
    rows = [f"{a},{b}" for a, b in zip(X[:, 0], y, strict=True)]
    path = table("\n".join(["dose,effect", *rows]))
    assert main(["--csv", path, "--target", "effect", "--components", "1-3"]) == 0
    out = capsys.readouterr().out
    assert "degenerate <- chosen" in out
    assert "rests on row" in out
    assert "Rows are counted from 0" in out
    assert "3 is the largest number tried" in out


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_and_a_byte_order_mark_are_read(capsys, table, delimiter):
    x = np.linspace(0, 1, 12)
    rows = [delimiter.join([f"{a:.3f}", f' "{a**2:.3f}"']) for a in x]
    text = "\n".join([delimiter.join(["first", "second"]), *rows, "", ""])
    path = table(text.replace(' "', '"'), encoding="utf-8-sig")
    assert main(["--csv", path, "--target", "first", "--components", "1"]) == 0
    assert "12 rows, 1 feature, target first" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2", [2]), ("1-4", [1, 2, 3, 4]), ("1,2,4", [1, 2, 4]), ("3, 1-2,2", [1, 2, 3])],
)
def test_components_are_numbers_and_ranges(text, expected):
    assert command_line._components(text) == expected


@pytest.mark.parametrize("text", ["", "0", "4-2", "two", "1-", "-3", "1.5", "1,,2"])
def test_other_components_are_refused(capsys, text):
    line = refusal(capsys, f"--components={text}")
    assert "--components must be like 2, 1-6 or 1,2,4" in line


def test_missing_files_and_columns_are_named(capsys, lines):
    assert "cannot read missing.csv" in refusal(capsys, "--csv", "missing.csv")
    line = refusal(capsys, "--csv", lines, "--target", "price")
    assert "no column 'price'; it has: dose, effect, side" in line
    line = refusal(capsys, "--csv", lines, "--target", "dose", "--features", "age")
    assert "no column 'age'" in line
    assert "needs --target, one of: dose" in refusal(capsys, "--csv", lines)
    line = refusal(capsys, "--csv", lines, "--target", "dose", "--features", "dose")
    assert "'dose' cannot also be a feature" in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n3\n", "line 3 of"),
        ("a,a,b\n1,2,3\n", "several columns named 'a'"),
        ("b\n1\n2\n", "no column besides the target"),
        ("a,b\n1,2\nfive,3\n", "column 'a' is 'five', not a number, in line 3 (1 such"),
        ("a,b\n1,2\n\n,3\n4,\n", "column 'b' is empty in line 5 (1 such row)"),
        ("a,b\nnan,2\n1,2\n", "column 'a' is 'nan', not a number, in line 2"),
        ("a,b\n1,inf\n1,2\n", "column 'b' is 'inf', not a number, in line 2"),
        ("a,b\n1,2\n2,3\n", "2 rows are too few for 1 component with 1 feature"),
        (
            "a,c,b\nx,1,2\ny,2,3\n",
            "no numbers in column a; choose the features: --feat",
        ),
        ("a,c,b\nx,1,2\ny,2,3\n", "--features c"),
        ("a,b\n1,x\n2,y\n", "no numbers in column b; the target must be numbers"),
    ],
)
def test_tables_that_cannot_be_fitted_are_refused(capsys, table, text, message):
    assert message in refusal(capsys, "--csv", table(text), "--target", "b")


def _written(delimiter=","):
    x = np.linspace(0, 1, 12)
    return "".join(f"{a:.3f}{delimiter}{a * a:.3f}\n" for a in x)


@pytest.mark.parametrize(
    ("header", "delimiter", "shown"),
    [
        ('"dose\nin mg",b', ",", "dose in mg"),
        ('"dose, mg, oral";b', ";", "dose, mg, oral"),
        ('"dose;mg","b"', ",", "dose;mg"),
        ("\n\ndose,b", ",", "dose"),
        ("\x1b[2J\x1b[31mdose,b", ",", "?[2J?[31mdose"),
        ("do\u202ese,b", ",", "do?se"),
    ],
)
def test_headers_of_any_kind_are_read_and_shown_on_one_line(
    capsys, table, header, delimiter, shown
):
    path = table(f"{header}\n{_written(delimiter=delimiter)}")
    quoted = f'"{shown}"'
    for choice in ([], ["--features", quoted]):
        given = ["--csv", path, "--target", "b", "--components", "1", *choice]
        assert main(given) == 0
        out = capsys.readouterr().out
        assert shown in out
        assert all(char.isprintable() for char in out.replace("\n", ""))
    line = refusal(capsys, "--csv", path, "--target", "\x1b[2Jage")
    assert shown in line
    assert line.isprintable()


def test_a_feature_named_twice_is_refused(capsys, lines):
    line = refusal(
        capsys, "--csv", lines, "--target", "dose", "--features", "side,side"
    )
    assert "--features names 'side' twice" in line


@pytest.mark.parametrize("name", ["", "fit", "pictures/fit", ".png"])
def test_a_picture_without_an_ending_is_refused_before_the_fit(capsys, name):
    line = refusal(capsys, "--plot", name)
    assert f"--plot needs a name like fit.png; got {name!r}" in line


def test_numbers_too_large_are_named(capsys, table):
    path = table(f"a,b\n{_written()}1,1e308\n")
    given = ["--csv", path, "--components", "1", "--target"]
    assert "y reaches 1e+308" in refusal(capsys, *given, "b")
    assert main([*given, "a"]) == 0
    assert "nan" not in capsys.readouterr().out


def test_other_encodings_are_refused(capsys, table):
    path = table("größe,b\n1,2\n", encoding="latin-1")
    assert "is not a csv file in UTF-8" in refusal(capsys, "--csv", path)


def test_options_that_say_nothing_are_refused(capsys):
    assert "--target needs --csv" in refusal(capsys, "--target", "y")
    assert "--features needs --csv" in refusal(capsys, "--features", "y")
    assert "--criterion" in refusal(capsys, "--criterion", "cv")
    assert "--frobnicate" in refusal(capsys, "--frobnicate")


def test_without_matplotlib_it_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr(command_line, "find_spec", lambda name: None)
    line = refusal(capsys, "--plot", "out.png")
    assert "pip install matplotlib" in line


def test_a_picture_that_cannot_be_saved_is_an_error(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    for name in ("out.nonsense", "nowhere/out.png"):
        assert main(["--components", "2", "--plot", str(tmp_path / name)]) == 2
        assert "cannot draw" in capsys.readouterr().err


def test_small_and_large_numbers_stay_legible():
    number = command_line._format(np.array([0.0123, 12.5, -3.0]))
    assert [number(v) for v in (0.0123, -3.0, 0.0)] == ["0.0123", "-3.0000", "0.0000"]
    number = command_line._format(np.array([1e-9, 2e12]))
    assert [number(v) for v in (1e-9, 2e12)] == ["1.00e-09", "2.00e+12"]
