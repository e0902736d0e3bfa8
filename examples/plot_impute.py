"""
Missing cells, and how sure one can be
======================================

A fifth of the cells of a table are gone. One value for each is often not enough: draws show what
may have been there.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris
from sklearn.impute import KNNImputer, SimpleImputer

from diabolo import Imputer, MaskedEnsemble

flowers = load_iris(as_frame=True)
whole = flowers.data
gone = np.random.default_rng(0).random(whole.shape) < 0.2
table = whole.mask(gone)

# %%

ensemble = MaskedEnsemble(n_members=8, max_epochs=400)
imputer = Imputer(estimator=ensemble, random_state=0, n_threads=1).fit(table)
filled = imputer.transform(table)
draws = imputer.draws(table, 100, random_state=0)

# %%
# Root mean squared error of the missing cells, in standard deviations of their column.


def error(found):
    return np.sqrt(np.square(((found - whole) / whole.std()).to_numpy()[gone]).mean())


for name, other in {"means": SimpleImputer(), "5 neighbours": KNNImputer()}.items():
    print(f"{name:14}{error(other.set_output(transform='pandas').fit_transform(table)):.3f}")
print(f"{'Imputer':14}{error(filled):.3f}")

# %%
# Lengths of petals that are missing, in rows whose width is known: draws against the truth, which
# should be within the central 80 % of them in about four cases of five.

length = "petal length (cm)"
rows = np.flatnonzero(gone[:, 2])
rows = rows[np.argsort(whole[length].to_numpy()[rows])]
drawn = np.array([one[length].to_numpy()[rows] for one in draws])
low, high = np.quantile(drawn, [0.1, 0.9], axis=0)
truth = whole[length].to_numpy()[rows]
print(f"within: {np.mean((truth >= low) & (truth <= high)):.0%} of {len(rows)}")

fig, ax = plt.subplots(figsize=(8, 3.4))
places = np.arange(len(rows))
ax.vlines(places, low, high, color="tab:blue", lw=5, alpha=0.35, label="central 80 % of the draws")
ax.plot(places, filled[length].to_numpy()[rows], "_", color="tab:blue", ms=8, label="filled in")
ax.plot(places, truth, "k.", label="truth")
ax.set(xlabel="flowers whose petal length is missing", ylabel="cm", xticks=[])
ax.legend(frameon=False)
plt.show()
