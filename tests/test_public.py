"""The public face: few names, each found where the table says, and nothing heavy until needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import diabolo

HEAVY = {"numpy", "pandas", "polars", "scipy", "sklearn", "torch"}


def imported_by(code):
    """Names of the heavy libraries that a fresh interpreter has imported after running `code`."""
    report = f"import sys; print('imported:', *sorted({HEAVY!r} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].removeprefix("imported:").split()


def test_the_probe_sees_a_heavy_import():
    assert imported_by("import numpy") == ["numpy"]


def test_importing_the_package_imports_nothing_heavy():
    assert imported_by("import diabolo; dir(diabolo)") == []


def test_help_imports_nothing_heavy():
    show_help = """
import contextlib, sys
from diabolo.cli.main import main
sys.argv = ["diabolo", "--help"]
with contextlib.suppress(SystemExit):
    main()
"""
    assert imported_by(show_help) == []


@pytest.mark.parametrize("name", [name for name in diabolo.__all__ if name != "__version__"])
def test_a_public_name_lives_where_the_table_says(name):
    thing = getattr(diabolo, name)
    assert (thing.__module__, thing.__name__) == (diabolo._HOMES[name], name)
    assert thing.__doc__
    assert vars(diabolo)[name] is thing  # kept: the second look-up costs nothing


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(diabolo.__file__).read_text())
    (block,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen = {alias.asname: line.module for line in block.body for alias in line.names}
    assert seen == diabolo._HOMES


def test_dir_lists_the_public_names():
    assert set(diabolo.__all__) <= set(dir(diabolo))


@pytest.mark.parametrize(
    ("typed", "guess"),
    [
        ("Autoencodr", "Autoencoder"),
        ("sparseautoencoder", "SparseAutoencoder"),
        ("open_data_set", "open_dataset"),
    ],
)
def test_a_near_miss_gets_a_guess(typed, guess):
    with pytest.raises(AttributeError, match=f"no attribute '{typed}'; did you mean '{guess}'"):
        getattr(diabolo, typed)


def test_a_far_miss_gets_no_guess():
    with pytest.raises(AttributeError, match="no attribute 'transform'$"):
        diabolo.transform  # noqa: B018
