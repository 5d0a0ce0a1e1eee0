"""Configurations that are small to write and large to read: each is refused in one line, soon, and
in little memory. A child process measures itself, so that nothing else counts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from physscale.records.errors import UserError
from physscale.scheduling.machine_file import read_machine
from physscale.study.design import factorial
from physscale.study.spec import Study
from tests.tiny import tiny_run

SECONDS, MEGABYTES = 2.0, 300
DEEP = "[" * 10_000 + "]" * 10_000
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
MACHINES = {
    "aliases": LAUGHS,
    "aliases of maps": LAUGHS.replace("[x, x", "[{x: 1}, x"),
    "an alias of itself": "name: &a [*a]\n",
    "10 MB": f"name: {'x' * 10_000_000}\n",
    "nested lists": f"name: {DEEP}\n",
    "nested maps": f"name: {'{a: ' * 10_000}{'}' * 10_000}\n",
    "nested keys": "? " * 5000 + "a\n",
    "nested items": "- " * 20_000 + "a\n",
    "an interpolation": "run_cpus: ${oc.env:HOME}\n",
    "a loop": "run_cpus: ${run_gpus}\nrun_gpus: ${run_cpus}\n",
    "nested interpolations": f"gpu: {'${oc.decode:' * 400}gpu{'}' * 400}\n",
    "many interpolations": f"gpu: {'${gpu}' * 10_000}\n",
    "a long number": f"threads: {'9' * 90_000}\n",
    "a large number": f"run_cpus: {'9' * 30}\n",
    "infinity": "run_cpus: .inf\n",
    "NaN": "run_cpus: .nan\n",
    "an overflow": "run_cpus: 1e400\n",
    "nothing of a CPU": "run_cpus: 1e-9\n",
    "a key twice": "threads: 1\nthreads: 2\n",
    "an object": "name: !!python/object/apply:os.system [exit]\n",
}
OVERRIDES = (
    f"train.steps={DEEP}",
    f"data.scenario.speed_m_s={DEEP}",
    f"train.steps={'{a: ' * 5000}",
    f"train.steps={'- ' * 60_000}",
    f"train.steps={'? ' * 60_000}",
    f"train.steps={'9' * 100_000}",
    "data.scenario.speed_m_s=[&a [1,2],&b [*a,*a],&c [*b,*b],[*c,*c]]",
    f"{'a.' * 60_000}b=1",
    f"test_splits.{'9' * 5000}.name=a",
    "test_splits.\u00b2.name=a",
    "test_splits.00.name=a",
)
FILES = {
    "lists": DEEP.encode(),
    "objects": b'{"sizes":' * 20_000 + b"1" + b"}" * 20_000,
    "a long number": b'{"sizes":' + b"9" * 100_000 + b"}",
    "20 MB": b'{"sizes":"' + b"x" * 20_000_000 + b'"}',
    "many runs": b'{"parameter":"alpha","runs":[' + b'{"N":1},' * 400_000 + b'{"N":1}]}',
    "infinite": b'{"study":"a","sizes":[{"width":1e400,"learning_rate":NaN,"batch":1.5}]}',
}

_CHILD = """
import contextlib, io, json, pathlib, sys, time
from physscale.cli.main import main

with contextlib.suppress(SystemExit), contextlib.redirect_stderr(io.StringIO()):
    main(["plan", "quickstart", "train.steps=none"])  # imports are no question of a bomb
for arguments in json.load(sys.stdin):
    err, begun = io.StringIO(), time.process_time()
    try:
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
            main(["plan", "quickstart", "--results", sys.argv[1], *arguments])
    except SystemExit as ended:
        code = ended.code
    except BaseException as error:
        code = repr(error)
    taken = time.process_time() - begun
    # of this program alone: ru_maxrss is its parent's where that is larger
    peak = int(pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024
    print(json.dumps([code, taken, peak, err.getvalue()]))
"""


def test_each_is_refused_in_a_line_within_seconds_and_megabytes(tmp_path: Path) -> None:
    calls = [[override] for override in OVERRIDES]
    for number, text in enumerate(MACHINES.values()):
        (tmp_path / f"{number}.yaml").write_text(text)
        calls.append(["--machine", str(tmp_path / f"{number}.yaml")])
    for number, content in enumerate(FILES.values()):
        (tmp_path / f"{number}.json").write_bytes(content)
        calls += [
            [option, str(tmp_path / f"{number}.json")]
            for option in ("--tuned", "--next", "--device")
        ]
    calls += [[option, "/dev/zero"] for option in ("--machine", "--tuned", "--next", "--device")]
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, str(tmp_path / "results")],
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        timeout=200,
    )
    said = [json.loads(line) for line in child.stdout.splitlines()]
    assert len(said) == len(calls), child.stderr[-500:]
    for call, (code, taken_s, peak, err) in zip(calls, said, strict=True):
        what = (str(call)[:100], code, taken_s, peak, err)
        assert code == 2, what
        assert err.count("\n") == 1, what
        assert len(err) < 400, what
        assert taken_s < SECONDS, what
        assert peak < MEGABYTES, what


@pytest.mark.parametrize("word", ["0100", "1:30", "1_000", "0x10", "1.5", "true"])
def test_a_machine_files_whole_numbers_are_plain(word: str, tmp_path: Path) -> None:
    """YAML 1.1 made 64 data tasks of 0100."""
    file = tmp_path / "machine.yaml"
    file.write_text(f"data_tasks: {word}\n")
    with pytest.raises(UserError, match=rf"machine.yaml: data_tasks={word}: must be int"):
        read_machine(file)


def test_a_wrong_line_of_a_machine_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "machine.yaml"
    file.write_text("threads: 1\nname: [a\n")
    with pytest.raises(UserError, match=r"machine\.yaml line 3: .*expected ',' or '\]'"):
        read_machine(file)


def test_a_grid_of_more_runs_than_the_study_wants_is_refused_before_it_is_built() -> None:
    run = tiny_run()
    with pytest.raises(UserError, match=r"1,000,000 runs, more than 10,000; .*most_runs=1000000"):
        factorial(run, videos=range(1, 1001), steps=range(1, 1001))
    with pytest.raises(UserError, match=r"study grid: 10,001 runs, more than 10,000"):
        Study(name="grid", question="?", groups={"a": [run] * 10_001})
    assert Study(name="grid", question="?", groups={"a": [run] * 10_001}, most_runs=10_001).runs
    assert len(factorial(run, videos=(1, 2, 3), seed=range(2), most_runs=6)) == 6
