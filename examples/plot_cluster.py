"""
Kinds that nobody named
=======================

1,797 images of digits and no labels: each is joined with its nearest others, the graph is laid out
so that clumps appear, an autoencoder learns the places, and k-means finds the clumps.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from diabolo import DeepClusterer

digits = load_digits()
clusterer = DeepClusterer(n_clusters=10, random_state=0, n_threads=1)
clusters = clusterer.fit_predict(digits.images, digits.target)  # labels for the report alone

# %%

print(clusterer.report_.line)

# %%
# The codes have ten numbers; here they are seen along the two directions in which they vary most,
# coloured by cluster. Below: what the middle of each cluster decodes to.

codes = PCA(2).fit_transform(clusterer.estimator_.transform(digits.images))
centres = clusterer.decoded_centers()

fig, (ax, below) = plt.subplots(2, 1, figsize=(7, 6.4), height_ratios=(6, 1))
ax.scatter(*codes.T, c=clusters, cmap="tab10", s=6, linewidths=0)
ax.set_axis_off()
below.imshow(np.hstack(np.pad(centres, ((0, 0), (0, 0), (1, 1)))))
for k in range(10):
    below.add_patch(plt.Rectangle((10 * k - 0.2, 8.2), 9, 0.8, color=plt.cm.tab10(k), lw=0))
below.set_ylim(9.2, -0.5)
below.set_axis_off()
plt.show()
