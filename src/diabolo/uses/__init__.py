"""Uses: what trained models are good for, each a file of functions on models and arrays."""
