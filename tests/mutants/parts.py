"""What is mutated, and the tests that have to notice. Tests that start processes of their own are
left out: those would import what is on disk."""

from dataclasses import dataclass

__all__ = ["PARTS", "Part"]

RECORDS, SCHEDULING = "tests/unit/records", "tests/unit/scheduling"


@dataclass(frozen=True)
class Part:
    """Modules and their tests. `without`: names of tests that are left out."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    without: str = "no_such_test"


PARTS = {
    "ledger": Part(
        ("physscale/records/ledger.py", "physscale/records/json_lines.py"),
        tuple(
            f"{RECORDS}/test_{name}.py"
            for name in ("files", "folded", "json_lines", "ledger", "process")
        ),
        "many_writers or racing or dead_process or namespace_has",
    ),
    "lease": Part(
        ("physscale/scheduling/attempt.py", "physscale/records/process.py"),
        (
            f"{SCHEDULING}/test_lease.py",
            f"{SCHEDULING}/test_lease_lost.py",
            f"{SCHEDULING}/test_disk_full.py",
            f"{SCHEDULING}/test_results_gone.py",
            f"{SCHEDULING}/test_packs.py",
            f"{RECORDS}/test_process.py",
        ),
        "namespace_has or in_one_pack",
    ),
    "manifest": Part(
        ("physscale/records/store.py", "physscale/dataset/folder.py"),
        (
            f"{RECORDS}/test_files.py",
            f"{RECORDS}/test_closed_places.py",
            f"{RECORDS}/test_places.py",
            f"{RECORDS}/test_order_on_disk.py",
            "tests/unit/dataset/test_dataset.py",
        ),
        "many_writers or racing or dead_process or flipped_bit_goes",
    ),
    "planner": Part(
        ("physscale/scheduling/resources.py", "physscale/scheduling/packs.py"),
        (
            "tests/unit/ray_jobs/test_resources.py",
            f"{SCHEDULING}/test_slots.py",
            f"{SCHEDULING}/test_packs.py",
        ),
    ),
    "plan": Part(
        ("physscale/study/plan.py",),
        ("tests/unit/study/test_plan.py", "tests/unit/study/test_study.py"),
        "neither_torch or tells_done_lost",
    ),
    "where": Part(
        ("analysis/data/where.py",),
        ("tests/unit/analysis/data/test_where.py",),
        "any_condition or no_text",
    ),
}
