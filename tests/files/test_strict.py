"""Strict JSON: what is read, and the sentence for what is not."""

import pytest

from diabolo.files.strict import strict_json


def test_an_object_is_read():
    assert strict_json('{"a": [1, 0.5, null, "höhe"], "b": {}}', "header") == {
        "a": [1, 0.5, None, "höhe"],
        "b": {},
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": 1, "a": 2}', "^its header names something twice$"),
        ('{"b": {"a": 1, "a": 1}}', "^its header names something twice$"),
        ('{"a": NaN}', "^its header holds NaN, which is not JSON$"),
        ('{"a": -Infinity}', "^its header holds -Infinity, which is not JSON$"),
        ("[1]", "^its header is not a JSON object$"),
        ("{", "Expecting"),
    ],
)
def test_anything_else_is_refused(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        strict_json(text, "header")
