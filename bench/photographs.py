"""Photographs with loss: how many bits for how many decibels, beside JPEG, WebP and AVIF.

    python bench/photographs.py                     the Kodak pictures at every quality; 5 minutes
    python bench/photographs.py others              the same by the other programs; 10 minutes
    python bench/photographs.py summary             tables and curves of what was measured
    python bench/photographs.py train FOLDER -o model.safetensors
                                                    a model of the photographs in a folder

Every figure is of a file of its own with everything in it: the .dbo with its directory and hashes,
JPEG with its tables. JPEG: Pillow's encoder (libjpeg-turbo), optimised and progressive; WebP:
method 6; AVIF: libaom at speed 4. JPEG and AVIF are tried with and without halved colours (4:2:0,
4:4:4), and of both the better one counts at every rate. PSNR is over all three channels. BD-rate is
the mean difference in bits at equal PSNR (Bjøntegaard 2001), over the range that both reach, by
monotone interpolation of log bits; below 0 is fewer bits than JPEG.

The Kodak pictures were looked at for nothing but this. The model that comes with diabolo was made
of 91 photographs (docs/uses/compress.md says which) by

    python bench/photographs.py train FOLDER --steps 10000

What had to be chosen was chosen on ten of them that were held out. Figures go to
results/photographs.json, those of training to its section "training" where it gave the model that
comes with diabolo; the curves to docs/photographs.png.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from kept import RESULTS, keep
from PIL import Image
from scipy.interpolate import PchipInterpolator

from diabolo.engine.checkpoint import Checkpoint
from diabolo.engine.events import History, Nobody
from diabolo.measures.images import psnr, ssim
from diabolo.uses.compress.coding.rounding import unrounded
from diabolo.uses.compress.decompressing import decompress
from diabolo.uses.compress.photographs.codec import Codec
from diabolo.uses.compress.photographs.compressing import compress_photographs
from diabolo.uses.compress.photographs.design import QUALITIES, weight_of
from diabolo.uses.compress.photographs.models import Model, model_to_bytes, save_model, shipped
from diabolo.uses.compress.photographs.training import fits, train, training_picture

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("DIABOLO_DATA", ROOT.parent / "shared" / "data"))
PICTURES = sorted((DATA / "kodak").glob("*.png"))
CURVES = ROOT / "docs" / "photographs.png"
OURS = (0, 0.2, 0.4, 0.5, 0.6, 0.8, 1)
GRID = {
    "JPEG": [
        (q, s) for q in (5, 8, 12, 18, 25, 35, 45, 55, 65, 75, 82, 88, 92, 95) for s in (0, 2)
    ],
    "WebP": [(q, 2) for q in (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 87, 92, 96)],
    "AVIF": [(q, s) for q in (10, 18, 26, 34, 42, 50, 58, 66, 74, 82, 88) for s in (0, 2)],
}


def other(name: str, pixels: np.ndarray, quality: int, halved: int) -> tuple[int, np.ndarray]:
    """Bytes of a file, and the pixels in it."""
    options = {
        "JPEG": {"optimize": True, "progressive": True, "subsampling": halved},
        "WebP": {"method": 6},
        "AVIF": {"speed": 4, "subsampling": "4:2:0" if halved else "4:4:4", "max_threads": 1},
    }[name]
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, name, quality=quality, **options)
    return len(file.getvalue()), np.asarray(Image.open(file).convert("RGB"))


def ours(path: Path, quality: float) -> tuple[int, np.ndarray, dict[str, float]]:
    """Likewise, and the seconds of both ways."""
    with tempfile.TemporaryDirectory() as place:
        began = time.perf_counter()
        result = compress_photographs(path, Path(place) / "x.dbo", quality=quality)
        middle = time.perf_counter()
        (back,) = decompress(Path(place) / "x.dbo", Path(place) / "back")
        seconds = {"compress": middle - began, "decompress": time.perf_counter() - middle}
        return result.size, np.asarray(Image.open(back)), seconds


def point(pixels: np.ndarray, size: int, back: np.ndarray, setting: list) -> dict:
    pair = back[None], pixels[None]
    return {
        "setting": setting,
        "bits": 8 * size / pixels[..., 0].size,
        "psnr": float(psnr(*pair, 255.0)[0]),
        "ssim": float(ssim(*pair, 255.0)[0]),
    }


def our_points(path: Path) -> list[dict]:
    """One picture at every quality."""
    pixels, found = np.asarray(Image.open(path).convert("RGB")), []
    for quality in OURS:
        size, back, seconds = ours(path, quality)
        found.append({**point(pixels, size, back, [quality]), **seconds})
    return found


def others() -> None:
    """All pictures by all other programs."""
    found = {}
    for path in PICTURES:
        pixels = np.asarray(Image.open(path).convert("RGB"))
        found[path.stem] = {
            name: [
                point(pixels, *other(name, pixels, quality, halved), [quality, halved])
                for quality, halved in grid
            ]
            for name, grid in GRID.items()
        }
        print(path.stem, flush=True)
    keep("photographs", others=found)


def variants(points: list[dict]) -> list[list[dict]]:
    """Points with and without halved colours apart, each by rising bits; no point worse than one
    before it."""
    kept: dict[int, list[dict]] = {}
    for one in sorted(points, key=lambda one: one["bits"]):
        found = kept.setdefault(one["setting"][-1] if len(one["setting"]) > 1 else 0, [])
        if not found or one["psnr"] > found[-1]["psnr"]:
            found.append(one)
    return list(kept.values())


def log_bits(points: list[dict], at: np.ndarray) -> np.ndarray:
    """Fewest bits for a PSNR, logarithms; nan where it is not reached."""
    curves = [
        PchipInterpolator(
            [one["psnr"] for one in some], np.log([one["bits"] for one in some]), extrapolate=False
        )(at)
        for some in variants(points)
    ]
    return np.fmin.reduce(curves)


def bd_rate(points: list[dict], beside: list[dict]) -> float:
    """Mean difference in bits at equal PSNR, as a fraction."""
    every = [[one["psnr"] for one in some] for some in (points, beside)]
    at = np.linspace(max(map(min, every)), min(map(max, every)), 200)
    difference = log_bits(points, at) - log_bits(beside, at)
    return float(np.exp(np.nanmean(difference)) - 1)


def at_bits(points: list[dict], bits: float, measure: str) -> float:
    """Best quality at a rate."""
    curves = [
        PchipInterpolator(
            np.log([one["bits"] for one in some]),
            [one[measure] for one in some],
            extrapolate=False,
        )(np.log(bits))
        for some in variants(points)
    ]
    return float(np.fmax.reduce(curves))


def mean_points(pictures: dict, name: str) -> list[dict]:
    """Bits and quality of every setting of a program, each the mean over all pictures."""
    every = [found[name] for found in pictures.values()]
    return [
        {"setting": at[0]["setting"]}
        | {key: float(np.mean([one[key] for one in at])) for key in ("bits", "psnr", "ssim")}
        for at in zip(*every, strict=True)
    ]


def kodak() -> None:
    points = {}
    for path in PICTURES:
        points[path.stem] = our_points(path)
        print(path.stem, flush=True)
    keep("photographs", points=points, model=model_figures())
    summary()


def summary() -> None:
    """Tables and curves of what was measured."""
    kept = json.loads((RESULTS / "photographs.json").read_text())
    points, others = (kept[section]["figures"] for section in ("points", "others"))
    pictures = {stem: {"diabolo": points[stem], **others[stem]} for stem in points}
    programs = {}
    for name in ("diabolo", *GRID):
        beside = [bd_rate(found[name], found["JPEG"]) for found in pictures.values()]
        mean = mean_points(pictures, name)
        programs[name] = {
            "bd-rate": float(np.mean(beside)),
            **{
                f"{measure} at {bits}": at_bits(mean, bits, measure)
                for measure in ("psnr", "ssim")
                for bits in (0.2, 0.3, 0.5, 0.75, 1.0)
            },
        }
        print(name, {key: round(value, 3) for key, value in programs[name].items()})
    each = {
        stem: {name: bd_rate(found["diabolo"], found[name]) for name in GRID}
        for stem, found in pictures.items()
    }
    for stem, gains in each.items():
        print(stem, {name: f"{100 * gain:+.1f} %" for name, gain in gains.items()})
    seconds = {
        way: float(np.median([one[way] for found in points.values() for one in found]))
        for way in ("compress", "decompress")
    }
    print(seconds)
    keep(
        "photographs",
        kodak={"programs": programs, "diabolo against each": each, "seconds": seconds},
    )
    drawn(pictures)


def conversion(codec: Codec, pictures: list[np.ndarray]) -> dict[str, dict[str, float]]:
    """What whole numbers cost: the same networks with and without their rounding.

    Latents are rounded either way. What a loss of bits and decibels comes to together is given as
    that of bits + λ · error, which is what training makes small.
    """
    found = {}
    for quality in (0, 40, 80):
        rows, price = [], float(weight_of(quality))
        for pixels in pictures:
            height, width = (side // 64 * 64 for side in pixels.shape[:2])
            x = torch.from_numpy(np.array(pixels[:height, :width])).permute(2, 0, 1)[None].float()
            whole, real = (_passed(codec, x, quality, exact) for exact in (False, True))
            costs = [bits + price * error for bits, error in (whole, real)]
            rows.append(
                (whole[0] / real[0] - 1, 10 * np.log10(real[1] / whole[1]), costs[0] / costs[1] - 1)
            )
        bits, decibels, both = np.mean(rows, 0).tolist()
        found[f"{quality / QUALITIES}"] = {"bits": bits, "psnr": decibels, "bits + λ error": both}
    return found


def _passed(codec: Codec, x: torch.Tensor, quality: int, exact: bool) -> tuple[float, float]:
    """Bits a pixel and squared error."""
    noise, at = torch.Generator().manual_seed(0), torch.tensor([float(quality)])
    with torch.no_grad(), unrounded() if exact else nullcontext():
        found = codec(x, at, noise)
    return found.bits.item() / x[0, 0].numel(), (found.x - x).square().mean().item()


def model_figures() -> dict[str, int]:
    model = shipped()
    return {
        "bytes": len(model_to_bytes(model)),
        "parameters": sum(array.size for array in model.whole.values()),
        "hash": model.hash,
    }


def drawn(pictures: dict) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    colours = {"diabolo": "C3", "AVIF": "C0", "WebP": "C2", "JPEG": "0.4"}
    at = np.geomspace(0.1, 2.2, 60)
    for axis, measure, title in zip(axes, ("psnr", "ssim"), ("PSNR, dB", "SSIM"), strict=True):
        for name, colour in colours.items():
            mean = mean_points(pictures, name)
            found = [at_bits(mean, bits, measure) for bits in at]
            axis.plot(at, found, color=colour, label=name, lw=2.5 if name == "diabolo" else 1.5)
        axis.set(xlabel="bits a pixel", title=title, xscale="log")
        axis.set_xticks([0.1, 0.2, 0.5, 1, 2], ["0.1", "0.2", "0.5", "1", "2"])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False)
    figure.suptitle("Eight Kodak photographs, all bytes counted", fontsize=11)
    figure.savefig(CURVES, dpi=110)
    print(f"curves: {CURVES}")


class Watch(Nobody):
    """Tells every epoch.

    seconds : of all epochs, those before an interruption included.
    """

    seconds = 0.0

    def end_epoch(self, record: dict, seconds: float, history: History) -> bool:
        told, held = record["train"], record["validation"]
        self.seconds = sum(history.seconds)
        print(
            f"{record['epoch']:4} {seconds:6.0f} s  loss {told['loss']:.3f}, held out "
            f"{held['loss']:.3f}: {held['rate']:.3f} bits a pixel, {held['psnr']:.2f} dB",
            flush=True,
        )
        return False


def trained(folder: Path, output: Path, steps: int, held_out: list[str], threads: int) -> None:
    """Every ninth picture is held out, unless some are named."""
    pictures = {path.name: training_picture(path) for path in sorted(folder.iterdir())}
    pictures = {name: pixels for name, pixels in pictures.items() if fits(pixels)}
    out = [name for name in pictures if name.startswith(tuple(held_out))] if held_out else []
    out = out or list(pictures)[::9]
    print(f"{len(pictures) - len(out)} photographs, {len(out)} held out")
    learned = [pixels for name, pixels in pictures.items() if name not in out]
    watch = Watch()
    codec = train(
        learned,
        [pictures[name] for name in out],
        steps=steps,
        checkpoint=Checkpoint(output.with_suffix(".checkpoint"), {"of": len(pictures)}, every=60),
        watcher=watch,
        n_threads=threads,
    )
    model = Model(codec.design, codec.whole())
    save_model(output, model)
    cost = conversion(codec, [pictures[name] for name in out])
    print(f"{output}: {watch.seconds:.0f} s; whole numbers cost {cost}")
    found = {
        "model": model.hash,
        "steps": steps,
        "photographs": len(learned),
        "megapixels": sum(pixels[..., 0].size for pixels in learned) / 1e6,
        "held out": len(out),
        "seconds": watch.seconds,
        "conversion": cost,
    }
    if model.hash == shipped().hash:  # the page tells of no other
        keep("photographs", training=found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command")
    train_ = commands.add_parser("train")
    train_.add_argument("folder", type=Path)
    train_.add_argument("-o", "--output", type=Path, default=Path("model.safetensors"))
    train_.add_argument("--steps", type=int, default=10000)
    train_.add_argument("--held-out", nargs="+", default=[], help="how their names begin")
    train_.add_argument("--threads", type=int, default=1)
    commands.add_parser("others")
    commands.add_parser("summary")
    options = parser.parse_args()
    if options.command == "train":
        trained(options.folder, options.output, options.steps, options.held_out, options.threads)
    elif options.command == "others":
        others()
    elif options.command == "summary":
        summary()
    else:
        kodak()


if __name__ == "__main__":
    main()
