"""
One noisy photograph, and nothing else
======================================

No clean picture, no other pictures: an autoencoder learns from the noisy one's own patches, by
Stein's estimate of the error that it cannot see.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

from diabolo.measures.images import psnr
from diabolo.uses import denoise

clean = load_sample_image("flower.jpg")[120:300, 180:420] / 255
noisy = clean + 0.1 * np.random.default_rng(0).normal(size=clean.shape)

# %%
# How strong the noise is, as a share of the way from black to white, is estimated from the picture.

print(f"estimated σ: {denoise.noise_level(noisy):.3f}, true: 0.1")

# %%

model = denoise.learn_from_noisy(noisy, random_state=0, max_epochs=8, n_threads=1)
repaired = denoise.by_patches(model, noisy)

# %%

fig, axes = plt.subplots(1, 3, figsize=(9, 2.6))
pictures = {"noisy": noisy, "repaired": repaired, "clean, never seen": clean}
for ax, (name, pixels) in zip(axes, pictures.items(), strict=True):
    error = psnr(pixels[None], clean[None])[0]
    ax.imshow(pixels.clip(0, 1))
    ax.set_title(name if pixels is clean else f"{name}, {error:.1f} dB")
    ax.set_axis_off()
plt.show()
