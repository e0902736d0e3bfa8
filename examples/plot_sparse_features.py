"""
What photographs are made of
============================

Patches of photographs as sums of a few atoms each, out of a large stock: the atoms come out as
edges and bars, each at a place of its own, as Olshausen & Field found in 1996.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_images
from sklearn.decomposition import PCA
from sklearn.feature_extraction.image import extract_patches_2d

from diabolo import SparseDictionary

greys = [picture.mean(2) / 255 for picture in load_sample_images().images]
patches = np.concatenate(
    [extract_patches_2d(grey, (10, 10), max_patches=20_000, random_state=0) for grey in greys]
).reshape(-1, 100)

# %%
# Neighbouring pixels are alike, so most of a patch is its slow changes. Whitening makes the forty
# largest kinds of change count equally, and leaves out the rest.

patches -= patches.mean(1, keepdims=True)
white = PCA(40, whiten=True, random_state=0).fit(patches)
rows = white.transform(patches)

# %%

model = SparseDictionary(
    n_components=144, k=5, max_epochs=15, scaling="none", random_state=0, n_threads=1
)
model.fit(rows)
used = (model.transform(rows) > 0).mean(0)
print(f"{np.sum(used == 0)} of {len(used)} atoms without use")

# %%
# Atoms, the most used first, back in pixels.

atoms = (np.asarray(model.atoms_)[np.argsort(-used)] * np.sqrt(white.explained_variance_)) @ (
    white.components_
)
atoms /= np.abs(atoms).max(1, keepdims=True)

fig, ax = plt.subplots(figsize=(7, 7))
tiles = np.full((12 * 11 - 1, 12 * 11 - 1), np.nan)
for i, atom in enumerate(atoms):
    top, left = i // 12 * 11, i % 12 * 11
    tiles[top : top + 10, left : left + 10] = atom.reshape(10, 10)
ax.imshow(tiles, cmap="RdBu_r", vmin=-1, vmax=1)
ax.set_axis_off()
plt.show()
