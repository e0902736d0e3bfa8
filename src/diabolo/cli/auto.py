"""`diabolo auto`: data and a budget of time → the model that came out best, as one file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Data, Force, Json, Split, Target, output
from diabolo.cli.targets import check_target
from diabolo.cli.train import wishes

if TYPE_CHECKING:
    from diabolo.uses.auto import Choice


def auto(
    data: Data,
    /,
    *,
    output: Annotated[Path, output("Model file to write, such as digits.safetensors.")],
    budget: Annotated[str, Parameter(help="Wall clock to use: 90s, 5m, 1.5h.")] = "5m",
    purpose: Annotated[
        str,
        Parameter("--for", help="What the model is for: compress, reduce, cluster or detect."),
    ] = "compress",
    code: Annotated[
        int | None, Parameter(help="Code size, where it is not to be chosen for you.")
    ] = None,
    seed: Annotated[int, Parameter(help="Of the candidates, and of their training.")] = 0,
    threads: Annotated[int | None, Parameter(help="Default: what is fastest, by timing.")] = None,
    target: Target = None,
    split: Split = "train",
    schema: Annotated[
        str | None, Parameter(help="Columns that are not what they look like, as of train.")
    ] = None,
    quiet: Annotated[
        bool, Parameter(("--quiet", "-q"), negative="", show_default=False, help="No progress.")
    ] = False,
    force: Force = False,
    json: Json = False,
) -> int:
    """Choose family, code size, width, noise and penalties for data, within a budget of time.

    Many candidates are trained for a short while, the better ones for longer, and judged on rows
    that none of them saw. The default settings are among them, and are kept unless another one is
    better beyond chance. Ctrl-C ends the search and keeps the best so far.
    """
    from diabolo.uses.auto.choosing import choose, seconds_of

    seconds_of(budget)
    check_target(output, force)
    from diabolo.data.sources import open_dataset

    dataset = open_dataset(data, target=target, split=split, schema=wishes(schema))
    choice = choose(
        dataset,
        budget,
        purpose,
        n_components=code,
        random_state=seed,
        n_threads=threads,
        progress=None if quiet else lambda line: print(line, file=sys.stderr, flush=True),
    )
    choice.model.save(output)
    print(text.as_json(_report(choice, output)) if json else _page(choice, output))
    return 130 if choice.interrupted else 0


def _report(choice: Choice, path: Path) -> dict[str, Any]:
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "chosen": choice.trial._asdict(),
        "default": choice.default._asdict(),
        "why": choice.why,
        "criterion": choice.criterion,
        "seconds": round(choice.seconds, 3),
        "interrupted": choice.interrupted,
        "trials": [trial._asdict() for trial in choice.trials],
    }


def _page(choice: Choice, path: Path) -> str:
    lasting = {trial.name: trial for trial in choice.trials}  # the longest training of each
    ranked = sorted(lasting.values(), key=lambda trial: trial.criterion)
    lines = [
        (f"{trial.criterion:.4g}", f"{trial.name}, {text.many(trial.epochs, 'epoch')}")
        for trial in ranked
    ]
    return "\n".join(
        [
            f"{text.many(len(lasting), 'candidate')} in {choice.seconds:.0f} s, by "
            f"{choice.criterion} (smaller is better):",
            text.pairs(lines),
            f"chosen: {choice.trial.name}",
            f"why: {choice.why}",
            f"{path}: {text.size_of(path)}",
        ]
    )
