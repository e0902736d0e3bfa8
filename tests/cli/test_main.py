"""What holds for every verb: exit codes, one sentence instead of a traceback, clean streams."""

import os
import subprocess
import sys
import warnings

import pytest

from diabolo.cli import inspect, main
from diabolo.cli.main import VERBS

COMMAND = [sys.executable, "-m", "diabolo"]


@pytest.mark.parametrize("tokens", [[], ["-h"], ["--help"]])
def test_the_overview_names_every_verb(diabolo, tokens):
    code, out, err = diabolo(*tokens)
    assert (code, err) == (0, "")
    assert all(f"\n  {verb} " in out for verb in VERBS)
    assert max(map(len, out.splitlines())) <= 80


def test_the_overview_needs_no_parser():
    script = "import sys; from diabolo.cli.main import run; run(['--help']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"cyclopts", "rich", "numpy", "torch", "sklearn", "polars"}


def test_version(diabolo):
    from diabolo import __version__

    assert diabolo("--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_without_torch(verb):
    script = (
        "import sys; from diabolo.cli.main import run; code = run([sys.argv[1], '--help']);"
        "print(code, 'torch' in sys.modules, 'polars' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, verb], capture_output=True, text=True, check=True
    )
    *page, last = done.stdout.splitlines()
    assert page[0].startswith(f"Usage: diabolo {verb}")
    assert last == "0 False False"


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        (["trian", "digits"], 'Unknown command "trian". Did you mean "train"?'),
        (["train"], "error: DATA requires an argument. See diabolo train --help."),
        (["train", "digits"], "error: --output requires an argument."),
        (["encode", "a", "b", "c", "-o", "d.csv"], "['c']"),
        (["evaluate", "a", "b", "--samples", "many"], 'unable to convert "many" into int'),
        (["inspect", "a", "--jsno"], "--jsno"),
    ],
)
def test_a_wrong_command_line_ends_with_2(diabolo, tokens, sentence):
    code, out, err = diabolo(*tokens)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ValueError("two\nlines"), "error: two lines."),
        (FloatingPointError("The loss is no number."), "error: The loss is no number."),
        (OSError(28, "cannot save x: no space"), "error: cannot save x: no space."),
        (FileNotFoundError(2, "No such file or directory", "m"), "error: m: no such file or di"),
        (MemoryError("3 GB are missing"), "error: out of memory: 3 GB are missing."),
        (MemoryError(), "error: out of memory."),
        (ImportError("install diabolo[plot]"), "error: install diabolo[plot]."),
    ],
)
def test_an_error_is_one_sentence(diabolo, monkeypatch, error, shown):
    def fail():
        raise error

    monkeypatch.delenv("DIABOLO_DEBUG", raising=False)
    monkeypatch.setattr(main, "app", lambda: lambda *_, **__: fail())
    code, out, err = diabolo("verify")
    assert (code, out) == (1, "")
    assert err.startswith(shown)
    assert err.count("\n") == 1


def test_a_mistake_of_ours_keeps_its_traceback(diabolo, monkeypatch):
    monkeypatch.setattr(main, "app", lambda: {}["parser"])
    with pytest.raises(KeyError):
        diabolo("verify")


def test_debugging_shows_the_traceback(diabolo, monkeypatch):
    monkeypatch.setenv("DIABOLO_DEBUG", "1")
    with pytest.raises(FileNotFoundError):
        diabolo("inspect", "missing.safetensors")


def test_ctrl_c_before_anything_was_done(diabolo, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(inspect, "read_header", interrupted)
    assert diabolo("inspect", "m.st") == (130, "", "interrupted; nothing was written\n")


def test_a_warning_is_one_line(diabolo, monkeypatch):
    def warn(*_, **__):
        warnings.warn("the code is\nvery wide", UserWarning, stacklevel=1)

    monkeypatch.setattr(main, "app", lambda: warn)
    assert diabolo("verify") == (0, "", "warning: the code is very wide\n")


def test_a_reader_that_has_had_enough(digits_model):
    script = f'{" ".join(COMMAND[:2])} "$1" encode "$2" digits -o - | head -1'
    done = subprocess.run(
        ["bash", "-c", script, "bash", COMMAND[2], str(digits_model)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.stdout.startswith("autoencoder0,autoencoder1,")
    assert done.stderr == ""
