"""The words of the sentence: networks, corruptions, codes, priors, likelihoods, penalties.

    x ─corruption→ x̃ ─encoder→ h ─code→ z ─decoder→ parameters of p(x|z)
    loss = −log p(x|z)  +  β · rate  +  aux  +  Σ weight · penalty
"""
