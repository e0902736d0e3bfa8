"""
Layer by layer
==============

Deep networks of sigmoid units learn slowly from a random start. Here one is trained one layer at a
time, each on the features of the one below, and then as a whole.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from diabolo import StackedAutoencoder

digits = load_digits()
images = digits.images / 16
shown = images[[np.flatnonzero(digits.target == kind)[0] for kind in range(10)]]

# %%
# The control is the same network without the layers' own training, for as many epochs in all.

settings = {
    "n_components": 12,
    "hidden_layer_sizes": (128, 64, 32),
    "activation": "sigmoid",
    "lr": 1e-2,
    "early_stopping": False,
    "random_state": 0,
    "n_threads": 1,
}
stacked = StackedAutoencoder(layers="denoising", layer_epochs=30, max_epochs=60, **settings)
control = StackedAutoencoder(layers=None, max_epochs=180, **settings)
for model in (stacked, control):
    model.fit(images)

# %%
# Losses are in nats; without its constant, log 2π for each two pixels, half the squared error is
# left. Of a layer it is that of the features below it.


def squared_error(losses, size=64):
    return 2 * np.asarray(losses) - size * np.log(2 * np.pi)


history = stacked.history_
sizes = dict(zip(history.phases, (64, 128, 64, 32, 64), strict=True))
for phase, size in sizes.items():
    first, *_, last = squared_error(history.curve(phase=phase), size)
    print(f"{phase:12} {first:6.2f} → {last:5.2f}")
print(f"control             {squared_error(control.history_.curve())[-1]:5.2f}")

# %%

fig, axes = plt.subplots(2, 1, figsize=(7, 5.6), height_ratios=(1.3, 1))
tuned = squared_error(history.curve(phase="fine-tuning"))
axes[0].plot(range(121, 181), tuned, label="fine-tuning after layers")
axes[0].plot(range(1, 181), squared_error(control.history_.curve()), label="from a random start")
axes[0].set(xlabel="epoch", ylabel="squared error per image", yscale="log")
axes[0].set_yticks([0.3, 0.5, 1, 2, 5], [0.3, 0.5, 1, 2, 5])
axes[0].minorticks_off()
axes[0].axvspan(1, 120, color="0.5", alpha=0.12, lw=0)
axes[0].text(60, tuned[-1], "four layers by themselves", ha="center")
axes[0].legend(frameon=False)

rows = [shown, stacked.reconstruct(shown), control.reconstruct(shown)]
strips = [np.hstack(np.pad(row, ((0, 0), (0, 2), (0, 1)), constant_values=0)) for row in rows]
axes[1].imshow(np.vstack(strips), vmin=0, vmax=1)
for line, name in enumerate(["input", "stacked", "control"]):
    axes[1].text(-2, 10 * line + 4, name, ha="right", va="center")
axes[1].set_axis_off()
plt.show()
