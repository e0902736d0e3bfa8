"""
What the doctor says
====================

Every fit ends with a diagnosis. Here a variational autoencoder is given a code that is far too
dear, and its units stop saying anything: the loss falls all the same.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from diabolo import VariationalAutoencoder, open_dataset
from diabolo.measures.latent import unit_prices
from diabolo.uses.check import check

digits = load_digits()
shown = digits.images[[np.flatnonzero(digits.target == kind)[0] for kind in range(10)]]
settings = {"n_components": 12, "max_epochs": 80, "random_state": 0, "n_threads": 1}
models = {
    "healthy": VariationalAutoencoder(**settings).fit(digits.images),
    "ill": VariationalAutoencoder(beta=60, **settings).fit(digits.images),
}

# %%

for finding in models["ill"].diagnosis_:
    if finding.is_warning:
        print("!", finding)

# %%
# Beside PCA, in one line:

for name, model in models.items():
    print(f"{name}: {check(model, open_dataset(digits.images)).verdict.finding}")

# %%

fig, axes = plt.subplots(1, 2, figsize=(10, 2.4), width_ratios=(1, 2))
for (name, model), shift in zip(models.items(), (-0.2, 0.2), strict=True):
    prices = np.sort(unit_prices(model, digits.images).nats)[::-1]
    axes[0].bar(np.arange(1, 13) + shift, prices, 0.4, label=name)
axes[0].set(xlabel="unit", ylabel="nats")
axes[0].legend(frameon=False)
rows = [shown, *(model.reconstruct(shown) for model in models.values())]
axes[1].imshow(np.vstack([np.hstack(np.pad(r, ((0, 0), (0, 2), (0, 1)))) for r in rows]), vmin=0)
for line, name in enumerate(["input", *models]):
    axes[1].text(-2, 10 * line + 4, name, ha="right", va="center")
axes[1].set_axis_off()
plt.show()
