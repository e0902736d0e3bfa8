"""What a browser would make of a page, and whether that is harmless."""

from html.parser import HTMLParser

HOSTILE = "\"'><script>alert(1)</script><img src=https://evil.example/x onerror=alert(2)>{{ 7*7 }}"


class Reader(HTMLParser):
    """What a browser would make of a page: elements with attributes, and all text."""

    VOID = frozenset({"meta", "img", "path", "rect"})

    def __init__(self, html):
        super().__init__()
        self.elements, self.text, self.open = [], "", []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def check_harmless(html):
    """No script, no handler, nothing from elsewhere, and a policy that would forbid it all."""
    read = Reader(html)
    policy = None
    for tag, attributes in read.elements:
        assert tag not in {"script", "iframe", "object", "embed", "link", "base", "form"}
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in {"src", "href"}:
                assert value.startswith(("data:image/png;base64,", "#")), (tag, value[:60])
        if attributes.get("http-equiv") == "Content-Security-Policy":
            policy = attributes["content"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    return read
