"""
One thing changed, the rest kept
================================

A step in the code space changes one thing about an image. The direction comes from examples: from
the mean code of digits that lean to the left to that of digits that lean to the right.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from diabolo import VariationalAutoencoder
from diabolo.uses.edit.directions import matched_difference, mean_difference
from diabolo.uses.edit.effects import edited
from diabolo.uses.edit.paths import path

digits = load_digits()
images, labels = digits.images, digits.target
model = VariationalAutoencoder(
    n_components=8,
    hidden_layer_sizes=(256, 128),
    activation="gelu",
    max_epochs=120,
    random_state=0,
    n_threads=1,
).fit(images)
codes = model.transform(images)

# %%
# How much a digit leans: pixels to the right for each pixel upwards.

up, right = np.mgrid[3.5:-4.5:-1, -3.5:4.5]
ink = images / images.sum((1, 2), keepdims=True)
up, right = (axis - (ink * axis).sum((1, 2))[:, None, None] for axis in (up, right))
slant = (ink * up * right).sum((1, 2)) / (ink * up * up).sum((1, 2))
leans = slant > np.median(slant)

# %%
# Within each class, so that leaning is all that changes; and from ones to zeros.

lean = matched_difference(codes, leans, labels, True)
one_to_zero = mean_difference(codes, labels, towards=0, away=1)

# %%

of_each = [np.flatnonzero(labels == kind)[2] for kind in range(10)]
leaning = edited(model, codes[of_each], lean, [-2, -1, 0, 1, 2])
ones = np.flatnonzero(labels == 1)[:3]
turned = edited(model, codes[ones], one_to_zero, np.linspace(0, 1, 10))
way = path(model, codes[of_each[3]], codes[of_each[8]], kind="geodesic", steps=10)
print(f"from 3 to 8: {way.length:.2f} along the geodesic, {way.straight:.2f} straight")

# %%

between = model.inverse_transform(way.codes)
lines = {f"lean {s:+d}": row for s, row in zip((-2, -1, 0, 1, 2), leaning, strict=True)}
lines |= {"1 to 0": turned[:, 0], "1 to 0 ": turned[:, 1], "3 to 8": between}
fig, axes = plt.subplots(len(lines), 1, figsize=(7, 6.5))
for ax, (name, row) in zip(axes, lines.items(), strict=True):
    ax.imshow(np.hstack(np.pad(row, ((0, 0), (0, 0), (0, 1)))), vmin=0, vmax=16)
    ax.text(-2, 3.5, name, ha="right", va="center")
    ax.set_axis_off()
plt.show()
