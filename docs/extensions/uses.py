"""Pages of uses get the picture of the example of their name, and the reference of what they use.

The texts themselves are plain Markdown, readable without the site.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docstrings import is_table
from docutils import nodes
from PIL import Image
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
        "diabolo.uses.compress.compressing.compress",
        "diabolo.uses.compress.decompressing.decompress",
        "diabolo.uses.compress.photographs.compressing.compress_photographs",
        "diabolo.uses.compress.result.Result",
    ),
    "denoise": ("diabolo.uses.denoise",),
    "detect": ("diabolo.AnomalyDetector",),
    "edit": (
        "diabolo.uses.edit.directions",
        "diabolo.uses.edit.paths",
        "diabolo.uses.edit.inversion",
        "diabolo.uses.edit.effects",
    ),
    "encode": ("diabolo.uses.quantise",),
    "generate": ("diabolo.uses.generate.generate", "diabolo.estimators.priors"),
    "impute": ("diabolo.Imputer",),
    "manifold": ("diabolo.Manifold",),
    "map": ("diabolo.uses.map",),
}
IMAGE = "sphx_glr_plot_{name}_001_2_00x.png"
PICTURE = """\
```{{figure}} ../examples/images/{image}
:class: picture
:width: {width}px
:alt: {name}

[How this picture is made](../examples/plot_{name}.rst)
```

"""


def complete(app: Sphinx, docname: str, text: list[str]) -> None:
    folder, _, name = docname.rpartition("/")
    if folder != "uses":
        return
    title, lead, rest = text[0].split("\n\n", 2)
    image = Path(app.srcdir) / "examples" / "images" / IMAGE.format(name=name)
    app.env.note_dependency(image)  # the page is read again when the picture is there, or another
    text[0] = f"{title}\n\n{lead}\n\n{picture(image, name)}{rest}\n{reference(name)}"


def picture(path: Path, name: str) -> str:
    """The figure, from the image that has two pixels for each of the page's."""
    if not path.exists():
        return ""
    with Image.open(path) as image:
        return PICTURE.format(name=name, image=path.name, width=image.width // 2)


def reference(name: str) -> str:
    directives = "\n".join(directive(thing) for thing in REFERENCE.get(name, ()))
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
            text = block.astext()
            is_command = text.startswith(("diabolo ", "python "))
            if is_plain and not is_command and not is_table(text.splitlines()):
                block["classes"].append("formula")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_transform(Formulas)
    app.connect("source-read", complete)
    return {"parallel_read_safe": True}
