"""`diabolo auto`: what is refused, what is written, what is printed."""

import json

from diabolo import load


def test_text_and_file(diabolo, table, tmp_path):
    path = tmp_path / "m.st"
    code, out, err = diabolo("auto", table, "--budget", "4s", "--threads", 1, "-o", path)
    assert code == 0, err
    assert "by nats to tell a row, code and residual (smaller is better):" in out
    assert "chosen: " in out
    assert "why: " in out
    assert "Autoencoder()" in err, "progress goes to standard error"
    assert load(path).n_iter_ >= 1
    again = diabolo("auto", table, "--budget", "4s", "-o", path)
    assert (again.code, again.out) == (1, "")
    assert "pass -f to overwrite it" in again.err


def test_json(diabolo, table, tmp_path):
    path = tmp_path / "m.st"
    code, out, err = diabolo(
        "auto", table, "--budget", "4", "--for", "reduce", "--json", "-q", "-o", path
    )
    report = json.loads(out)
    assert (code, err) == (0, "")
    assert report["criterion"] == "squared error per feature"
    assert report["chosen"] in report["trials"]
    assert report["seconds"] < 15


def test_bad_words_are_refused_before_any_work(diabolo, table, tmp_path):
    path = tmp_path / "m.st"
    for words, sentence in (
        (("--budget", "5 parsecs"), "a budget of '5 parsecs' is no time"),
        (("--for", "fun"), "purpose='fun' is unknown"),
    ):
        code, out, err = diabolo("auto", table, *words, "-o", path)
        assert (code, out) == (1, "")
        assert sentence in err
        assert len(err.splitlines()) == 1
        assert not path.exists()


def test_too_few_rows(diabolo, tmp_path):
    few = tmp_path / "few.csv"
    few.write_text("a,b\n" + "".join(f"{i},{i * i % 7}\n" for i in range(12)))
    code, out, err = diabolo("auto", few, "--budget", "5s", "-o", tmp_path / "m.st")
    assert (code, out) == (1, "")
    assert "has 12 rows, too few to choose by" in err
    assert not (tmp_path / "m.st").exists()
