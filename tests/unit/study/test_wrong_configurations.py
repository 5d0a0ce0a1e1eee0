"""Wrong configurations are refused in one line, each, or are runs that have a price. `make chaos`
tries 10,000."""

import pytest

from physscale.cli.main import main
from tests.sweep_doubles import tiny_study
from tests.wrong_configurations import fault_of, wrong

STUDY = tiny_study(seeds=range(1))


def test_every_one_is_refused_in_a_line_or_has_a_price() -> None:
    for overrides in wrong(STUDY, seed=0, times=400):
        assert not fault_of(STUDY, overrides), overrides


@pytest.mark.parametrize("hostile", ["\x1b[2J", "a\x00b", "\u202eflip", "\x07", "\ud800", "1\n2"])
def test_a_message_obeys_no_name(hostile: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plan", "quickstart", f"train.steps={hostile}"])
    _, err = capsys.readouterr()
    assert ended.value.code == 2
    assert err.count("\n") == 1
    assert err.rstrip("\n").isprintable()
