"""Photographs with loss: a learned transform, a hyperprior, and whole numbers all the way down.

    design          the parts of a model, their sizes, where the binary points lie
    codec           the networks as they are trained: real numbers, rounded on the way forward
    beginning       the transform before training: principal components
    training        crops of photographs, the objective, the fit
    integers        convolutions of whole numbers, the same on every machine
    decoder         the decoder's half of the networks in whole numbers
    densities       slots of the symbols of a latent, by its width
    chunks          the latents of a tile ↔ bytes
    encoder         pixels → latents that are cheap to code
    models          a model ↔ bytes; the one that comes with diabolo
    pictures        files ↔ pixels
    compressing     compress_photographs(source, path)
    restoring       an entry of the directory → PNG files

    x ─analysis→ y ─ y/Δ, hyper-analysis → z        at the encoder, in floating point
    ẑ ─prior→ features;  μ, σ of each latent from features and earlier latents
    ŷ = Δ (⌊y/Δ − μ⌉ + μ) ─synthesis→ x̂             integers: x̂ is the same on every machine

Ballé et al. 2018, "Variational image compression with a scale hyperprior"; Minnen et al. 2018,
"Joint autoregressive and hierarchical priors" (the mean); He et al. 2021, "Checkerboard context
model"; Minnen & Singh 2020, "Channel-wise autoregressive entropy models"; Johnston et al. 2019,
"Computationally efficient neural image compression" (the division without roots); Cui et al. 2021,
"Asymmetric gained deep image compression" (one model, every rate).
"""
