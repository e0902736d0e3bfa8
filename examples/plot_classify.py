"""
Few labels, many rows
=====================

An autoencoder learns from all images which are alike; the labels of a few then name what it tells
apart. The control is the same network without the first step.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from diabolo import EncoderClassifier, LayoutAutoencoder

digits = load_digits()
train, test, labels, truth = train_test_split(
    digits.images, digits.target, test_size=500, stratify=digits.target, random_state=0
)

# %%
# Pre-training once, without labels: codes of images that differ by small moves lie together.

encoder = LayoutAutoencoder(n_components=10, max_epochs=60, random_state=0, n_threads=1).fit(train)

# %%
# Then 20 to 200 labels, each time of five random choices of images.

settings = {
    "control": False,
    "corrupt": False,
    "max_epochs": 200,
    "lr": 3e-3,
    "random_state": 0,
    "n_threads": 1,
}
counts = (20, 50, 100, 200)
wrong = {"pre-trained": [], "control": []}
for count in counts:
    found = []
    for seed in range(5):
        chosen = np.random.default_rng(seed).permutation(len(train))[:count]
        rows, names = train[chosen], labels[chosen]
        taught = EncoderClassifier(pretrained=encoder, **settings).fit(rows, names)
        fresh = EncoderClassifier(estimator=encoder, pretrain=False, **settings).fit(rows, names)
        found.append([100 * (1 - one.score(test, truth)) for one in (taught, fresh)])
    for values, column in zip(wrong.values(), np.transpose(found), strict=True):
        values.append(column)
    print(f"{count:4} labels: {np.mean(found, 0)[0]:4.1f} %, control {np.mean(found, 0)[1]:4.1f} %")

# %%
# Test images that are named wrongly: mean, least and most of the five.

fig, ax = plt.subplots(figsize=(6.5, 3.6))
for (name, values), colour in zip(wrong.items(), ("tab:blue", "tab:orange"), strict=True):
    values = np.array(values)
    ax.plot(counts, values.mean(1), "o-", color=colour, label=name)
    ax.fill_between(counts, values.min(1), values.max(1), color=colour, alpha=0.15, lw=0)
ax.set(xscale="log", ylim=0, xlabel="labels", ylabel="wrong, in %")
ax.set_xticks(counts, counts)
ax.minorticks_off()
ax.legend(frameon=False)
plt.show()
