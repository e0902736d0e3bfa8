"""
A plane of digits
=================

A variational autoencoder with a code of two numbers: every place of the plane decodes to an image,
and what lies between two places lies between their images.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm
from sklearn.datasets import load_digits

from diabolo import VariationalAutoencoder

digits = load_digits()
model = VariationalAutoencoder(
    n_components=2,
    hidden_layer_sizes=(256, 128),
    activation="gelu",
    max_epochs=150,
    random_state=0,
    n_threads=1,
).fit(digits.images)

# %%
# Codes of the data fill the prior, N(0, I), so places at equal steps of its quantiles are equally
# likely.

side = 22
steps = norm.ppf(np.linspace(0.02, 0.98, side))
x, y = np.meshgrid(steps, steps[::-1])
places = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
decoded = model.inverse_transform(places).reshape(side, side, 8, 8)

# %%

fig, axes = plt.subplots(1, 2, figsize=(10, 5))
axes[0].imshow(decoded.transpose(0, 2, 1, 3).reshape(8 * side, 8 * side))
axes[0].set_title("what places decode to")
axes[0].set_axis_off()

codes = model.transform(digits.images)
axes[1].scatter(*codes.T, c=digits.target, cmap="tab10", s=5, linewidths=0)
for kind in range(10):
    axes[1].text(*np.median(codes[digits.target == kind], axis=0), kind, size=14, weight="bold")
axes[1].set(title="where digits are encoded", aspect="equal")
plt.show()
