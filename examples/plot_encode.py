"""
Codes by way of eight bits
==========================

Where millions of rows are to be encoded, an encoder in whole numbers of eight bits is faster; what
it costs is measured first, on rows that it was not laid over.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import diabolo

images = load_digits().images
model = diabolo.Autoencoder(
    n_components=16,
    hidden_layer_sizes=(1000, 500),
    max_epochs=20,
    random_state=0,
    n_threads=1,
).fit(images)
fast = diabolo.quantised(model, images)
print(fast.price)

# %%
# How long 50,000 rows take, the better of two times.

many = np.resize(images, (50_000, 8, 8))


def seconds(encode):
    spent = []
    for _ in range(2):
        began = time.perf_counter()
        encode(many)
        spent.append(time.perf_counter() - began)
    return min(spent)


rates = {
    name: len(many) / seconds(one.transform) for name, one in (("float32", model), ("int8", fast))
}
for name, rate in rates.items():
    print(f"{name}: {rate:,.0f} rows a second")

# %%
# Every code against itself; and the rows a second.

exact, coarse = model.transform(images), fast.transform(images)
fig, axes = plt.subplots(1, 2, figsize=(8, 3.4), width_ratios=(1.2, 1))
ends = [exact.min(), exact.max()]
axes[0].plot(ends, ends, color="0.7", lw=1)
axes[0].plot(exact.ravel(), coarse.ravel(), ".", ms=1.5, alpha=0.3)
axes[0].set(xlabel="code in float32", ylabel="code by way of eight bits", aspect="equal")
axes[1].barh(list(rates), [rate / 1000 for rate in rates.values()], color=["0.6", "tab:orange"])
axes[1].set(xlabel="thousand rows a second")
plt.show()
