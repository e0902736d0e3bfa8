"""Pages of uses get the picture of the example of their name, and the reference of what they use.

The texts themselves are plain Markdown, readable without the site.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

# page -> what its reference documents: classes and functions, or whole modules
REFERENCE = {
    "auto": (
        "diabolo.uses.auto.choose",
        "diabolo.uses.auto.Choice",
        "diabolo.uses.auto.trials.Trial",
    ),
    "check": ("diabolo.uses.check.check", "diabolo.uses.check.Report"),
    "classify": ("diabolo.EncoderClassifier",),
    "cluster": ("diabolo.DeepClusterer",),
    "compress": (
        "diabolo.uses.compress.files.compress",
        "diabolo.uses.compress.files.decompress",
        "diabolo.uses.compress.files.Result",
    ),
    "denoise": ("diabolo.uses.denoise",),
    "detect": ("diabolo.AnomalyDetector",),
    "edit": (
        "diabolo.uses.edit.directions",
        "diabolo.uses.edit.paths",
        "diabolo.uses.edit.inversion",
        "diabolo.uses.edit.effects",
    ),
    "generate": ("diabolo.uses.generate.generate", "diabolo.estimators.priors"),
    "impute": ("diabolo.Imputer",),
    "manifold": ("diabolo.Manifold",),
    "map": ("diabolo.uses.map",),
}
PICTURE = """\
```{{figure}} ../examples/images/sphx_glr_plot_{name}_001.png
:class: picture
:alt: {name}

[How this picture is made](../examples/plot_{name}.rst)
```

"""


def complete(app: Sphinx, docname: str, text: list[str]) -> None:
    folder, _, name = docname.rpartition("/")
    if folder != "uses":
        return
    title, lead, rest = text[0].split("\n\n", 2)
    picture = f"examples/images/sphx_glr_plot_{name}_001.png"
    shown = PICTURE.format(name=name) if (Path(app.srcdir) / picture).exists() else ""
    text[0] = f"{title}\n\n{lead}\n\n{shown}{rest}\n{reference(name)}"


def reference(name: str) -> str:
    directives = "\n".join(directive(thing) for thing in REFERENCE[name])
    return f"\n## Reference\n\n```{{eval-rst}}\n{directives}```\n"


def directive(thing: str) -> str:
    last = thing.rpartition(".")[2]
    kind = "class" if last[0].isupper() else "function"
    if (Path(__file__).parents[2] / "src" / f"{thing.replace('.', '/')}.py").exists():
        kind = "module"
    return f".. auto{kind}:: {thing}\n" + ("" if kind == "function" else "    :members:\n")


class Formulas(SphinxTransform):
    """Indented blocks of these pages that are no commands are formulas, and look like such."""

    default_priority = 300

    def apply(self, **kwargs: Any) -> None:
        if not self.env.docname.startswith("uses/"):
            return
        for block in self.document.findall(nodes.literal_block):
            is_plain = block.get("language", "none") in ("none", "default", "text")
            if is_plain and not block.astext().startswith(("diabolo ", "python ")):
                block["classes"].append("formula")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_transform(Formulas)
    app.connect("source-read", complete)
    return {"parallel_read_safe": True}
