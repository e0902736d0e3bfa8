"""What the README shows runs, as it stands there."""

import re
import shlex
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    names: dict = {}
    exec(code, names)
    assert names["codes"].shape == (1797, 16)
    assert names["repaired"].shape == names["X"].shape
    assert (names["same"] == names["codes"]).all()
    assert sum(1 for line in code.splitlines() if line) <= 10, "it promises ten lines"


def test_shell(tmp_path, monkeypatch, capsys):
    from diabolo.cli.main import main

    monkeypatch.chdir(tmp_path)
    make, shell = blocks("sh")
    assert [line.split("#")[0].strip() for line in make.splitlines()] == [
        "make gallery",
        "make test",
    ]
    for line in shell.splitlines():
        command, *arguments = shlex.split(line)
        assert command == "diabolo"
        monkeypatch.setattr("sys.argv", [command, *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code, (line, capsys.readouterr())
    assert (tmp_path / "codes.parquet").exists()


def test_links_lead_somewhere():
    root = Path(__file__).parents[1]
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert not [link for link in links if not (root / link).exists()]
