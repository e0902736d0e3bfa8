"""
A smaller file
==============

An array of images, compressed without losing a bit: a small network says how likely each value of
the next pixel is, and likely values take few bits. Any machine decodes the file, for all its
arithmetic is in whole numbers.
"""

import lzma
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from diabolo.uses.compress.compressing import compress
from diabolo.uses.compress.decompressing import decompress

folder = Path(tempfile.mkdtemp())
images = load_digits().images.astype(np.uint8)
np.save(folder / "digits.npy", images)

# %%

result = compress(folder / "digits.npy", folder / "digits.dbo", steps=1500, n_threads=1)
(back,) = decompress(folder / "digits.dbo", folder / "back")
assert back.read_bytes() == (folder / "digits.npy").read_bytes()

# %%

sizes = {
    "array": result.original,
    "zstandard −19": result.zstandard,
    "xz −9": len(lzma.compress((folder / "digits.npy").read_bytes(), preset=9)),
    "diabolo, model included": result.size,
}
for name, size in sizes.items():
    print(f"{name:24}{size:8,} bytes {8 * size / images.size:6.2f} bits a pixel")

# %%
# What each pixel costs: next to nothing where it can be known in advance.

model = result.models[0]
shown = np.array([np.flatnonzero(load_digits().target == kind)[0] for kind in range(10)])
costs = model.costs(images[shown][..., None].astype(np.int16)).sum(-1)

fig, (ax, below) = plt.subplots(2, 1, figsize=(7, 4), height_ratios=(1.2, 1))
pair = [np.hstack(np.pad(part, ((0, 0), (0, 1), (0, 1)))) for part in (images[shown], costs * 3)]
ax.imshow(np.vstack(pair), vmin=0, vmax=16)
ax.set(title="digits, and bits for each pixel: none to 5")
ax.set_axis_off()
kilobytes = [size / 1000 for size in sizes.values()]
below.barh(list(sizes), kilobytes, color=["0.6"] * 3 + ["tab:orange"])
below.invert_yaxis()
below.set(xlabel="kB")
plt.show()
