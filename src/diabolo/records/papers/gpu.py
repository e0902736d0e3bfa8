"""Published figures that two cores do not reach in a quarter of an hour: listed, not run."""

from __future__ import annotations

from diabolo.records import gates
from diabolo.records.record import Gate, Published, Record
from diabolo.records.sets import MNIST

NEEDS = "a GPU"


def _record(
    id: str,
    paper: str,
    row: str,
    network: str,
    epochs: str,
    metric: str,
    *published: Published,
    gates: tuple[Gate, ...] = (gates.PCA_30,),
) -> Record:
    year = int(id[-4:]) if id[-4:].isdigit() else int(id.split("-")[0][-4:])
    return Record(
        id=id,
        paper=paper,
        year=year,
        row=row,
        data=MNIST,
        metric=metric,
        network=network,
        optimiser="as in the paper",
        epochs=epochs,
        published=published,
        gates=gates,
        needs=NEEDS,
    )


NATS = "−log p(x) in nats"
FIVE = f"{NATS}, 5000 samples, images drawn as bits"

GPU_RECORDS = (
    _record(
        "sutskever2013",
        "Sutskever et al. 2013, On the importance of initialization and momentum",
        "table 1, MNIST autoencoder",
        "784-1000-500-250-30",
        "750,000 steps of 200 rows",
        "squared error on the training set: a claim about optimisation alone",
        Published("squared error, train", 0.73, 0.73, 0.69, "M", "table 1, NAG 0.99; HF"),
    ),
    _record(
        "burda2016-table",
        "Burda et al. 2016, Importance weighted autoencoders",
        "table 1, all ten cells",
        "784-200-200-50, and with a second layer of 100-100-50",
        "3,280",
        FIVE,
        Published(NATS, 84.78, 84.98, 84.32, "S", "IWAE, k = 50, one layer", arm="one layer"),
        Published(NATS, 82.90, 83.10, 82.82, "S", "IWAE, k = 50, two layers", arm="two layers"),
    ),
    _record(
        "norouzi2020",
        "Norouzi et al. 2020, Exemplar VAE",
        "MNIST drawn as bits: VAE, VampPrior, exemplars",
        "784-300-300-40, gated",
        "about 1,000",
        FIVE,
        Published(NATS, 84.45, 84.45, 84.15, "S", "VAE", arm="VAE"),
        Published(NATS, 82.43, 82.43, 82.13, "S", "VampPrior", arm="VampPrior"),
        Published(NATS, 82.09, 82.09, 81.79, "S", "exemplars", arm="exemplars"),
    ),
    _record(
        "tomczak2018",
        "Tomczak & Welling 2018, VAE with a VampPrior",
        "MNIST, hierarchical and convolutional",
        "12 to 15 groups of latents, 3 to 5 million weights",
        "40 minutes",
        f"{NATS}, 1000 samples",
        Published(NATS, 79.78, 80.0, 79.10, "M", "PixelHVAE with VampPrior; IAF-VAE"),
    ),
    _record(
        "kingma2019",
        "Kingma et al. 2019, Bit-Swap",
        "MNIST, lossless",
        "eight stochastic layers, residual blocks of width 61",
        "10 to 15 minutes",
        "bits a pixel of real files, start-up bits included",
        Published("bits a pixel", 1.29, 1.29, 1.25, "M", "table of MNIST"),
        gates=(gates.GZIP, gates.BZIP),
    ),
    _record(
        "jiang2017",
        "Jiang et al. 2017, Variational deep embedding",
        "clustering of MNIST, ten seeds",
        "784-500-500-2000-10",
        "300",
        "accuracy under the best matching of clusters and classes",
        Published("accuracy", 0.9446, 0.9446, 0.979, "S", "VaDE; N2D", higher=True),
    ),
    _record(
        "lin2018",
        "Lin et al. 2018, PacGAN",
        "stacked MNIST, 1000 modes",
        "DCGAN",
        "20,000 steps of 256",
        "modes found among 26,000 samples, KL of their frequencies",
        Published("KL of modes", 0.06, 0.06, 0.029, "M", "PacGAN2; R3GAN"),
    ),
    _record(
        "sainburg2021-64",
        "Sainburg et al. 2021, Parametric UMAP embeddings",
        "MNIST, 64 dimensions, convolutional",
        "64-128 convolutions, 512, 64 and its mirror image",
        "50",
        "5 nearest training codes vote on the test images; squared error a pixel",
        Published("accuracy of 5 neighbours", 0.9758, 0.9758, 0.979, "S", "AE", higher=True),
        Published("squared error a pixel", 0.0016, 0.0016, 0.0016, "S", "AE"),
        gates=(gates.PCA_64,),
    ),
)
