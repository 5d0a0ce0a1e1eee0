"""What training the codecs of a study costs: each once, on one device, before the first run that
needs it. By formula, without torch."""

from collections.abc import Iterable
from dataclasses import dataclass

from physscale.records.store import Store
from physscale.run.device_memory import codec_memory
from physscale.run.spec import RunSpec
from physscale.study.progress import gigabytes, span
from physscale.study.speed import Pace

__all__ = ["CodecCost", "codec_cost"]


@dataclass(frozen=True, kw_only=True)
class CodecCost:
    """Of all codecs that are still to be trained; `memory_bytes` is that of the largest."""

    count: int
    flops: float
    seconds: float
    memory_bytes: int

    @property
    def notes(self) -> list[str]:
        """In words; nothing where no codec is to be trained."""
        if not self.count:
            return []
        return [
            f"codecs: {self.count} to train, {self.flops:.1e} FLOPs, about {span(self.seconds)} of "
            f"one device, at most {gigabytes(self.memory_bytes)} on it"
        ]


def codec_cost(runs: Iterable[RunSpec], *, store: Store, pace: Pace) -> CodecCost:
    """Of the codecs of these runs that the store does not hold."""
    missing = {
        run.codec_fingerprint: run
        for run in runs
        if run.codec.training is not None and not store.codec(run.codec_fingerprint).exists()
    }
    flops, seconds = 0.0, 0.0
    for run in missing.values():
        training = run.codec.training
        assert training is not None
        own = run.codec.spec.training_flops(training, size_px=run.canvas.size_px)
        flops += own
        seconds += pace.convolutions_s(own, precision=training.precision)
    memory = max((codec_memory(run) for run in missing.values()), default=0)
    return CodecCost(count=len(missing), flops=flops, seconds=seconds, memory_bytes=memory)
