"""What a file says of itself, without torch."""

import json
import subprocess
import sys

from safetensors.numpy import load_file

from diabolo import load
from diabolo.files import write_sealed


def test_torch_is_not_needed(digits_model):
    script = (
        "import sys; from diabolo.cli.main import run; run(['inspect', sys.argv[1]]);"
        "print({'torch', 'sklearn', 'polars'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(digits_model)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "set()"


def test_facts_as_json(diabolo, digits_model):
    code, out, err = diabolo("inspect", digits_model, "--json")
    assert (code, err) == (0, "")
    facts, estimator = json.loads(out), load(digits_model)
    assert facts["family"] == "Autoencoder"
    assert facts["bytes"] == digits_model.stat().st_size
    assert facts["weights"] == sum(p.numel() for p in estimator.module_.parameters())
    shapes = {name: list(array.shape) for name, array in load_file(digits_model).items()}
    assert facts["tensors"] == shapes
    assert facts["sha256"].encode() in digits_model.read_bytes()
    assert facts["epochs"] == estimator.n_iter_ == 2
    assert facts["params"]["n_components"] == 4
    assert facts["last"]["epoch"] == 2


def test_the_page(diabolo, digits_model, vae_model):
    out = diabolo("inspect", digits_model).out
    assert "  input       images of 8x8, 64 features, 17 levels, uint8 on a common scale" in out
    assert "  encoder     Dense, sizes 64-16-4, activation relu\n" in out
    assert max(map(len, out.splitlines()[1:])) <= 100
    out = diabolo("inspect", vae_model).out
    assert "  input       5 features, float64 standardised\n" in out
    assert "  columns     height, weight, age, pulse, sleep\n" in out


def test_a_checkpoint_is_told_apart(diabolo, tmp_path):
    path = tmp_path / "run.checkpoint"
    write_sealed(path, {}, {"fingerprint": {}, "run": {"epoch": 3}})
    result = diabolo("inspect", path)
    assert (result.code, result.out) == (1, "")
    assert "it holds an unfinished run: go on with it with train --resume." in result.err


def test_a_sealed_file_of_something_else(diabolo, tmp_path):
    path = tmp_path / "other.st"
    write_sealed(path, {}, {"family": "Autoencoder", "history": 3})
    result = diabolo("inspect", path)
    assert (result.code, result.out) == (1, "")
    assert f"{path} is no model that can be shown" in result.err


def test_a_table_is_no_model(diabolo, table):
    result = diabolo("inspect", table)
    assert (result.code, result.out) == (1, "")
    assert "does not begin like a file saved by diabolo" in result.err
