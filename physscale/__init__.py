"""Does a video model learn the physical law, or only the cases it saw?

The public names; each is imported when it is first used, so that `import physscale` costs nothing:

- `load_study(name)`: a study of `experiments/`, with its runs by fingerprint;
- `named_data(name, videos=...)`: the description of a data set;
- `draw_videos(data, indices=...)`: rows of true states, a pure function of description and index;
- `with_frames(videos, canvas=Canvas())`: the same rows with their pictures;
- `outcomes(truth, pixels, ...)`: the motion in generated frames, measured against the truth."""

import importlib
from typing import Any

_WHERE = {
    "Canvas": "physscale.render.canvas:Canvas",
    "draw_videos": "physscale.simulate.simulate:simulate",
    "load_study": "physscale.study.spec:load_study",
    "named_data": "physscale.simulate.named:named_data",
    "outcomes": "physscale.evaluate.motion.outcomes:outcomes",
    "with_frames": "physscale.dataset.file:with_frames",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - each name has a type of its own
    if name not in _WHERE:
        raise AttributeError(f"module 'physscale' has no attribute {name!r}")
    module, _, found = _WHERE[name].partition(":")
    return getattr(importlib.import_module(module), found)


def __dir__() -> list[str]:
    return [*globals(), *_WHERE]
