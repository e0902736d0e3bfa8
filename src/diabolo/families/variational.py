"""The variational autoencoder: a Gaussian latent space that can be sampled."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval

from diabolo.estimators import composition
from diabolo.estimators.composition import Facts
from diabolo.estimators.generative import Generative
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.augmentations import Binarise
from diabolo.parts.codes import Code, Gaussian


class VariationalAutoencoder(Generative):
    """Autoencoder with a Gaussian latent space that can be sampled.

        q(z|x) = N(μ(x), σ²(x)),  p(z) = N(0, I)
        maximise E_q[log p(x|z)] − β KL(q(z|x) ‖ p(z))

    The evidence lower bound makes codes of the data fill the prior, so that draws from the prior
    decode to new data, and says how likely a row is (`log_likelihood`).

    When: new rows are wanted, or a code space without holes, in which every place means
    something; or a likelihood, in nats, that models can be compared by.

    Watch: units whose KL is 0 say nothing, and a strong decoder or a large β leaves many of them
    (`diagnosis_` counts the active ones). Samples of images are smoother than images are: the
    likelihood's mean is shown, and a Gaussian one has no sharp edges to lose.

    beta : weight of the KL; 1 is the bound (Higgins et al. 2017 for others).
    warmup : epochs over which β grows from 0 (Sønderby et al. 2016).
    binarise : greys are probabilities, binarised anew at every step (Burda et al. 2016); for
        likelihood "bernoulli".

    Data that are not binary get a Gaussian likelihood with one learned variance (Rybkin et al.
    2021), so that reconstruction and KL are in balance without a weight.

    Kingma & Welling 2014, "Auto-encoding variational Bayes".
    """

    beta: float = 1.0
    warmup: float = 0.0
    binarise: bool = False

    LIKELIHOOD_BY_KIND: ClassVar[dict[str, str]] = {
        "binary": "bernoulli",
        "unit": "gaussian-shared",
        "real": "gaussian-shared",
    }
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "beta": [Interval(Real, 0, None, closed="left")],
        "warmup": [Interval(Real, 0, None, closed="left")],
        "binarise": ["boolean"],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        return self.drawn(facts, Gaussian(self.code_size(facts)))

    # what families like this one compose with

    def drawn(self, facts: Facts, code: Code, **words: Any) -> AutoencoderModule:
        """An autoencoder around a code that is drawn, with this family's settings or `words`."""
        if self.binarise:
            composition.refuse_mixed(facts, "binarise=True is for greys", "Leave it out.")
        if self.binarise and facts.kind == "real":
            raise ValueError("binarise=True needs values in [0, 1]: pass scaling='unit'.")
        given = {"beta": self.beta, "warmup": self.warmup, **words}
        binarise = Binarise() if self.binarise else None
        return self.around(facts, code, augmentation=binarise, **given)
