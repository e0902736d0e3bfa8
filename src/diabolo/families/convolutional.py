"""The convolutional autoencoder: for images and signals."""

from __future__ import annotations

from diabolo.families.autoencoder import Autoencoder


class ConvolutionalAutoencoder(Autoencoder):
    """Autoencoder whose levels are convolutions: the same features are looked for everywhere.

        minimise −log p(x | z),  h^c = φ(Σ_b h^b ∗ W^{bc} + a^c)  for every feature map c

    Takes images N×H×W or N×H×W×C of any size from 8×8 up. Flat rows of a square number of
    features, 64 or more, are folded to square images; other rows are signals of one line. Sizes
    follow from the data; the decoder enlarges and then convolves, which leaves no checkerboards.

    When: rows are images, or signals in which neighbours belong together. Any other family becomes
    convolutional with ``network="convolutional"``.

    Watch: a step takes longer than a dense one of as many weights; on images as small as 8×8
    dense levels do as well.

    channels : feature maps of each level; a level halves each side while that is 8 or more.

    Masci et al. 2011, "Stacked convolutional auto-encoders"; Odena, Dumoulin & Olah 2016,
    "Deconvolution and checkerboard artifacts".
    """

    network: str = "convolutional"
