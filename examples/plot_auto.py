"""
A model picked for me
=====================

Ten seconds to choose family, sizes and penalties: every candidate is judged by how many nats it
takes to tell a held-out row, code and residual together.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer

from diabolo.uses.auto import choose

choice = choose(load_breast_cancer().data, "10s", "compress", random_state=0, n_threads=1)
print(choice.why)

# %%
# Only the better third of the candidates is trained further, and the best of these to the end.

trials = choice.trials
fig, ax = plt.subplots(figsize=(7, 3.4))
for family in dict.fromkeys(trial.family for trial in trials):
    own = [trial for trial in trials if trial.family == family]
    ax.plot(
        [trial.epochs for trial in own],
        [trial.criterion for trial in own],
        "o",
        alpha=0.6,
        label=family,
    )
ax.plot(choice.default.epochs, choice.default.criterion, "ks", mfc="none", ms=11, label="default")
ax.plot(choice.trial.epochs, choice.trial.criterion, "ko", mfc="none", ms=14, label="chosen")
ax.set(xscale="log", xlabel="epochs", ylabel=choice.criterion)
ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()
