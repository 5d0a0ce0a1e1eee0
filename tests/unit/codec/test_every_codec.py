"""Every kind of codec that comes with the package: it answers by formula what it then does, comes
back from its folder in another process bit for bit, and a folder of no known kind is refused."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from physscale.codec.kinds import KINDS, PcaSpec, PixelSpec, VaeSpec
from physscale.codec.pca import PcaCodec
from physscale.codec.protocol import RECIPE, Codec, load_codec
from physscale.codec.spec import CODECS, CodecSpec
from physscale.codec.training_spec import VaeTraining
from physscale.records.errors import UserError
from physscale.records.registry import PLUGINS
from physscale.records.spec import from_plain, plain, written_name
from physscale.run.cost import encoding_flops
from physscale.run.spec import CodecRecipe
from tests import codec_checks
from tests.codec_checks import Subject, subject_of
from tests.tiny import tiny_run

CORPUS = tiny_run().codec.corpus


@dataclass(frozen=True)
class Example:
    """A recipe of a kind, and how far its latents may move when they are decoded and encoded
    again, in units of their spread."""

    recipe: CodecRecipe
    bound: float


EXAMPLES = {
    PcaSpec: Example(CodecRecipe(spec=PcaSpec(8), corpus=CORPUS), bound=0.2),
    PixelSpec: Example(CodecRecipe(spec=PixelSpec(), corpus=CORPUS), bound=0.0),
    VaeSpec: Example(
        CodecRecipe(
            spec=VaeSpec(widths=(8, 8), groups=4),
            corpus=CORPUS,
            training=VaeTraining(steps=150, batch=2, frames=3, learning_rate=5e-3, warmup_steps=5),
        ),
        bound=0.7,
    ),
}


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[CodecSpec]:
    found: type[CodecSpec] = request.param
    return found


@pytest.fixture(scope="module")
def subject(kind: type[CodecSpec], tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return subject_of(EXAMPLES[kind].recipe, root=tmp_path_factory.mktemp("study"))


def test_latents_have_the_shape_that_the_spec_says(subject: Subject) -> None:
    codec_checks.check_shapes(subject)
    assert isinstance(subject.codec, Codec)
    assert isinstance(subject.run.codec.spec, CodecSpec)


def test_the_batch_changes_nothing(subject: Subject) -> None:
    codec_checks.check_batches(subject)


def test_encoding_what_was_decoded_gives_the_latents_again(
    kind: type[CodecSpec], subject: Subject
) -> None:
    codec_checks.check_stable(subject, bound=EXAMPLES[kind].bound)


def test_flops_are_those_of_the_products(subject: Subject) -> None:
    if isinstance(subject.codec, PcaCodec):  # NumPy multiplies: each frame by this matrix
        frames = subject.run.data.frames
        assert encoding_flops(subject.run) == 2 * frames * subject.codec.components.size
        return
    codec_checks.check_torch_flops(subject)


def test_it_is_read_back_as_it_was_written(kind: type[CodecSpec], subject: Subject) -> None:
    codec_checks.check_spec(subject)
    assert CODECS.named(written_name(kind)) is kind


def test_a_fresh_process_encodes_the_same_bits(subject: Subject, tmp_path: Path) -> None:
    codec_checks.check_fresh_process(subject, root=tmp_path)


def test_another_kind_or_none_is_refused_in_one_line(subject: Subject, tmp_path: Path) -> None:
    """Such a folder was once taken for pixels, and its encoding for free."""
    folder = tmp_path / "codec"
    shutil.copytree(subject.folder, folder)
    recipe = json.loads((folder / RECIPE).read_bytes())
    wrong = {
        "no recipe": (None, r"does not say which kind of codec lies here \(FileNotFoundError\)"),
        "no JSON": ("{", r"\(JSONDecodeError\); run the study again, which makes a damaged codec"),
        "no spec": (json.dumps({"type": "CodecRecipe"}), r"\(KeyError\)"),
        "another kind": (
            json.dumps(recipe | {"spec": {"type": "WaveletSpec", "levels": 3}}),
            f"codec 'WaveletSpec' is unknown; there are CodecSpec, .*; name the .* in {PLUGINS}",
        ),
    }
    for text, message in wrong.values():
        (folder / RECIPE).unlink(missing_ok=True)
        if text is not None:
            (folder / RECIPE).write_text(text)
        with pytest.raises(UserError, match=message) as refused:
            load_codec(folder)
        assert len(str(refused.value).splitlines()) == 1
        assert str(refused.value).startswith(str(folder / RECIPE))


def test_an_unknown_kind_is_refused_in_a_recipe() -> None:
    written = plain(EXAMPLES[PcaSpec].recipe) | {"spec": {"type": "WaveletSpec"}}
    with pytest.raises(UserError, match="codec 'WaveletSpec' is unknown"):
        from_plain(CodecRecipe, written)


def test_names_on_disk_stay_what_they_were() -> None:
    """Fingerprints and old results hold them."""
    assert plain(PcaSpec(5)) == {"type": "CodecSpec", "components": 5}
    assert [written_name(kind) for kind in KINDS] == ["CodecSpec", "PixelSpec", "VaeSpec"]
