"""
How long should a code be?
==========================

Losses of different families cannot be compared, the length of a message can: how many nats does it
take to tell a row to someone who has the decoder, code and residual together? This is what
``diabolo auto`` compares models by.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from diabolo import Autoencoder, VariationalAutoencoder
from diabolo.measures.description import description_length
from diabolo.models.autoencoder import Example

train, judges = train_test_split(load_digits().data, test_size=400, random_state=0)


def nats(model):
    learned, judged = (
        Example(model.columns_.scaled(torch.from_numpy(rows))) for rows in (train, judges)
    )
    return description_length(model.module_, model.columns_, learned, judged)


# %%
# A longer code costs more itself and leaves less to be said; somewhere the sum is least.

sizes = (2, 8, 16, 32)
settings = {"hidden_layer_sizes": (128,), "max_epochs": 40, "random_state": 0, "n_threads": 1}
found = {
    family.__name__: [nats(family(n_components=size, **settings).fit(train)) for size in sizes]
    for family in (Autoencoder, VariationalAutoencoder)
}
for name, lengths in found.items():
    print(name, *(f"{size}: {one.total:.1f}" for size, one in zip(sizes, lengths, strict=True)))

# %%

fig, axes = plt.subplots(1, 2, figsize=(8, 3.4), sharey=True, layout="constrained")
places = np.arange(len(sizes))
for ax, (name, lengths) in zip(axes, found.items(), strict=True):
    code = [one.rate for one in lengths]
    ax.bar(places, code, color="tab:orange", label="code")
    ax.bar(places, [one.distortion for one in lengths], bottom=code, color="0.7", label="residual")
    ax.axhline(min(one.total for one in lengths), color="k", lw=0.8, ls=":")
    ax.set_xticks(places, sizes)
    ax.set(title=name, xlabel="units of the code")
axes[0].set(ylabel="nats a row")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
plt.show()
