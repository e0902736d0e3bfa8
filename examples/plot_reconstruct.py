"""
Families side by side
=====================

Eight numbers for an image of 64 pixels: what each family rebuilds from them, beside PCA.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

import diabolo

images, labels = load_digits(return_X_y=True)
train, test, _, kinds = train_test_split(
    images.reshape(-1, 8, 8) / 16, labels, test_size=400, random_state=0
)
shown = test[[np.flatnonzero(kinds == kind)[0] for kind in range(10)]]

# %%
# All families take the same arrays and share their settings.

shared = {"n_components": 8, "max_epochs": 60, "random_state": 0, "n_threads": 1}
dense = shared | {"hidden_layer_sizes": (128,), "activation": "gelu"}
models = {
    "plain": diabolo.Autoencoder(**dense),
    "deep": diabolo.Autoencoder(**dense | {"hidden_layer_sizes": (256, 128, 64)}),
    "denoising": diabolo.DenoisingAutoencoder(level=0.2, **dense),
    "nested": diabolo.NestedAutoencoder(**dense),
    "variational": diabolo.VariationalAutoencoder(**dense),
    "convolutional": diabolo.ConvolutionalAutoencoder(**shared | {"max_epochs": 30}),
}
rebuilt = {name: model.fit(train).reconstruct(test) for name, model in models.items()}

pca = PCA(8).fit(train.reshape(-1, 64))
flat = test.reshape(-1, 64)
rebuilt["PCA"] = pca.inverse_transform(pca.transform(flat)).reshape(test.shape)

# %%
# Squared error, summed over the pixels of a test image. The nested one has to be good with every
# part of its code, too, the denoising one with corrupted images, the variational one with codes
# that can be drawn.

for name, found in rebuilt.items():
    print(f"{name:14}{np.square(found - test).sum((1, 2)).mean():6.2f}")

# %%

rows = {"input": shown}
rows |= {name: models[name].reconstruct(shown) for name in models}
flat = pca.inverse_transform(pca.transform(shown.reshape(-1, 64)))
rows["PCA"] = flat.reshape(shown.shape)

fig, axes = plt.subplots(len(rows), 1, figsize=(7, 6))
for ax, (name, images) in zip(axes, rows.items(), strict=True):
    ax.imshow(np.hstack(np.pad(images, ((0, 0), (0, 0), (0, 1)))), vmin=0, vmax=1)
    ax.text(-2, 3.5, name, ha="right", va="center")
    ax.set_axis_off()
plt.show()
