"""Blocks of the pages from figures as the benches keep them."""

import doctest
import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

import kept
import pages
import step
from drawn import blocks, compression, generation, speed, uses  # noqa: F401
from drawn.blocks import BLOCKS, Results, best

MADE = {
    "hardware": {"processor": "Some", "cores": 2, "threads": 1, "load": 0.5},
    "versions": {"torch": "2.13.0"},
}


def section(figures, **settings):
    return {"made": MADE, "settings": settings, "figures": figures}


def drawn(name, **sections):
    return BLOCKS[name].draw(Results(sections)).splitlines()


@pytest.mark.parametrize("module", [blocks, speed, pages])
def test_examples(module):
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


def test_the_best_of_each_column_is_bold_ties_included():
    found = best(np.array([[1.0, 4.0], [1.001, 3.0]]), "{:.2f}", min)
    assert found == [["**1.00**", "4.00"], ["**1.00**", "**3.00**"]]


def test_a_block_waits_for_its_file_and_for_its_section(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "RESULTS", tmp_path)
    assert BLOCKS["memory"].text() is None
    (tmp_path / "memory.json").write_text(json.dumps({"another": section({})}))
    assert BLOCKS["memory"].text() is None


def test_figures_of_another_form_are_no_missing_section(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "RESULTS", tmp_path)
    (tmp_path / "memory.json").write_text(json.dumps({"epoch": section({"rows": 3})}))
    with pytest.raises(KeyError, match="same codes"):
        BLOCKS["memory"].text()


def test_the_machine_is_named_once_with_the_span_of_its_loads():
    busy = {**MADE, "hardware": {**MADE["hardware"], "load": 8.25}}
    found = Results({"a": section({}), "b": {"made": busy, "figures": {}}})
    assert found.machine("a", "b") == "Some, 2 cores, torch 2.13.0, load 0.5 to 8.25"


def test_steps():
    times = {"limit": [1e-5, 1e-5], "hand": [2e-5, 4e-5], "torch": [4e-2, 8e-2]}
    times |= {"diabolo": [2e-5, 2e-5], "bfloat16": [1.5e-5, 1.5e-5]}
    alone = {name: times[name] for name in ("torch", "diabolo")}
    sections = {name: section(step.figures(times)) for name in ("D128", "D1000", "S")}
    sections["stack"] = section(step.figures(alone, models=2))
    found = drawn("step", **sections)
    assert (
        found[2]
        == "| D, batch 128 | 10 µs | 30 µs | 60 ms | 20 µs | 15 µs | 1.50 | 3000.00 | 0.50 |"
    )
    assert found[5] == "| 32 × S at once, per model |  |  | 30 ms | 10 µs |  |  | 3000.00 |  |"


def test_denoised_pictures_and_digits():
    def row(name, psnr, **more):
        return {"name": name, "psnr": psnr, "ssim": psnr / 100, **more}

    kodak = [
        row(name, least + gain, picture=picture)
        for picture, least in (("kodim01", 20.0), ("kodim04", 22.0))
        for name, gain in (("noisy", 0), ("alone", 8), ("others", 4))
    ]
    mnist = [row("noisy", 10.0, noise="gaussian 0.5")]
    mnist += [row("DenoisingAutoencoder", 20.0 + i, noise="gaussian 0.5") for i in range(2)]
    found = drawn("denoise", kodak=section(kodak), mnist=section(mnist))
    assert found[2:] == [
        "| Kodak's first picture | 20.00 / 0.200 | **28.00 / 0.280** | 24.00 / 0.240 |  |  |  |",
        "| mean of 2 Kodak pictures | 21.00 / 0.210 | **29.00 / 0.290** | 25.00 / 0.250 |  |  |  |",
        "| MNIST, gaussian 0.5 | 10.00 / 0.100 |  | **20.50 / 0.205** |  |  |  |",
    ]


def test_maps_of_the_plane():
    own = {"5-NN": 0.9, "MSE": 0.03, "trust": 0.95, "continuity": 0.97, "stress": 0.4}
    rows = [{**own, "5-NN": share, "seconds": 600} for share in (0.9, 0.91)]
    alone = {"5-NN, leaving one out": 0.96, "trust": 0.98, "continuity": 0.98, "stress": 0.3}
    found = drawn(
        "map_of_digits",
        PCA=section([own]),
        ParametricTSNE=section(rows),
        UMAP=section([alone]),
    )
    assert found[3].endswith("| 0.9050 | 0.0300 | 0.9500 | 0.9700 | 0.4000 |")
    assert found[4].endswith("| 0.9600 |  | 0.9800 | 0.9800 | 0.3000 |")
    assert drawn("map_time", ParametricTSNE=section(rows))[0].startswith(
        "Means over 2 seeds; a map took 10 minutes (Some, 2 cores"
    )


def test_choices_with_their_worst_seed():
    row = {"purpose": "compress", "default": 100.0, "chosen": 90.0, "seconds": 60, "budget": "1m"}
    found = drawn("auto", digits=section([{**row, "change": change} for change in (-1.0, 21.0)]))
    assert found[2] == (
        "| digits, 2 seeds | nats a row | 100 | 90 | +10.0 % | −1.0 % | 60 s | 1m |"
    )


def test_bits_beside_other_programs():
    row = {"raw": 1000, "bytes": 250, "values": 1000, "model": 50, "fallback": False}
    row |= {"coding MB/s": None, "decoding MB/s": 2.0}
    images = section({**row, "others": {"xz -9e": 500, "PNG, each": 200}}, budget=180.0, threads=1)
    others = {"xz -9e": 300}
    texts = section({**row, "values": None, "others": others}, budget=60.0, threads=None)
    found = drawn("compress", mnist=images, mpg=texts)
    assert "after at most 60 to 180 s of training" in " ".join(found)
    assert found[-2:] == [
        "| MNIST | 1,000 | 250 | 50 | 2.000 | 4.000 | **1.600** | 0.00, 2.00 | 1 |",
        "| mpg .csv | 1,000 | 250 | 50 | **2.000** | 2.400 |  | 0.00, 2.00 | all |",
    ]


def test_priors_say_how_they_were_judged():
    row = {"model": "variational", "prior": "(rebuilt)", "kernel distance": 0.01, "copies": None}
    row |= {"standard error": 0.002}
    row |= dict.fromkeys(("precision", "recall", "density", "coverage"), 0.5)
    figures = {"features": "classifier", "hash": "abc", "classifier error": 0.0123, "rows": [row]}
    found = drawn("priors", classifier=section(figures, epochs=10, code=16, n=5000, seed=0))
    assert "which gets 1.23% of the test images wrong" in " ".join(found)
    assert found[-1].startswith("| VAE | rebuilt test images | 0.0100 ± 0.0020 | 0.500 |")


SAMPLES = {  # block → figures by section, what it says of them
    "whole_fit": (
        {"whole fit": {"µs a step": {"torch": 448.0, "diabolo": 133.0}, "time, torch = 1": 0.3}},
        "| `Autoencoder.fit` | 133 µs | 0.300 |",
    ),
    "first_step": (
        {
            "first step": {
                "S": {"rows": 1797, "seconds": 0.002},
                "D": {"rows": 60_000, "seconds": 0.08},
            }
        },
        "2 ms on S with 1,797 rows, 80 ms on D with 60,000 rows",
    ),
    "neighbour": (
        {
            "contestants": {
                name: {"ms alone": 20.0, "ms beside a neighbour": 50.0}
                for name in ("torch", "fixed", "chosen")
            }
        },
        "| torch, all threads | 20.0 ms | 50.0 ms | 2.50 times |",
    ),
    "encode": (
        {
            "2 threads": {
                "rows": 1000,
                "seconds": 0.5,
                "share of the limit": 0.9,
                "MB beyond data and codes": 1.0,
                "seconds by eight bits": 0.2,
                "speed by eight bits": 2.5,
                "price of eight bits": {"code": 0.013, "reconstruction": 0.001, "neighbours": 0.98},
            }
        },
        "| 2 | 2,000 | 0.90 | 1 MB | 5,000 | 2.5 | 1.3 % | +0.1 % | 98 % |",
    ),
    "memory": (
        {
            "epoch": {
                "bytes": 4e9,
                "same codes": True,
                "path": {"MB beyond torch": 161.0},
                "map": {"MB beyond torch": 124.0},
            }
        },
        "4.0 GB trains for an epoch in 161 MB from its path, 124 MB from a memory map",
    ),
    "plane": (
        {
            data: [
                {"model": model, "modes": 8, "within 3 sigma": 0.96, "seconds": seconds}
                for model in ("default", "original game")
                for seconds in (44.0, 50.0)
            ]
            for data in ("ring", "grid")
        },
        "| ring of 8, defaults | 2 | 8, 8 | 96.0, 96.0 % | 44 to 50 |",
    ),
    "photographs_training": (
        {
            "training": {
                "steps": 10_000,
                "photographs": 81,
                "megapixels": 52.1,
                "held out": 10,
                "seconds": 930,
                "conversion": {
                    "0.0": {"bits + λ error": 0.0003},
                    "1.0": {"bits + λ error": 0.0011},
                },
            }
        },
        "81 photographs (52 megapixels) in 10,000 steps and 16 minutes",
    ),
}


@pytest.mark.parametrize("block", SAMPLES)
def test_figures_of(block):
    figures, says = SAMPLES[block]
    found = drawn(block, **{name: section(one) for name, one in figures.items()})
    assert says in " ".join(found)
