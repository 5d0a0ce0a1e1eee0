"""Two discriminators of the VAE: small convolutional networks that tell real patches from rebuilt
ones, one in pictures (2-D) and one in clips (3-D).

PatchGAN: arXiv 1611.07004. Hinge loss: arXiv 1705.02894. The 3-D one beside the 2-D one: arXiv
2411.02385. Both are trained from scratch."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from physscale.codec.training_spec import VaeTraining
from physscale.flow.noise import Stream, torch_seed

__all__ = ["Adversaries", "patch_2d", "patch_3d"]

SLOPE = 0.2
WIDTHS = (32, 64, 128)


def patch_2d() -> nn.Sequential:
    """Maps frames [n, 3, H, W] to one number per patch [n, 1, h, w]; above 0 means real."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip((3, *WIDTHS), WIDTHS, strict=False):
        layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers, nn.Conv2d(WIDTHS[-1], 1, 3, padding=1))


def patch_3d() -> nn.Sequential:
    """Maps clips [B, 3, T, H, W] to one number per patch [B, 1, T, h, w]."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip((3, *WIDTHS), WIDTHS, strict=False):
        layers += [
            nn.Conv3d(inputs, outputs, (3, 4, 4), stride=(1, 2, 2), padding=1),
            nn.LeakyReLU(SLOPE),
        ]
    return nn.Sequential(*layers, nn.Conv3d(WIDTHS[-1], 1, 3, padding=1))


@dataclass(frozen=True)
class Adversaries:
    """Both discriminators and their optimiser."""

    frames: nn.Sequential
    clips: nn.Sequential
    adam: torch.optim.Adam

    @staticmethod
    def create(training: VaeTraining, *, device: torch.device) -> "Adversaries":
        """Both with random weights that are a function of the training's seed."""
        first = torch_seed(training.seed, stream=Stream.DISCRIMINATORS).initial_seed()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(first)
            frames, clips = patch_2d().to(device), patch_3d().to(device)
        parameters = [*frames.parameters(), *clips.parameters()]
        return Adversaries(
            frames, clips, torch.optim.Adam(parameters, lr=training.learning_rate, betas=(0.5, 0.9))
        )

    def generator_loss(self, rebuilt: Tensor) -> Tensor:
        """The VAE's loss: large if both find the rebuilt clips [B, T, 3, H, W] rebuilt. It has no
        gradient for the discriminators."""
        self._learning(False)
        return -sum((score.mean() for score in self._scores(rebuilt)), start=rebuilt.new_zeros(()))

    def learn(self, frames: Tensor, rebuilt: Tensor, *, share: float) -> None:
        """Add the gradients of the hinge loss of real and rebuilt clips [B, T, 3, H, W], which are
        this share of the batch."""
        self._learning(True)
        real, drawn = self._scores(frames), self._scores(rebuilt)
        parts = [
            (1 - r).relu().mean() + (1 + d).relu().mean() for r, d in zip(real, drawn, strict=True)
        ]
        torch.autograd.backward(share * sum(parts, start=frames.new_zeros(())))

    def _learning(self, on: bool) -> None:
        for network in (self.frames, self.clips):
            network.requires_grad_(on)

    def _scores(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        return self.frames(clips.flatten(0, 1)), self.clips(clips.transpose(1, 2))
