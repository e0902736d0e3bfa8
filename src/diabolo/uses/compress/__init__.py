"""Compression: what a small network predicts well costs few bits.

    sources/        whatever the user has → streams of symbols and kept bytes, and back
    coding/         symbols ↔ bits, everything in whole numbers
        layout      rows of symbols as grids; which earlier symbols predict each symbol
        codes       what a row's code is and costs: quantised, or by bits-back, in layers or not
        latents     rows → codes → what symbols see of them, in integers
        layers      codes of codes, in integers
        products    sums of products that are exact in floats
        autoencoder the same, trained as the integers that they will be
        training    the network, trained as the integers that it will be
        network     the same network in integers: equal on every machine, thread count and batch
        heads       its outputs → fixed-point probabilities, from integer tables
        rans        symbols ↔ bits, many lanes at once
        chunks      rows ↔ bytes; every chunk stands alone
        models      a model ↔ bytes
    photographs/    with loss: a learned transform, a hyperprior, integers again
    content         bytes and arrays in files, a piece at a time
    choosing        the decoder and the model that a stream gets
    container       the file
    compressing     compress(source, path)
    decompressing   decompress(path, folder)
    ranges          some files of it, some rows
    rescue          what is whole of a damaged file
    listing         what is in a file

Everything a decoder computes is an integer; see `docs/format.md`.
"""
