"""`Autoencoder` in a text is a link to what it names, without any markup in the text."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

import diabolo

CALLED = re.compile(r"(?:diabolo\.)?(?P<name>\w+)(?P<inside>\.\w+)?(?:\(.*\))?", re.DOTALL)
MODULE = re.compile(r"diabolo(\.[a-z_]+)+(\.[A-Za-z]\w*)?")


def target(text: str) -> str | None:
    """What a literal names.

    >>> target("DenoisingAutoencoder(noise='swap')"), target("fit")
    ('diabolo.DenoisingAutoencoder', None)
    """
    called = CALLED.fullmatch(text)
    if called and called["name"] in diabolo._HOMES:
        return f"diabolo.{called['name']}{called['inside'] or ''}"
    return text if MODULE.fullmatch(text) else None


class NamesAreLinks(SphinxTransform):
    default_priority = 300

    def apply(self, **kwargs: Any) -> None:
        for literal in list(self.document.findall(nodes.literal)):
            name, parent = target(literal.astext()), literal.parent
            if not name or self.env.docname == f"families/{name.removeprefix('diabolo.')}":
                continue
            if isinstance(parent, addnodes.pending_xref):  # by the default role of docstrings
                parent["reftarget"] = name
            elif not isinstance(parent, nodes.title | nodes.reference):
                link = addnodes.pending_xref(
                    "",
                    refdomain="py",
                    reftype="obj",
                    reftarget=name,
                    refexplicit=False,
                    refdoc=self.env.docname,
                )
                literal.replace_self(link)
                link += literal


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_transform(NamesAreLinks)
    return {"parallel_read_safe": True}
