"""Files and proofs: how the answers reach the shell. The proofs have their own tests."""

import pytest

from diabolo.uses import verify as proofs


def test_a_whole_file(diabolo, digits_model):
    code, out, err = diabolo("verify", digits_model)
    assert (code, err) == (0, "")
    weights = 64 * 16 + 16 + 16 * 4 + 4 + 4 * 16 + 16 + 16 * 64 + 64
    assert out == (
        f"{digits_model} is whole: its hash is right, and it rebuilds as Autoencoder, "
        f"64 features → 4 code units, {weights:,} weights.\n"
    )


@pytest.mark.parametrize("change", ["cut", "flip", "append"])
def test_a_damaged_file(diabolo, digits_model, tmp_path, change):
    content = digits_model.read_bytes()
    changed = {
        "cut": content[:-1],
        "flip": content[:300] + bytes([content[300] ^ 8]) + content[301:],
        "append": content + b"\0",
    }[change]
    (tmp_path / "m.st").write_bytes(changed)
    code, out, err = diabolo("verify", tmp_path / "m.st")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: Cannot use {tmp_path / 'm.st'}: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(("holds", "code"), [(True, 0), (False, 1)])
def test_proofs_decide_the_exit_code(diabolo, monkeypatch, holds, code):
    def run_proofs(report):
        report("holds  one is one")
        return holds

    monkeypatch.setattr(proofs, "run_proofs", run_proofs)
    assert diabolo("verify") == (code, "holds  one is one\n", "")


def test_a_model_without_a_code_is_described_by_its_noise(diabolo, tmp_path, quick):
    path = tmp_path / "gan.safetensors"
    flags = ("--model", "gan", "--code", 5, "-o", path)
    assert diabolo("train", "digits", *flags, *quick).code == 0
    result = diabolo("verify", path)
    assert (result.code, result.err) == (0, "")
    assert "GenerativeAdversarialNetwork, 5 units of noise → 64 features, " in result.out
