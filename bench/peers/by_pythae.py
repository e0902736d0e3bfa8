"""pythae: its plain AE with networks of these sizes, by its training pipeline."""

from __future__ import annotations

import logging
import tempfile
from importlib.metadata import version

import numpy as np
import torch
from by_torch import PIECE, layers
from net import Net
from pythae.models import AE, AEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.pipelines import TrainingPipeline
from pythae.trainers import BaseTrainerConfig
from torch import nn

VERSION = version("pythae")
logging.disable(logging.WARNING)


class Encoder(BaseEncoder):
    def __init__(self, net: Net) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers(net.sizes))

    def forward(self, x: torch.Tensor) -> ModelOutput:
        return ModelOutput(embedding=self.layers(x))


class Decoder(BaseDecoder):
    def __init__(self, net: Net) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers(net.sizes[::-1]), nn.Sigmoid())

    def forward(self, z: torch.Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.layers(z))


def fit(X: np.ndarray, net: Net, epochs: int) -> AE:
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            learning_rate=net.lr,
            per_device_train_batch_size=net.batch,
            num_epochs=epochs,
            no_cuda=True,
        )
        made = AEConfig(input_dim=(net.sizes[0],), latent_dim=net.code)
        model = AE(made, encoder=Encoder(net), decoder=Decoder(net))
        TrainingPipeline(model=model, training_config=config)(train_data=X)
    return model


def through(method: object, X: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return torch.cat([method(x) for x in torch.from_numpy(X).split(PIECE)]).numpy()


def encode(model: AE, X: np.ndarray) -> np.ndarray:
    return through(model.embed, X)


def reconstruct(model: AE, X: np.ndarray) -> np.ndarray:
    return through(model.reconstruct, X)
