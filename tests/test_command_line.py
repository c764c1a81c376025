"""The command line answers with a table, or refuses in one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import threadpoolctl
from numpy.testing import assert_allclose
from support import two_lines, two_lines_and_one_odd_value

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.__main__ import main
from mixreg_sklearn._cli import fitting, options
from mixreg_sklearn._cli.report import number_format
from mixreg_sklearn.families import censored


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
    ran = run("--csv", "missing.csv")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "cannot read missing.csv" in ran.stderr
    assert "Traceback" not in ran.stderr


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
    path = table("\n".join(["a,b", *(f"{i},{2 * i + 1}" for i in range(2, 22))]))
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
    assert options.components(text) == expected


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
        ("a,b\n1,2\n\n,3\n4,\n", "2 of 3 rows have missing cells: b 1, a 1"),
        ("a,b\n1,2\n\n,3\n4,\n", "column 'b' is empty in line 5"),
        ("a,b\nnan,2\n1,2\n", "column 'a' is empty in line 2"),
        ("a,b\n1,inf\n1,2\n", "column 'b' is 'inf', not a number, in line 2"),
        ("a,b\n1,2\n2,3\n", "2 rows are too few for 1 component with 1 feature"),
        (
            "a,c,b\nx,7,2\ny,5,3\n",
            "too many different values for categories: 'a' (2); choose the features",
        ),
        ("a,c,b\nx,7,2\ny,5,3\n", "--features c"),
        ("a,b\n1,5\n2,6\n3,7\n", "for a feature: 'a' counts the rows"),
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


def test_without_a_package_it_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr(options, "find_spec", lambda name: None)
    line = refusal(capsys, "--plot", "out.png")
    assert "pip install matplotlib" in line
    assert "pip install skops" in refusal(capsys, "--save", "out.skops")
    assert "pip install pandas" in refusal(capsys, "--csv", "a.csv", "--target", "y")


def test_a_picture_that_cannot_be_saved_is_an_error(capsys, tmp_path):
    line = refusal(capsys, "--plot", tmp_path / "out.nonsense")
    assert "cannot draw" in line
    assert "the ending must be one of" in line
    assert "cannot write" in refusal(capsys, "--plot", tmp_path / "nowhere/out.png")
    (tmp_path / "folder.png").mkdir()
    assert "cannot write" in refusal(capsys, "--plot", tmp_path / "folder.png")


def test_small_and_large_numbers_stay_legible():
    number = number_format(np.array([0.0123, 12.5, -3.0]))
    assert [number(v) for v in (0.0123, -3.0, 0.0)] == ["0.0123", "-3.0000", "0.0000"]
    number = number_format(np.array([1e-9, 2e12]))
    assert [number(v) for v in (1e-9, 2e12)] == ["1.00e-09", "2.00e+12"]


# Files as other programs write them. ------------------------------------------


def run(*arguments, cwd=None, python=(sys.executable,), env=None):
    """Run the command as a process."""
    return subprocess.run(
        [*python, "-m", "mixreg_sklearn", *map(str, arguments)],
        capture_output=True,
        cwd=cwd,
        env=env,
        timeout=120,
        encoding="utf-8",
    )


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run the command in the folder of the test: status, output and errors.

    In this process: a new one takes longer to start than the fit takes.
    """
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        status = main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def result(command):
    """What the command says with --json."""

    def call(*arguments):
        status, out, err = command(*arguments, "--json")
        assert (status, err) == (0, "")
        return json.loads(out)

    return call


def coefficients(found):
    """Intercepts and coefficients of the components of a result, (K, 1 + d)."""
    return np.array(
        [[each["intercept"], *each["coef"].values()] for each in found["components"]]
    )


@pytest.fixture(scope="module")
def frame():
    """A table with text, booleans and missing cells, and what it means in numbers."""
    rng = np.random.default_rng(3)
    n = 240
    frame = pd.DataFrame(
        {
            "age": rng.uniform(1, 70, n).round(1),
            "class": rng.choice(["First", "Second", "Third, or none"], n),
            "alone": rng.random(n) < 0.5,
            "trip": rng.integers(1, 9, n),
        }
    )
    steep = rng.random(n) < 0.5
    second = (frame["class"] == "Second").to_numpy()
    mean = np.where(
        steep, 10 + 0.3 * frame["age"] + 5 * second, 60 - 0.5 * frame["age"]
    )
    frame["fare"] = (mean + rng.normal(size=n)).round(2)
    return frame


def numbers(frame):
    """The features of the table above, as the command encodes them."""
    return np.column_stack(
        [
            frame["age"],
            frame["class"] == "Second",
            frame["class"] == "Third, or none",
            frame["alone"].astype(float),
            frame["trip"],
        ]
    )


def ours(frame):
    return MixtureRegressor(2, random_state=0).fit(numbers(frame), frame["fare"])


@pytest.fixture(scope="module")
def fitted(frame):
    return ours(frame)


FARES = ["--target", "fare", "--components", "2"]
COMMAND = ["--csv", "table.csv", *FARES]


def test_a_table_of_pandas_has_an_index_and_text(frame, fitted, tmp_path):
    frame.to_csv(tmp_path / "table.csv")
    ran = run(*COMMAND, "--json", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    found = json.loads(ran.stdout)
    names = ["age", "class_Second", "class_Third, or none", "alone", "trip"]
    assert found["data"]["features"] == names
    left_out, text, booleans = found["data"]["notes"]
    assert left_out == "Left out as no feature: 'Unnamed: 0' has no name."
    assert "class (not 'First')" in text
    assert booleans == "Booleans are 0 and 1: alone."
    assert_allclose(found["log_likelihood"], fitted.log_likelihood_, rtol=1e-9)
    theirs = np.column_stack([fitted.intercept_, fitted.coef_])
    assert_allclose(coefficients(found), theirs, atol=1e-6)


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zip"])
def test_compressed_tables_are_read(frame, tmp_path, capsys, ending):
    path = tmp_path / f"table.csv.{ending}"
    frame.to_csv(path, index=False)
    given = ["--csv", str(path), "--target", "fare", "--components", "1"]
    assert main(given) == 0
    assert "240 rows, 5 features" in capsys.readouterr().out
    frame.assign(age=frame["age"].mask(frame["trip"] == 1)).to_csv(path, index=False)
    row = int((frame["trip"] == 1).to_numpy().argmax())
    place = f"row {row + 1} below the header" if ending == "zip" else f"line {row + 2}"
    assert f"'age' is empty in {place})" in refusal(capsys, *given)


@pytest.mark.parametrize("separator", [",", "\t"])
def test_tables_of_r_have_row_names(frame, fitted, result, tmp_path, separator):
    # write.csv gives row names an empty name, write.table none at all.
    text = frame.assign(alone=frame["alone"].map({True: "TRUE", False: "FALSE"}))
    text.index = [f"row {i}" for i in range(len(frame))]
    with open(tmp_path / "table.txt", "w") as file:
        text.to_csv(
            file,
            sep=separator,
            quoting=2,
            index_label=None if separator == "," else False,
        )
    found = result("--csv", "table.txt", *FARES, "--memberships", "out.txt")
    assert "left out" in found["data"]["notes"][0].lower()
    assert len(found["data"]["features"]) == 5
    assert_allclose(found["log_likelihood"], fitted.log_likelihood_, rtol=1e-9)
    first = (tmp_path / "out.txt").read_text().splitlines()[0]
    beginning = separator if separator == "," else ""
    assert first.startswith(f"{beginning}age{separator}class{separator}")


def test_tables_of_spreadsheets_have_semicolons_and_decimal_commas(
    frame, fitted, result, tmp_path
):
    frame.to_csv(
        tmp_path / "table.csv", sep=";", decimal=",", index=False, encoding="utf-8-sig"
    )
    found = result(*COMMAND, "--memberships", "out.csv")
    assert "Numbers are read with a decimal comma." in found["data"]["notes"]
    assert_allclose(found["log_likelihood"], fitted.log_likelihood_, rtol=1e-9)
    written = pd.read_csv(tmp_path / "out.csv", sep=";", decimal=",")
    pd.testing.assert_frame_equal(written[frame.columns], frame, check_dtype=False)
    total = written[["probability_0", "probability_1"]].sum(axis=1)
    assert_allclose(total, 1, atol=1e-5)


def test_quoted_line_feeds_and_separators_are_read(frame, command, tmp_path):
    odd = frame["class"].replace("Second", 'the "second",\nmore or less; \x1b[31mred')
    frame.assign(**{"class": odd}).to_csv(tmp_path / "table.csv", index=False)
    status, out, err = command(*COMMAND)
    assert (status, err) == (0, "")
    assert "240 rows, 5 features" in out
    assert "\x1b" not in out


def test_an_index_is_no_feature_unless_it_is_named(frame, tmp_path, capsys):
    n = len(frame)
    path = str(tmp_path / "table.csv")
    frame[["age", "fare"]].assign(
        rownames=[f"r{i}" for i in range(n)], id=np.arange(1, n + 1), k=np.arange(n)
    ).to_csv(path, index=False)
    given = ["--csv", path, "--target", "fare", "--components", "1"]
    assert main(given) == 0
    out = capsys.readouterr().out
    assert "1 feature," in out
    assert "'rownames' names the rows, 'id' counts the rows, 'k' counts the rows" in out
    assert main([*given, "--features", "age,id"]) == 0
    out = capsys.readouterr().out
    assert "2 features," in out
    assert "eft out" not in out


def test_missing_cells_are_counted_at_once_and_dropped_on_demand(
    frame, command, result, tmp_path
):
    holes = frame.astype({"alone": object})
    holes.loc[[3, 5], "age"] = np.nan
    holes.loc[[5, 9, 11], "alone"] = None
    holes.loc[7, "class"] = ""
    holes.to_csv(tmp_path / "table.csv", index=False)
    status, out, err = command(*COMMAND)
    assert (status, out) == (2, "")
    assert "5 of 240 rows have missing cells: age 2, class 1, alone 3" in err
    assert "column 'age' is empty in line 5" in err
    [*_, advice] = err.strip().split("to drop them: python -m mixreg_sklearn ")
    assert advice.split() == [*COMMAND, "--drop-missing"]

    found = result(*advice.split(), "--memberships", "out.csv")
    assert (found["data"]["rows"], found["data"]["rows_dropped"]) == (235, 5)
    dropped = [3, 5, 7, 9, 11]
    model = ours(frame.drop(dropped))
    assert_allclose(found["log_likelihood"], model.log_likelihood_, rtol=1e-9)
    written = pd.read_csv(tmp_path / "out.csv")
    assert list(written.columns[:5]) == list(frame.columns)
    assert np.flatnonzero(written["component"].isna()).tolist() == dropped
    kept = written.drop(dropped)
    theirs = model.predict_proba(
        numbers(frame.drop(dropped)), frame["fare"].drop(dropped)
    )
    assert_allclose(kept[["probability_0", "probability_1"]], theirs, atol=1e-5)
    assert (kept["component"] == theirs.argmax(axis=1)).all()


def test_all_columns_with_cells_that_are_no_numbers_are_named(capsys, table):
    rows = "".join(f"{i / 7},{i / 3},{i}\n" for i in range(9))
    path = table(f"a,c,b\n{rows}five,1,2\n3,inf,2\n,six,2\n")
    line = refusal(capsys, "--csv", path, "--target", "b")
    assert "column 'a' is 'five', not a number, in line 11 (1 such row)" in line
    assert "column 'c' is 'inf', not a number, in line 12 (2 such rows)" in line


def test_the_saved_model_takes_the_raw_table(frame, fitted, result, tmp_path):
    skops = pytest.importorskip("skops.io")
    frame.to_csv(tmp_path / "table.csv", index=False)
    result(*COMMAND, "--save", "model.skops")
    trusted = skops.get_untrusted_types(file=tmp_path / "model.skops")
    pipeline = skops.load(tmp_path / "model.skops", trusted=trusted)
    raw = pd.read_csv(tmp_path / "table.csv")
    assert_allclose(
        pipeline.predict(raw.iloc[:20]),
        fitted.predict(numbers(frame)[:20]),
        rtol=1e-6,
    )


def test_columns_reach_the_fit_in_their_roles(command, result, tmp_path):
    rng = np.random.default_rng(1)
    n, of_row = 80, np.repeat(np.arange(80), 4)
    z, x = rng.normal(size=n)[of_row], rng.normal(size=4 * n)
    first = (rng.random(n) < 1 / (1 + np.exp(-2 * z[::4])))[of_row]
    trials, off = rng.integers(5, 30, 4 * n), rng.normal(size=4 * n) / 5
    odds = np.where(first, 1 + x, -1 - x) + off
    y = rng.binomial(trials, 1 / (1 + np.exp(-odds)))
    weight = rng.integers(1, 3, n)[of_row]
    frame = pd.DataFrame(
        {"who": [f"p{i}" for i in of_row], "x": x, "z": z, "y": y}
    ).assign(trials=trials, off=off, weight=weight)
    frame.to_csv(tmp_path / "table.csv", index=False)
    given = ["--csv", "table.csv", "--target", "y", "--components", "2"]
    given += ["--family", "binomial", "--trials", "trials", "--offset", "off"]
    given += ["--groups", "who", "--gate", "z", "--weights", "weight"]
    found = result(*given, "--criterion", "sabic")
    assert found["data"]["features"] == ["x"]
    assert found["data"]["gate"] == ["z"]
    model = MixtureRegressor(
        2,
        family="binomial",
        gate="softmax",
        regression_features=["x"],
        gate_features=["z"],
        random_state=0,
    )
    roles = {"groups": frame["who"], "trials": trials, "offset": off}
    model.fit(frame[["x", "z"]], y, weight, **roles)
    assert_allclose(found["log_likelihood"], model.log_likelihood_, rtol=1e-9)
    sabic = model.sabic(frame[["x", "z"]], y, weight, **roles)
    assert_allclose(found["candidates"][0]["sabic"], sabic)
    gate = [each["gate_coef"]["z"] for each in found["components"]]
    assert_allclose(gate, model.gate_coef_[:, 1], atol=1e-6)
    # Components of counts have no scale.
    assert "scale" not in found["components"][0]
    _, out, _ = command(*given)
    assert "320 rows in 80 groups" in out
    assert "gate: z" in out
    assert "scale  " not in out


def test_roles_that_exclude_each_other_are_refused(capsys, lines):
    given = ["--csv", lines, "--target", "effect"]
    line = refusal(capsys, *given, "--groups", "side", "--weights", "side")
    assert "column 'side' cannot be --groups and --weights" in line
    assert "'effect' cannot also be in the gate" in refusal(
        capsys, *given, "--gate", "effect"
    )
    assert "--gate needs --csv" in refusal(capsys, "--gate", "z")
    assert "--drop-missing needs --csv" in refusal(capsys, "--drop-missing")


def test_no_result_overwrites_the_table_or_another(capsys, lines, tmp_path):
    given = ["--csv", lines, "--target", "effect"]
    line = refusal(capsys, *given, "--memberships", lines)
    assert "--memberships would overwrite the file of --csv" in line
    path = tmp_path / "a.png"
    line = refusal(capsys, *given, "--plot", path, "--save", path)
    assert "--save would overwrite the file of --plot" in line
    line = refusal(capsys, *given, "--memberships", tmp_path / "out.zip")
    assert "--memberships writes no archive" in line


def test_columns_that_exist_are_not_appended(capsys, table, tmp_path):
    path = table(f"component,b\n{_written()}")
    given = ["--csv", path, "--target", "b", "--components", "1"]
    line = refusal(capsys, *given, "--memberships", tmp_path / "out.csv")
    assert "--memberships appends a column 'component'" in line


def test_the_picture_has_exactly_the_given_name(lines, tmp_path, capsys):
    name = tmp_path / "a.b $x$.SVG"
    command = ["--csv", lines, "--target", "effect", "--components", "2"]
    before = set(tmp_path.iterdir())
    assert main([*command, "--plot", str(name)]) == 0
    assert set(tmp_path.iterdir()) - before == {name}
    capsys.readouterr()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_failed_fit_has_an_exit_status_and_no_table(capsys, monkeypatch, value):
    class Failing(fitting.MixtureRegressorIC):
        def fit(self, *args, **kwargs):
            super().fit(*args, **kwargs)
            self.coef_ = self.coef_ * value
            return self

    monkeypatch.setattr(fitting, "MixtureRegressorIC", Failing)
    assert main(["--components", "2"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "the fit failed" in err


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
def test_the_two_lines_need_no_further_package(tmp_path):
    packages = ["numpy", "scipy", "sklearn", "joblib", "cloudpickle", "narwhals"]
    places = [Path(p) for p in sys.path if p]
    for name in [*packages, "numpy.libs", "scipy.libs", "scikit_learn.libs"]:
        for found in [p / name for p in places if (p / name).exists()][:1]:
            (tmp_path / name).symlink_to(found)
    (tmp_path / "threadpoolctl.py").write_text(Path(threadpoolctl.__file__).read_text())
    (tmp_path / "mixreg_sklearn").symlink_to(Path(options.__file__).parents[1])
    alone = {
        "cwd": tmp_path,
        "python": (sys.executable, "-S"),
        "env": os.environ | {"PYTHONPATH": str(tmp_path)},
    }
    ran = run("--components", "2", **alone)
    assert ran.returncode == 0, ran.stderr
    assert "A local maximum is proven" in ran.stdout
    ran = run("--csv", "table.csv", "--target", "y", **alone)
    assert ran.returncode == 2
    assert "--csv needs pandas" in ran.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_progress_is_shown_on_a_terminal_only(tmp_path):
    import pty

    pytest.importorskip("rich")
    terminal, end = pty.openpty()
    ran = subprocess.run(
        [sys.executable, "-m", "mixreg_sklearn", "--components", "1-2", "--json"],
        stdout=subprocess.PIPE,
        stderr=end,
        timeout=120,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(end)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert ran.returncode == 0
    assert "log-likelihood" in shown
    # What the fit prints goes to the terminal, not into the result.
    assert json.loads(ran.stdout)["n_components"] == 2


@pytest.fixture
def outliers(table):
    """A csv file of two lines, whose first rows follow neither."""
    X, y = two_lines(n=90)
    y[:9] = 40 * np.linspace(-1, 1, 9)
    rows = [f"{a},{b}" for a, b in zip(X[:, 0], y, strict=True)]
    return table("\n".join(["dose,effect", *rows]))


def test_a_background_has_a_column_of_its_own(outliers, capsys, tmp_path):
    path = tmp_path / "out.csv"
    asked = ["--csv", outliers, "--target", "effect", "--components", "2"]
    asked += ["--background", "uniform"]
    assert main([*asked, "--memberships", str(path)]) == 0
    out = capsys.readouterr().out
    data = pd.read_csv(outliers)
    model = MixtureRegressor(2, background="uniform", random_state=0)
    model.fit(data[["dose"]], data["effect"])
    [shares] = [line for line in out.splitlines() if line.startswith("share")]
    assert shares.split()[-2] == f"{100 * model.background_weight_:.1f}"
    [names] = [line for line in out.splitlines() if "component 1" in line]
    assert names.split()[-1] == "background"
    assert "(2 is the background)" in out
    written = pd.read_csv(path)
    ours = written["probability_background"]
    theirs = model.outlier_probability(data[["dose"]], data["effect"])
    assert_allclose(ours, theirs, atol=1e-4)
    assert (written["component"][ours > 0.5] == 2).all()
    assert main([*asked, "--gate", "dose", "--features", "dose", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["background"]["kind"] == "uniform"
    assert result["background"]["gate_coef"].keys() == {"dose"}
    shares = [component["share"] for component in result["components"]]
    assert_allclose(sum(shares) + result["background"]["share"], 1)


def test_lifetimes_have_a_column_that_says_which_have_ended(table, capsys):
    rng = np.random.default_rng(0)
    x, time = rng.uniform(-1, 1, size=(2, 80))
    time, died = np.exp(x + 0.5 * time), rng.random(80) < 0.7
    rows = [f"{a},{t},{e}" for a, t, e in zip(x, time, died, strict=True)]
    path = table("\n".join(["age,days,died", *rows]))
    asked = ["--csv", path, "--target", "days", "--event", "died", "--components", "1"]
    assert main([*asked, "--family", "weibull", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    data = pd.read_csv(path)
    model = MixtureRegressor(1, family="weibull", random_state=0)
    model.fit(data[["age"]], censored(data["days"], data["died"]))
    assert_allclose(result["log_likelihood"], model.log_likelihood_)
    assert result["data"]["features"] == ["age"]
    assert result["background"] is None
    line = refusal(capsys, *asked)
    assert line.endswith("must be one of weibull, lognormal, loglogistic; got gaussian")
    asked[asked.index("died")] = "age"
    line = refusal(capsys, *asked, "--family", "weibull", "--features", "died")
    assert "event contains" in line
