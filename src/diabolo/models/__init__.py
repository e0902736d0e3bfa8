"""Models: words put together, one forward and one loss for every family; saved as one file."""

# all of them, so that a file may name any, whoever imported what
from diabolo.models import adversarial, autoencoder, ensemble  # noqa: F401
