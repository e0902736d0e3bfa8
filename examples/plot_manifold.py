"""
The way along a roll
====================

Two points of a rolled sheet may be near each other in space and far apart on the sheet. A map that
is true to scale measures the way along it.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_swiss_roll

from diabolo import IsometricAutoencoder, Manifold

rows, along = make_swiss_roll(1500, random_state=0)
model = IsometricAutoencoder(n_components=2, random_state=0, n_threads=1).fit(rows)
manifold = Manifold(model, rows)
print(f"dimension: {manifold.dimension.value:.2f} ± {manifold.dimension.standard_error:.2f}")

# %%
# From a point on the inner side to one on the outer: straight through the air, along the learned
# surface, and along the true one, whose length has a closed form.


def unrolled(t):
    return (t * np.sqrt(1 + t * t) + np.arcsinh(t)) / 2


heights = rows[:, 1]
a = int(np.hypot(along - 5.5, heights - 5).argmin())
b = int(np.hypot(along - 13.5, heights - 16).argmin())
way = manifold.geodesic(a, b)
flat = np.stack([unrolled(along), heights], axis=1)
print(f"through the air {np.linalg.norm(rows[a] - rows[b]):6.1f}")
print(f"along the map   {way.length:6.1f}")
print(f"on the roll     {np.linalg.norm(flat[a] - flat[b]):6.1f}")

# %%

curve = model.inverse_transform(way.codes)
codes = manifold.codes * manifold.unit

fig = plt.figure(figsize=(9, 4))
solid = fig.add_subplot(1, 2, 1, projection="3d", computed_zorder=False)
solid.scatter(*rows.T, c=along, cmap="viridis", s=6, linewidths=0, alpha=0.5)
solid.plot(*curve.T, color="k", lw=2)
solid.plot(*rows[[a, b]].T, color="k", lw=1, ls=":")
solid.view_init(6, -78)
solid.set_box_aspect(None, zoom=1.4)
solid.set_axis_off()
ax = fig.add_subplot(1, 2, 2)
ax.scatter(*codes.T, c=along, cmap="viridis", s=6, linewidths=0)
ax.plot(*(way.codes * manifold.unit).T, color="k", lw=2)
ax.set(aspect="equal", title="the code, in the units of the rows")
plt.show()
