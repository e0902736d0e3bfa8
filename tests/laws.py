"""The members of every group of words; whoever adds one adds a line, and the laws apply to it.

Names are the groups' own; a value makes a new, small member. `tests/parts/test_spec.py` sees to it
that none is left out.
"""

import torch

from diabolo.models.adversarial import AdversarialModule
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.models.ensemble import EnsembleModule
from diabolo.parts import (
    augmentations,
    clusters,
    codes,
    corruptions,
    critics,
    densities,
    dictionaries,
    discrepancies,
    flows,
    games,
    lenses,
    likelihoods,
    neighbours,
    networks,
    ordered,
    outcomes,
    outliers,
    penalties,
    priors,
    quantisers,
    stein,
)
from diabolo.parts.spec import initialise

CODES = {
    "deterministic": lambda: codes.Deterministic(4),
    "deterministic sigmoid": lambda: codes.Deterministic(4, "sigmoid"),
    "matched": lambda: codes.Matched(4),
    "top-k": lambda: codes.TopK(6, 2),
    "anchored": lambda: codes.Anchored(2, 5),
    "nested": lambda: ordered.Nested(4, "tanh"),
    "top-k of a row": lambda: dictionaries.RowTopK(6, 3),
    "top-k of a batch": lambda: dictionaries.BatchTopK(6, 3),
    "jump-relu": lambda: dictionaries.JumpReLU(6, 3, start=0.05),
    "vector-quantised": lambda: quantisers.VectorQuantiser(6, 3, 5),
    "vector-quantised by gradient": lambda: quantisers.GradientVectorQuantiser(6, 2, 7),
    "finite scalar": lambda: quantisers.ScalarQuantiser(4, (2, 3, 5, 8)),
    "gaussian": lambda: codes.Gaussian(3),
    "gaussian, mixture": lambda: codes.Gaussian(3, prior=priors.Mixture(3, 4)),
    "gaussian, pseudo-inputs": lambda: met(codes.Gaussian(3, prior=priors.VampPrior(3, 5, 4))),
    "two latents": lambda: hierarchical(3, 2),
    "three latents": lambda: hierarchical(4, 3, above=hierarchical(3, 2)),
}


def hierarchical(dim, upper, **words):
    above = words.get("above") or codes.Gaussian(upper)
    up = networks.Dense((dim, 5, above.inputs), "tanh")
    return codes.Hierarchical(dim, up, above, networks.Dense((upper, 5, 2 * dim), "tanh"))


def met(code, features=5):
    """A code whose prior knows an encoder, as in a model."""
    encoder = networks.Dense((features, code.inputs))
    initialise(encoder, noise(7))
    code.meet(encoder.double())
    return code


PRIORS = {
    "standard normal": lambda: priors.StandardNormal(3),
    "uniform": lambda: priors.Uniform(3),
    "mixture": lambda: priors.Mixture(3, 4),
    "pseudo-inputs": lambda: (
        met(codes.Gaussian(3, prior=priors.VampPrior(3, 5, 4, link="sigmoid"))).prior
    ),
    "blend": lambda: densities.Blend(3, 4),
    "kernel density": lambda: densities.KernelDensity(3, 6),
    "mean posterior": lambda: densities.MeanPosterior(3, 5),
    "flow": lambda: flows.Flow(3, 2, (8,)),
}

ASSIGNMENTS = {
    "student t": lambda: clusters.StudentT(3, 4),
    "student t, wide": lambda: clusters.StudentT(3, 4, scale=2.5),
    "of a blend": lambda: clusters.Responsibility(3, 4, densities.Blend(3, 4)),
    "of a mixture": lambda: clusters.Responsibility(3, 4, priors.Mixture(3, 4)),
}

BLOCKS = {
    "autoregressive": lambda: flows.Autoregressive(3, (8,)),
}

GAMES = {
    "original": lambda: games.MinMax(),
    "non-saturating": lambda: games.NonSaturating(),
    "relativistic": lambda: games.Relativistic(),
}

KERNELS = {
    "gaussian": lambda: discrepancies.GaussianKernel((0.5, 2.0)),
    "inverse multiquadratic": lambda: discrepancies.for_normal(3),
    "negative distance": lambda: discrepancies.NegativeDistance(),
}

LIKELIHOODS = {
    "gaussian": lambda: likelihoods.Gaussian(),
    "gaussian narrow sigmoid": lambda: likelihoods.Gaussian("sigmoid", scale=0.3),
    "gaussian shared": lambda: likelihoods.Gaussian(variance="shared", scale=0.7),
    "gaussian entry": lambda: likelihoods.Gaussian("sigmoid", "entry"),
    "laplace": lambda: likelihoods.Laplace(),
    "laplace sigmoid": lambda: likelihoods.Laplace("sigmoid"),
    "bernoulli": lambda: likelihoods.Bernoulli(),
    "categorical 2": lambda: likelihoods.Categorical(2),
    "categorical 5": lambda: likelihoods.Categorical(5),
    "logistic 2": lambda: likelihoods.DiscretisedLogistic(2),
    "logistic 17": lambda: likelihoods.DiscretisedLogistic(17),
    "logistic 256": lambda: likelihoods.DiscretisedLogistic(),
}

# (numbers, categories of 3, 2 and 40 values) side by side in a table of five columns
TABLE = (0, 3, 2, 0, 40)

MIXED_LIKELIHOODS = {
    "mixed": lambda: likelihoods.Mixed(TABLE, scale=0.7),
    "mixed, learned": lambda: likelihoods.Mixed(TABLE, "column", scale=0.7),
    "mixed, laplace": lambda: likelihoods.Mixed(TABLE, "laplace"),
    "mixed, numbers alone": lambda: likelihoods.Mixed((0, 0), "column"),
    "mixed, categories alone": lambda: likelihoods.Mixed((2, 1)),
}

CORRUPTIONS = {
    "nothing": lambda: corruptions.Nothing(),
    "masking": lambda: corruptions.Masking(0.3),
    "salt and pepper": lambda: corruptions.SaltAndPepper(0.3, low=-1.0, high=2.0),
    "gaussian": lambda: corruptions.GaussianNoise(0.3),
    "column swap": lambda: corruptions.ColumnSwap(0.3),
    "moves": lambda: corruptions.Moves(0.3, shape=(5, 5, 1)),
    "in turn": lambda: corruptions.InTurn(
        steps=(corruptions.Moves(0.3, shape=(5, 5, 1)), corruptions.Masking(0.3))
    ),
    "hiding": lambda: corruptions.Hiding(0.4),
    "hiding, unmarked": lambda: corruptions.Hiding(0.4, marked=False),
    "hiding patches": lambda: corruptions.Hiding(0.4, shape=(5, 5, 1), patch=2),
}

AUGMENTATIONS = {
    "unchanged": lambda: augmentations.Unchanged(),
    "within": lambda: augmentations.Within(0.5),
    "binarise": lambda: augmentations.Binarise(),
    "shift": lambda: augmentations.Shift((4, 3, 2), pixels=1),
    "in turn": lambda: augmentations.InTurn(
        (augmentations.Shift((4, 3, 2)), augmentations.Binarise())
    ),
}

PENALTIES = {
    "kl sparsity": lambda: penalties.KLSparsity(3.0, 4, 0.1),
    "kl sparsity with memory": lambda: penalties.KLSparsity(3.0, 4, 0.1, memory=0.9),
    "l1": lambda: penalties.L1(0.5),
    "contractive": lambda: penalties.Contractive(0.1),
    "contractive by probes": lambda: penalties.Contractive(0.1, probes=2),
    "isometry": lambda: penalties.Isometry(0.5),
    "isometry by probes": lambda: penalties.Isometry(0.5, probes=2),
    "weight decay": lambda: penalties.WeightDecay(0.01),
    "revival": lambda: dictionaries.Revival(0.1, 4, 2, patience=0),
    "total correlation": lambda: penalties.TotalCorrelation(3.0, 50),
    "discrepancy": lambda: penalties.Discrepancy(10.0, discrepancies.for_normal(4)),
    "divergence": lambda: stein.Divergence(0.1),
    "neighbours": lambda: neighbours.Neighbours(2.0, repulsion=3.0),
}

# (height, width, channels) of images and signals
SHAPES = {
    "smallest": (8, 8, 1),
    "odd": (9, 11, 1),
    "mnist": (28, 28, 1),
    "colour, odd": (33, 47, 3),
    "wide": (17, 40, 2),
    "signal": (1, 30, 1),
    "short signal": (1, 5, 1),
    "one value": (1, 1, 1),
}

# name: (encoder, decoder) as mirror images; the encoder gives 3 numbers
NETWORKS = {
    "dense": lambda context=0: (
        networks.Dense((7, 5, 3), "tanh", context),
        networks.Dense((3, 5, 7), "tanh", context),
    ),
    "dense, one layer": lambda context=0: (
        networks.Dense((7, 3), context=context),
        networks.Dense((3, 7), context=context),
    ),
    "tied": lambda context=0: (
        networks.Dense((7, 5, 3), "tanh", context),
        networks.Mirror((3, 5, 7), "tanh", context),
    ),
    "convolutional, context as channels": lambda context=0: (
        networks.ConvolutionalEncoder((8, 9, 2), 3, (3, 4), "tanh", context, early=True),
        networks.ConvolutionalDecoder((8, 9, 2), 3, 1, (3, 4), "tanh", context),
    ),
    "dictionary": lambda context=0: (
        networks.Dense((7, 3), context=context),
        dictionaries.Dictionary(3, 7, context),
    ),
    **{
        f"convolutional, {name}": lambda context=0, shape=shape: (
            networks.ConvolutionalEncoder(shape, 3, (3, 4), "tanh", context),
            networks.ConvolutionalDecoder(shape, 3, 1, (3, 4), "tanh", context),
        )
        for name, shape in SHAPES.items()
    },
}

MODELS = {
    "plain": lambda: AutoencoderModule(
        networks.Dense((6, 5, 4), "tanh"),
        codes.Deterministic(4, "sigmoid"),
        networks.Dense((4, 5, 6), "tanh"),
        likelihoods.Gaussian(),
    ),
    "tied": lambda: AutoencoderModule(
        networks.Dense((6, 4), "tanh"),
        codes.Deterministic(4),
        networks.Mirror((4, 6), "tanh"),
        likelihoods.Gaussian(),
    ),
    "denoising with emphasis": lambda: AutoencoderModule(
        networks.Dense((6, 4)),
        codes.Deterministic(4, "tanh"),
        networks.Dense((4, 6)),
        likelihoods.Gaussian(),
        corruption=corruptions.Masking(0.4, emphasis=0.8),
    ),
    "sparse, contractive, decaying": lambda: AutoencoderModule(
        networks.Dense((6, 5, 4), "sigmoid"),
        codes.Deterministic(4, "sigmoid"),
        networks.Dense((4, 6)),
        likelihoods.Gaussian(),
        penalties=(
            penalties.KLSparsity(3.0, 4, 0.1),
            penalties.L1(0.5),
            penalties.Contractive(0.1),
            penalties.WeightDecay(0.01),
        ),
    ),
    "contractive, one layer": lambda: AutoencoderModule(
        networks.Dense((6, 4)),
        codes.Deterministic(4, "sigmoid"),
        networks.Dense((4, 6)),
        likelihoods.Gaussian(),
        penalties=(penalties.Contractive(0.1),),
    ),
    "contractive by probes": lambda: AutoencoderModule(
        networks.Dense((6, 9, 4), "softplus"),
        codes.Deterministic(4, "sigmoid"),
        networks.Dense((4, 6)),
        likelihoods.Gaussian(),
        penalties=(penalties.Contractive(0.1, probes=2),),
    ),
    "contractive top-k": lambda: AutoencoderModule(
        networks.Dense((6, 8)),
        codes.TopK(8, 3),
        networks.Dense((8, 6)),
        likelihoods.Gaussian(),
        penalties=(penalties.Contractive(0.1),),
    ),
    "convolutional, contractive": lambda: AutoencoderModule(
        networks.ConvolutionalEncoder((2, 3, 1), 4, (3,), "tanh"),
        codes.Deterministic(4, "tanh"),
        networks.ConvolutionalDecoder((2, 3, 1), 4, 2, (3,), "tanh"),
        likelihoods.Gaussian(variance="entry"),
        penalties=(penalties.Contractive(0.1),),
    ),
    "variational": lambda: AutoencoderModule(
        networks.Dense((6, 5, 8), "tanh"),
        codes.Gaussian(4),
        networks.Dense((4, 5, 6), "tanh"),
        likelihoods.Gaussian(variance="shared"),
        beta=0.7,
        warmup=5.0,
    ),
    "variational, bernoulli": lambda: AutoencoderModule(
        networks.Dense((6, 8)),
        codes.Gaussian(4),
        networks.Dense((4, 6)),
        likelihoods.Bernoulli(),
        augmentation=augmentations.Binarise(),
    ),
    "variational, logistic": lambda: AutoencoderModule(
        networks.Dense((6, 8)),
        codes.Gaussian(4),
        networks.Dense((4, 12)),
        likelihoods.DiscretisedLogistic(5),
    ),
    "variational, mixture": lambda: AutoencoderModule(
        networks.Dense((6, 8), "tanh"),
        codes.Gaussian(4, prior=priors.Mixture(4, 3)),
        networks.Dense((4, 6), "tanh"),
        likelihoods.Bernoulli(),
    ),
    "variational, pseudo-inputs": lambda: AutoencoderModule(
        networks.Dense((6, 8), "tanh"),
        codes.Gaussian(4, prior=priors.VampPrior(4, 6, 3, link="sigmoid")),
        networks.Dense((4, 6), "tanh"),
        likelihoods.Bernoulli(),
    ),
    "hierarchical": lambda: AutoencoderModule(
        networks.Dense((6, 5, 6), "tanh"),
        hierarchical(3, 2),
        networks.Dense((3, 5, 6), "tanh"),
        likelihoods.Bernoulli(),
        beta=0.7,
    ),
    "variational, independent units": lambda: AutoencoderModule(
        networks.Dense((6, 8), "tanh"),
        codes.Gaussian(4),
        networks.Dense((4, 6), "tanh"),
        likelihoods.Bernoulli(),
        penalties=(penalties.TotalCorrelation(3.0, 50, "weighted"),),
    ),
    "wasserstein": lambda: AutoencoderModule(
        networks.Dense((6, 4), "tanh"),
        codes.Matched(4),
        networks.Dense((4, 6), "tanh"),
        likelihoods.Gaussian(),
        penalties=(penalties.Discrepancy(10.0, discrepancies.for_normal(4)),),
    ),
    "categorical, shifted": lambda: AutoencoderModule(
        networks.Dense((6, 4)),
        codes.Deterministic(4),
        networks.Dense((4, 30)),
        likelihoods.Categorical(5),
        augmentation=augmentations.Shift((2, 3, 1)),
    ),
}

CRITICS = {
    "of codes": lambda: critics.CodeCritic(0.5, networks.Dense((4, 5, 1), "tanh")),
    "of rows": lambda: critics.RowCritic(0.5, networks.Dense((6, 5, 1), "tanh")),
    "total correlation": lambda: critics.TotalCorrelation(0.5, networks.Dense((4, 5, 1), "tanh")),
}

MODELS |= {
    f"with a critic {name}": lambda make=make: AutoencoderModule(
        networks.Dense((6, 8), "tanh"),
        codes.Gaussian(4),
        networks.Dense((4, 6), "tanh"),
        likelihoods.Gaussian(),
        penalties=(make(),),
    )
    for name, make in CRITICS.items()
}

GENERATORS = {
    name: lambda game=game, link=link, penalty=penalty: AdversarialModule(
        priors.StandardNormal(3),
        networks.Dense((3, 5, 6), "tanh"),
        networks.Dense((6, 5, 1), "tanh"),
        game(),
        link,
        penalty,
    )
    for name, game, link, penalty in (
        ("relativistic", games.Relativistic, "identity", 0.5),
        ("non-saturating", games.NonSaturating, "sigmoid", 0.0),
        ("original", games.MinMax, "sigmoid", 0.0),
    )
}

TABLES = {
    "table": lambda context=0: networks.Table((5, 6, 3), "tanh", context, TABLE),
    "table, one layer": lambda context=0: networks.Table((5, 3), "tanh", context, TABLE),
    "table, numbers alone": lambda context=0: networks.Table((2, 3), "tanh", context, (0, 0)),
}

PARTS = {
    f"{group}: {name}": make
    for group, members in {
        "code": CODES,
        "prior": PRIORS,
        "block of a flow": BLOCKS,
        "assignment": ASSIGNMENTS,
        "game": GAMES,
        "kernel": KERNELS,
        "likelihood": LIKELIHOODS,
        "mixed likelihood": MIXED_LIKELIHOODS,
        "table": TABLES,
        "missing": {"missing": lambda: corruptions.Missing(0.3)},
        "corruption": CORRUPTIONS,
        "augmentation": AUGMENTATIONS,
        "penalty": PENALTIES,
        "encoder": {name: lambda make=make: make()[0] for name, make in NETWORKS.items()},
        "decoder": {name: lambda make=make: make()[1] for name, make in NETWORKS.items()},
        "critic": CRITICS,
        "model": MODELS,
        "generator": GENERATORS,
        "ensemble": {"of three": lambda: EnsembleModule(MODELS["plain"](), 3)},
        "head": {"none": networks.Identity},
        "partner": {
            "forest": lambda: outliers.IsolationForest(3, 2, 5, 3),
            "ellipsoid": lambda: outliers.Ellipsoid(3),
            "usual": lambda: outliers.Usual(5, 3),
            "outcomes": lambda: outcomes.Outcomes((4, 0, 3)),
        },
        "lens": {"visible": lambda: lenses.Visible(networks.Dense((8, 5, 3), "tanh"))},
    }.items()
    for name, make in members.items()
}


def cells(n, seed=0, missing=0.3):
    """Rows of `TABLE`, (n, 5) float64, with missing cells."""
    generator = noise(seed)
    columns = [
        torch.randint(k, (n,), generator=generator).double()
        if k
        else torch.empty(n, dtype=torch.float64).normal_(generator=generator)
        for k in TABLE
    ]
    gaps = torch.empty(n, len(TABLE)).uniform_(generator=generator) < missing
    return torch.stack(columns, 1).masked_fill(gaps, torch.nan)


def noise(seed=0):
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.empty(*shape, dtype=dtype).normal_(generator=noise(seed))


def uniform(*shape, seed=0, dtype=torch.float64):
    return torch.empty(*shape, dtype=dtype).uniform_(generator=noise(seed))


def greys(*shape, levels=5, seed=0):
    """Whole greys 0 … levels − 1, scaled to [0, 1]; what every likelihood accepts."""
    whole = torch.randint(levels, shape, generator=noise(seed))
    return whole.double() / (levels - 1)


def drawn(make, seed=0):
    """A new member with first weights, in double precision."""
    part = make()
    initialise(part, noise(seed))
    return part.double()
