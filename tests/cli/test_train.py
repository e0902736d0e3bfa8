"""Training: what is refused at the door, what is written, how it is stopped."""

import json
import signal
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from diabolo import load
from diabolo.cli.recipes import RECIPES
from diabolo.families import AUTOENCODERS

OWN_FLAGS = {
    "convolutional": ("--channels", "4"),
    "stacked": ("--hidden", "16", "--layer-epochs", "1"),
    "deep": ("--hidden", "16,12"),
}

WIDTHS = {
    "overcomplete": 128,
    "dictionary": 256,
    "masked": 32,
    "layout": 10,
    "parametric-tsne": 2,
    "parametric-umap": 2,
}  # of the default code


@pytest.mark.parametrize("name", RECIPES)
def test_every_model_trains_and_can_be_loaded(diabolo, tmp_path, name):
    path = tmp_path / "m.safetensors"
    flags = OWN_FLAGS.get(name, ("--hidden", "16"))
    result = diabolo(
        "train", "digits", "--model", name, "-o", path, "--epochs", 1, "--threads", 1, *flags
    )
    assert result.code == 0, result.err
    estimator = load(path)
    assert type(estimator).__name__ == RECIPES[name].family
    if RECIPES[name].family in AUTOENCODERS:
        assert estimator.transform("digits").shape == (1797, WIDTHS.get(name, 16))
    assert result.out.startswith(f"{RECIPES[name].family} on 1,797 images of 8x8, ")
    assert result.out.splitlines()[-1] == f"{path}: {path.stat().st_size / 1000:.0f} kB"
    warned = "warning: the code has 128 units for 64 features" in result.err
    assert warned == (name == "overcomplete")


def test_flags_reach_the_estimator(diabolo, tmp_path, labelled):
    path = tmp_path / "m.safetensors"
    flags = "--code 3 --hidden 9,7 --lr 0.01 --batch-size 20 --epochs 2 --seed 5 --threads 1"
    family = "--noise gaussian --level 0.4 --emphasis 0.7 --early-stopping no --scaling minmax"
    result = diabolo(
        *("train", labelled, "--target", "kind", "--model", "denoising", "-o", path),
        *(*flags.split(), *family.split()),
    )
    assert result.code == 0, result.err
    params = load(path).get_params()
    expected = {
        "n_components": 3,
        "hidden_layer_sizes": (9, 7),
        "lr": 0.01,
        "batch_size": 20,
        "max_epochs": 2,
        "random_state": 5,
        "n_threads": 1,
        "noise": "gaussian",
        "level": 0.4,
        "emphasis": 0.7,
        "early_stopping": False,
        "scaling": "minmax",
    }
    assert {name: params[name] for name in expected} == expected
    assert load(path).columns_.names == ("height", "weight", "age", "pulse", "sleep")


def test_labels_are_for_those_who_learn_from_them(diabolo, tmp_path, labelled):
    path = tmp_path / "m.safetensors"
    result = diabolo(
        *("train", labelled, "--target", "kind", "--model", "stacked", "-o", path),
        *("--fine-tune", "labels", "--hidden", "6", "--code", "2", "--epochs", "1"),
        *("--layers", "plain", "--threads", "1"),
    )
    assert result.code == 0, result.err
    assert list(load(path).classes_) == ["cat", "cow", "dog"]
    assert "\n  labels          " in result.out
    assert "Worse than PCA" not in result.out


def test_the_same_seed_gives_the_same_codes(diabolo, digits_model, tmp_path, quick):
    again, other = tmp_path / "again.st", tmp_path / "other.st"
    assert diabolo("train", "digits", "--code", 4, "-o", again, *quick).code == 0
    assert diabolo("train", "digits", "--code", 4, "-o", other, *quick, "--seed", 1).code == 0
    codes = load(digits_model).transform("digits")
    assert np.array_equal(load(again).transform("digits"), codes)
    assert not np.allclose(load(other).transform("digits"), codes)


def test_json_alone_on_standard_output(diabolo, tmp_path, quick):
    path = tmp_path / "m.st"
    code, out, err = diabolo("train", "digits", "-o", path, *quick, "--json", "-v")
    report = json.loads(out)
    assert code == 0
    assert (report["file"], report["rows"], report["epochs"]) == (str(path), 1797, 2)
    assert report["bytes"] == path.stat().st_size
    assert report["score"] == pytest.approx(load(path).score("digits"))
    assert [finding["about"] for finding in report["diagnosis"]][:2] == [
        "reconstruction",
        "over-fitting",
    ]
    assert [line.split()[:2] for line in err.splitlines()] == [["joint", "1"], ["joint", "2"]]


def test_without_a_terminal_nothing_but_the_report(diabolo, tmp_path, quick):
    assert diabolo("train", "digits", "-o", tmp_path / "m.st", *quick).err == ""


def test_a_bar_on_a_terminal_leaves_standard_output_alone(tmp_path, quick, monkeypatch, capsys):
    from diabolo.cli.main import run

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    path = tmp_path / "m.st"
    code = run(["train", "digits", "-o", str(path), *quick, "--json"])
    out, err = capsys.readouterr()
    assert code == 0
    assert "Autoencoder - fit" in err
    assert json.loads(out)["epochs"] == 2


# what is refused


@pytest.mark.parametrize(
    ("tokens", "code", "sentence"),
    [
        (["nope.csv"], 1, "error: There is no file or folder 'nope.csv'."),
        (["mnits"], 1, "did you mean 'mnist'?"),
        (["digits", "--model", "variatonal"], 2, "did you mean 'variational'?"),
        (["digits", "--epoch", "3"], 2, "did you mean --epochs?"),
        (["digits", "--beta", "3"], 2, "it belongs to --model variational, beta-vae, "),
        (["digits", "--lr", "-1"], 1, "'lr' parameter of Autoencoder must be a float in the range"),
        (["digits", "--model", "undercomplete", "--code", "64"], 1, "pass --code 16, or --model"),
        (["digits", "--model", "deep", "--hidden", "8"], 1, "--hidden names 1"),
        (["digits", "--split", "test"], 1, "without a test part"),
    ],
)
def test_bad_input_is_one_sentence(diabolo, tmp_path, tokens, code, sentence):
    path = tmp_path / "m.st"
    result = diabolo("train", *tokens, "-o", path)
    assert (result.code, result.out) == (code, "")
    assert sentence in result.err
    assert result.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_gaps_in_a_table_are_learned_around(diabolo, tmp_path, frame, quick):
    holes = frame.drop("kind").with_columns(
        pl.when(pl.int_range(pl.len()) == 17).then(None).otherwise(pl.col("age")).alias("age")
    )
    holes.write_csv(tmp_path / "holes.csv")
    result = diabolo("train", tmp_path / "holes.csv", "-o", tmp_path / "m.st", *quick)
    assert result.code == 0, result.err
    assert "means and modes" in result.out
    assert load(tmp_path / "m.st").columns_.kind == "mixed"


def test_text_in_a_table_is_a_category_unless_it_is_the_target(diabolo, tmp_path, labelled, quick):
    assert diabolo("train", labelled, "-o", tmp_path / "m.st", *quick).code == 0
    assert load(tmp_path / "m.st").columns_.fields[-1].categories == ("cat", "cow", "dog")
    path = tmp_path / "n.st"
    assert diabolo("train", labelled, "-o", path, *quick, "--target", "kind").code == 0
    assert load(path).columns_.kind == "real"


def test_an_existing_file_is_kept(diabolo, tmp_path, quick):
    path = tmp_path / "m.st"
    path.write_text("mine")
    result = diabolo("train", "digits", "-o", path, *quick)
    assert result == (1, "", f"error: {path} exists already: pass -f to overwrite it.\n")
    assert path.read_text() == "mine"
    assert diabolo("train", "digits", "-o", path, *quick, "-f").code == 0
    assert load(path).n_features_in_ == 64


def test_the_output_is_tried_before_the_data_are_read(diabolo, tmp_path):
    result = diabolo("train", "nope.csv", "-o", tmp_path / "no" / "m.st")
    assert result.code == 1
    assert "Create the directory first" in result.err


# stopping and going on


def test_a_checkpoint_is_gone_at_the_end(diabolo, tmp_path, quick):
    path = tmp_path / "run.checkpoint"
    flags = ("--checkpoint", path, "--checkpoint-every", 0)
    result = diabolo("train", "digits", "-o", tmp_path / "m.st", *quick, *flags)
    assert (result.code, result.err) == (0, "")
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.st"]


def test_an_unfinished_run_is_never_started_anew_by_accident(diabolo, tmp_path, quick):
    path = tmp_path / "run.checkpoint"
    path.write_text("unfinished")
    result = diabolo("train", "digits", "-o", tmp_path / "m.st", *quick, "--checkpoint", path)
    assert result.code == 1
    assert "pass --resume to go on with it" in result.err
    assert path.read_text() == "unfinished"


def test_resuming_from_nothing_starts_and_says_so(diabolo, tmp_path, quick):
    path = tmp_path / "run.checkpoint"
    flags = ("--checkpoint", path, "--resume")
    result = diabolo("train", "digits", "-o", tmp_path / "m.st", *quick, *flags)
    assert (result.code, result.err) == (0, f"{path} is not there yet: starting anew\n")


def test_resuming_needs_a_checkpoint(diabolo, tmp_path, quick):
    result = diabolo("train", "digits", "-o", tmp_path / "m.st", *quick, "--resume")
    assert result.code == 2
    assert "--resume goes on from a file: name it with --checkpoint" in result.err


def test_ctrl_c_keeps_the_best_model_and_the_run_can_go_on(diabolo, tmp_path):
    model, checkpoint = tmp_path / "m.st", tmp_path / "run.checkpoint"
    flags = ["digits", "--epochs", "20000", "--hidden", "16", "--threads", "1", "-v"]
    flags += ["-o", str(model), "--checkpoint", str(checkpoint), "--checkpoint-every", "0.1"]
    flags += ["--n-iter-no-change", "20000"]
    script = "from diabolo.cli.main import main; main()"
    run = subprocess.Popen(
        [sys.executable, "-c", script, "train", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen = []
    for line in run.stderr:
        seen.append(line)
        if line.startswith("joint") and int(line.split()[1]) >= 5 and checkpoint.exists():
            break
    else:
        pytest.fail("".join(seen))
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert f"interrupted: the best model so far is in {model}" in err
    assert err.rstrip().endswith(f"go on with --checkpoint {checkpoint} --resume -f")
    assert "Traceback" not in err
    assert "interrupted in joint, epoch" in out
    assert load(model).n_iter_ >= 5
    assert checkpoint.exists()

    # another length would be another run: the file is refused, not silently started anew
    result = diabolo("train", *flags, "--resume", "-f", "--weight-decay", "0.5")
    assert result.code == 1
    assert "holds a run with another settings" in result.err
