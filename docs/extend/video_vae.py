"""A codec of your own: a pretrained causal video VAE, taken as it is from a local folder.

The folder has the layout that diffusers writes: `config.json` and
`diffusion_pytorch_model.safetensors`. Three classes are known: Wan 2.1 and 2.2 (arXiv 2503.20314),
CogVideoX (2408.06072) and LTX-Video (2501.00103).

    spec = DiffusersVideoSpec.of(Path("Wan2.1-T2V-1.3B-Diffusers/vae"))
    CodecRecipe(spec=spec, corpus=..., weights="SHA-256 of the safetensors file")
"""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physscale.codec.spec import CODECS, CodecInputs, CodecSpec
from physscale.codec.training_spec import VaeTraining
from physscale.records.errors import UserError
from physscale.records.latent_shape import LatentShape

if TYPE_CHECKING:
    from physscale.codec.vae_codec import VaeCodec

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Layout:
    """How one class of diffusers states what its latents are.

    Attributes:
        channels: the key of config.json with the number of latent channels.
        time_factor: frames per latent frame, after the first.
        space_factor: pixels per latent pixel, along each side.
        frames_at_once: the class encodes 1 + n of them and loses what is left over.
    """

    channels: str
    time_factor: Callable[[Config], int]
    space_factor: Callable[[Config], int]
    frames_at_once: int = 1


LAYOUTS = {
    "AutoencoderKLWan": Layout(
        "z_dim",
        time_factor=lambda config: 2 ** sum(config["temperal_downsample"]),
        space_factor=lambda config: (
            2 ** (len(config["dim_mult"]) - 1) * (config.get("patch_size") or 1)
        ),
        frames_at_once=4,
    ),
    "AutoencoderKLCogVideoX": Layout(
        "latent_channels",
        time_factor=lambda config: int(config["temporal_compression_ratio"]),
        space_factor=lambda config: 2 ** (len(config["block_out_channels"]) - 1),
        frames_at_once=8,
    ),
    "AutoencoderKLLTXVideo": Layout(
        "latent_channels",
        time_factor=lambda config: (
            config["patch_size_t"] * 2 ** sum(config["spatio_temporal_scaling"])
        ),
        space_factor=lambda config: (
            config["patch_size"] * 2 ** sum(config["spatio_temporal_scaling"])
        ),
    ),
}


@CODECS.register
@dataclass(frozen=True)
class DiffusersVideoSpec(CodecSpec):
    """A video VAE of diffusers; `config` is the text of its config.json, so that every machine can
    build it from this spec and the weights alone."""

    config: str

    def __post_init__(self) -> None:
        if self._class_name not in LAYOUTS:
            raise UserError(
                f"video vae _class_name={self._class_name!r}: known are {', '.join(LAYOUTS)}"
            )

    @staticmethod
    def of(folder: Path) -> "DiffusersVideoSpec":
        """The spec of the VAE in this folder, whichever version of diffusers wrote it."""
        file = folder / "config.json"
        try:
            config = json.loads(file.read_bytes())
            kept = {key: value for key, value in config.items() if key[0] != "_"}
            kept["_class_name"] = config["_class_name"]
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise UserError(f"{file}: not a config.json of diffusers ({error!r})") from error
        return DiffusersVideoSpec(json.dumps(kept, sort_keys=True))

    @functools.cached_property
    def values(self) -> dict[str, Any]:
        """The settings in config.json."""
        values: dict[str, Any] = json.loads(self.config)
        return values

    @property
    def _class_name(self) -> str:
        return str(self.values["_class_name"])

    @property
    def _layout(self) -> Layout:
        return LAYOUTS[self._class_name]

    @property
    def _time_factor(self) -> int:
        return self._layout.time_factor(self.values)

    @property
    def _space_factor(self) -> int:
        return self._layout.space_factor(self.values)

    @property
    def _step(self) -> int:
        return max(self._time_factor, self._layout.frames_at_once)

    def video_frames(self, latent_frames: int) -> int:
        return 1 + (latent_frames - 1) * self._time_factor if latent_frames else 0

    def latents(self, *, frames: int, size_px: int) -> LatentShape:
        time, space = self._time_factor, self._space_factor
        if (frames - 1) % self._step:
            raise UserError(
                f"{self._class_name}: takes 1 + {self._step} n frames (time factor {time}), got "
                f"{frames}"
            )
        if size_px % space:
            raise UserError(
                f"{self._class_name}: frames of {size_px} px must be a multiple of its factor "
                f"{space}"
            )
        return LatentShape(
            frames=1 + (frames - 1) // time,
            channels=self.values[self._layout.channels],
            height=size_px // space,
            width=size_px // space,
        )

    def encoding_flops(self, *, frames: int, size_px: int) -> float:
        return _counted_flops(self, frames, size_px)

    def check_recipe(self, *, training: VaeTraining | None, weights: str | None) -> None:
        if training is not None or weights is None:
            raise UserError(
                "codec training, weights: a video VAE of diffusers is taken as it is; give the "
                "SHA-256 of its safetensors file as weights, and no training"
            )

    def check_weights(self, file: Path) -> None:
        import torch
        from safetensors import SafetensorError, safe_open

        if file.with_name("config.json").exists():
            described = DiffusersVideoSpec.of(file.parent)
            if described != self:
                raise UserError(
                    f"codec config={self.config}: {file.parent} says {described.config}"
                )
        with torch.device("meta"):
            model = _vae(self).model.state_dict()
        try:
            with safe_open(file, framework="pt") as opened:
                found = {name: opened.get_slice(name).get_shape() for name in opened.keys()}  # noqa: SIM118 - no dict
        except SafetensorError as error:
            raise UserError(f"{file}: not a safetensors file ({error})") from error
        needed = {name: list(tensor.shape) for name, tensor in model.items()}
        wrong = [name for name in needed | found if needed.get(name) != found.get(name)]
        if wrong:
            raise UserError(
                f"{file}: {wrong[0]} has shape {found.get(wrong[0])}, but {self._class_name} of "
                f"this config has {needed.get(wrong[0])}; {len(wrong)} weights differ"
            )
        self.encoding_flops(frames=1 + self._step, size_px=2 * self._space_factor)

    def build(self, inputs: CodecInputs) -> "VaeCodec":
        import safetensors.torch

        from physscale.codec.vae_codec import normalised

        assert inputs.weights is not None, "check_recipe asks for weights"
        vae = _vae(self)
        tensors = safetensors.torch.load_file(inputs.weights)
        vae.load_state_dict({f"model.{name}": tensor for name, tensor in tensors.items()})
        return normalised(vae.float().to(inputs.device), stills=inputs.stills)

    def load(self, folder: Path) -> "VaeCodec":
        from physscale.codec.vae_codec import load_vae

        return load_vae(_vae(self), folder)


def _vae(spec: DiffusersVideoSpec) -> Any:  # noqa: ANN401 - a class that only torch can define
    """The network without its weights, behind the interface that `VaeCodec` uses."""
    import diffusers
    from torch import Tensor

    from physscale.codec.vae import Posterior, Vae

    class DiffusersVae(Vae):
        """Letters: B videos, T frames, C channels, H W pixels."""

        def __init__(self) -> None:
            super().__init__(spec)
            self.model = getattr(diffusers, spec.values["_class_name"]).from_config(spec.values)

        def encode(self, frames_BTCHW: Tensor) -> Posterior:
            found = self.model.encode(frames_BTCHW.transpose(1, 2)).latent_dist
            return Posterior(found.mean.transpose(1, 2), found.logvar.transpose(1, 2))

        def decode(self, latents_BTCHW: Tensor) -> Tensor:
            return self.model.decode(latents_BTCHW.transpose(1, 2)).sample.transpose(1, 2)

    return DiffusersVae()


@functools.cache
def _counted_flops(spec: DiffusersVideoSpec, frames: int, size_px: int) -> float:
    """Counted by torch on tensors without data."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    shape = spec.latents(frames=frames, size_px=size_px)
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        mean = _vae(spec).eval().encode(torch.empty(1, frames, 3, size_px, size_px)).mean
    given = LatentShape(*mean.shape[1:])
    if given != shape:
        raise UserError(f"codec config={spec.config}: says {shape}, but the model gives {given}")
    return float(counter.get_total_flops())
