"""Every family can be trained with products in bfloat16, all of its players."""

import numpy as np
import pytest

from diabolo.families import FAMILIES, family


@pytest.mark.parametrize("name", FAMILIES)
def test_weights_are_other_ones_and_finite(name, rows):
    def weights(precision):
        model = family(name)(max_epochs=3, random_state=0, precision=precision).fit(rows)
        return [p.detach().numpy() for p in model.module_.parameters() if p.requires_grad]

    exact, short = weights("float32"), weights("bfloat16")
    assert all(np.isfinite(w).all() for w in short)
    assert any(not np.array_equal(a, b) for a, b in zip(exact, short, strict=True))


def test_precisions_have_names():
    with pytest.raises(ValueError, match="precision"):
        family("Autoencoder")(precision="half").fit(np.zeros((9, 3)))
