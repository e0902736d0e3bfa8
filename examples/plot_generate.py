"""
New digits by a game
====================

A generator makes images out of noise, a discriminator tells them from real ones, and each learns
from the other. With labels both know which digit it should be.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from diabolo import GenerativeAdversarialNetwork
from diabolo.measures.samples import neighbourhoods

digits = load_digits()
images, labels = digits.images, digits.target
model = GenerativeAdversarialNetwork(
    n_components=16, max_epochs=120, random_state=0, n_threads=1
).fit(images, labels)

# %%

wanted = np.tile(np.arange(10), 100)
drawn = model.sample(1000, labels=wanted, random_state=0)

# %%
# Are they near the data, and do they cover it (Naeem et al. 2020)? Does a classifier of real
# digits see what was asked for?

flat, rows = images.reshape(-1, 64), drawn.reshape(-1, 64)
found = neighbourhoods(flat, rows)
reader = LogisticRegression(max_iter=200).fit(flat / 16, labels)
print(f"density {found.density:.2f}, coverage {found.coverage:.2f}")
print(f"as asked for: {(reader.predict(rows / 16) == wanted).mean():.1%}")

# %%

fig, ax = plt.subplots(figsize=(8, 5))
grid = drawn[:160].reshape(16, 10, 8, 8).transpose(1, 0, 2, 3)
tiles = np.pad(grid, ((0, 0), (0, 0), (0, 1), (0, 1))).transpose(0, 2, 1, 3)
ax.imshow(tiles.reshape(90, 144), vmin=0, vmax=16)
ax.set_axis_off()
plt.show()
