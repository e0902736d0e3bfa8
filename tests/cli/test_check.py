"""`diabolo check` prints one verdict, then findings, for any model and data."""

import json


def test_text(diabolo, digits_model):
    code, out, err = diabolo("check", digits_model, "digits")
    assert code == 0, err
    first, verdict, *_ = out.splitlines()
    assert first == "Autoencoder on 1,797 images of 8x8 of digits"
    assert verdict.split()[:1] == ["!"] or verdict.split()[0] == "verdict"
    assert "PCA with 4 components" in out
    assert "too short" in out, "two epochs are"


def test_json(diabolo, vae_model, table):
    code, out, _ = diabolo("check", vae_model, table, "--json")
    report = json.loads(out)
    assert code == 0
    assert report["verdict"]["about"] == "verdict"
    assert {"about", "finding", "remedy", "severity"} == set(report["findings"][0])
    assert report["healthy"] is not any(
        one["severity"] == "warning" for one in [report["verdict"], *report["findings"]]
    )


def test_other_columns_are_refused(diabolo, digits_model, table):
    code, out, err = diabolo("check", digits_model, table)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1


def test_a_file_that_is_none(diabolo, table):
    code, out, err = diabolo("check", "nowhere.st", table)
    assert (code, out) == (1, "")
    assert err.startswith("error: nowhere.st")
