"""
A map that is a network
=======================

Two numbers for each digit, such that those that are alike lie together: by PCA, and by an
autoencoder whose code is t-SNE's map, which also places digits that it has never seen and decodes
any place.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from diabolo import ParametricTSNE
from diabolo.measures.maps import map_quality
from diabolo.uses.map import grid

digits = load_digits()
train, test, _, labels = train_test_split(
    digits.images, digits.target, test_size=600, stratify=digits.target, random_state=0
)
model = ParametricTSNE(
    hidden_layer_sizes=(256, 128), activation="gelu", max_epochs=60, random_state=0, n_threads=1
).fit(train)

# %%
# Both maps, of digits that neither has seen.

flat = test.reshape(-1, 64)
maps = {
    "PCA": PCA(2).fit(train.reshape(-1, 64)).transform(flat),
    "ParametricTSNE": model.transform(test),
}
for name, codes in maps.items():
    found = map_quality(flat, codes, labels)
    print(f"{name:15} 5-NN {found.accuracy:.3f}, trustworthiness {found.trustworthiness:.3f}")

# %%

fig, axes = plt.subplots(1, 3, figsize=(11, 3.8))
for ax, (name, codes) in zip(axes, maps.items(), strict=False):
    ax.scatter(*codes.T, c=labels, cmap="tab10", s=6, linewidths=0)
    for kind in range(10):
        ax.text(*np.median(codes[labels == kind], axis=0), kind, size=13, weight="bold")
    ax.set(title=name)
    ax.set_axis_off()
side = 16
decoded = grid(model, maps["ParametricTSNE"], side).reshape(side, side, 8, 8)
axes[2].imshow(decoded.transpose(0, 2, 1, 3).reshape(8 * side, 8 * side))
axes[2].set(title="what places decode to")
axes[2].set_axis_off()
plt.show()
