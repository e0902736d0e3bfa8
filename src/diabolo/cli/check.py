"""`diabolo check`: whether a model earned its keep, and what the doctor finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diabolo.cli import text
from diabolo.cli.flags import Data, Json, Model, Split, Target

if TYPE_CHECKING:
    from diabolo.doctor.findings import Finding


def check(
    model: Model,
    data: Data,
    /,
    *,
    target: Target = None,
    split: Split = "train",
    json: Json = False,
) -> None:
    """Say whether a model earned its keep on data, beside what one would have done without it.

    The yardstick is PCA of the same code size; means and modes for mixed tables, an isolation
    forest for a detector, k-means for a clusterer, the network without pre-training for a
    classifier. Then what is wrong with it, each finding with a remedy.
    """
    from diabolo.cli import models
    from diabolo.doctor.findings import to_json
    from diabolo.uses.check import check as checked
    from diabolo.uses.saved import load
    from diabolo.uses.use import Use

    loaded = load(model)
    learner = loaded.estimator_ if isinstance(loaded, Use) else loaded
    dataset = models.data_for(learner, data, target, split)
    report = checked(loaded, dataset)
    if json:
        found = {"verdict": report.verdict._asdict(), "findings": to_json(report.findings)}
        print(text.as_json({"rows": len(dataset), "healthy": report.is_healthy, **found}))
        return
    print(f"{type(loaded).__name__} on {text.shape(len(dataset), dataset.shape)} of {data}")
    lines = [report.verdict, *report.findings]
    print(text.pairs((_marked(one), one.text) for one in lines))


def _marked(finding: Finding) -> str:
    return f"! {finding.about}" if finding.is_warning else f"  {finding.about}"
