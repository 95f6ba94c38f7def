"""A module's tests lie where its path says: `data/store.py` is tested by `tests/unit/data/test_store.py`."""

from __future__ import annotations

from pathlib import Path

from tests.meta.modules import PACKAGE, ROOT, modules

UNIT = ROOT / "tests" / "unit"

MAX_UNTESTED_LINES = 150
"""Longer modules have a test file of their own name, or their line below."""

TESTED_ELSEWHERE = {
    "inputs/text/gradients.py": "tests/unit/inputs/text/test_evidence.py",
    "serve/explaining.py": "tests/contract/test_kinds.py",
    "cli/course/exercises.py": "tests/course/test_exercise_commands.py",
    "cli/course/questions.py": "tests/course/test_questions_commands.py",
    "train/whole_batch.py": "tests/unit/train/test_distributed.py",
    "cli/evaluate.py": "tests/unit/cli/test_predict_tables.py",
    "course/cases.py": "tests/course/test_checking.py",
    "course/collect/pictures.py": "tests/course/test_collect.py",
    "course/check_process.py": "tests/course/test_run.py",
    "course/practice.py": "tests/course/test_exercise_commands.py",
    "course/recorded.py": "tests/course/test_site.py",
    "course/site/build.py": "tests/course/test_site.py",
    "course/site/lesson_page.py": "tests/course/test_site.py",
    "course/site/markup.py": "tests/course/test_site.py",
    "course/site/pages.py": "tests/course/test_site.py",
    "course/site/searching.py": "tests/course/test_site.py",
    "data/build.py": "tests/unit/data/test_dataset.py",
    "datasets/catalogue.py": "tests/unit/datasets/test_named.py",
    "datasets/layouts.py": "tests/unit/datasets/test_named.py",
    "inputs/base.py": "tests/unit/inputs/image/test_field.py",
    "inputs/sound/reading.py": "tests/unit/inputs/sound/test_field.py",
    "inputs/table/columns.py": "tests/unit/inputs/table/test_field.py",
    "inputs/table/row_input.py": "tests/unit/inputs/table/test_field.py",
    "judge/baselines/base.py": "tests/unit/judge/baselines/test_run.py",
    "judge/diagnosis/finding.py": "tests/learn/test_diagnosis.py",
    "judge/report/page/charts.py": "tests/unit/judge/report/test_page.py",
    "judge/report/page/marks.py": "tests/unit/judge/report/test_page.py",
    "judge/report/page/sections.py": "tests/unit/judge/report/test_page.py",
    "judge/verdict.py": "tests/unit/judge/report/test_report.py",
    "inputs/image/peel.py": "tests/unit/inputs/image/test_peel.py",
    "learner/judged.py": "tests/unit/learner/test_report.py",
    "peel/facts.py": "tests/unit/peel/test_write.py",
    "peel/loop.py": "tests/unit/peel/test_write.py",
    "peel/method.py": "tests/unit/peel/test_write.py",
    "peel/source.py": "tests/unit/peel/test_write.py",
    "peel/plain.py": "tests/unit/inputs/table/test_peel.py",
    "serve/answers.py": "tests/serve/test_answers.py",
    "serve/app.py": "tests/serve/test_api.py",
    "serve/body.py": "tests/serve/test_hostile.py",
    "serve/files.py": "tests/serve/test_api.py",
    "serve/rows.py": "tests/serve/test_rows.py",
    "serve/server.py": "tests/serve/test_stop.py",
    "serve/service.py": "tests/serve/test_load.py",
    "targets/category/diagnosis/classifier_run.py": "tests/unit/targets/category/diagnosis/test_diagnose.py",
    "targets/category/diagnosis/generalisation.py": "tests/unit/targets/category/diagnosis/test_diagnose.py",
    "targets/category/diagnosis/trends.py": "tests/unit/targets/category/diagnosis/test_diagnose.py",
    "targets/category/page.py": "tests/unit/judge/report/test_page.py",
    "targets/future/page.py": "tests/unit/targets/future/test_field.py",
    "targets/number/page.py": "tests/unit/judge/report/test_report_of_numbers.py",
    "judge/diagnosis/diagnose.py": "tests/unit/targets/category/diagnosis/test_diagnose.py",
    "judge/report/inputs.py": "tests/unit/judge/report/test_report_of_numbers.py",
    "judge/fairness/rates.py": "tests/unit/judge/fairness/test_report.py",
    "judge/report/page/fairness.py": "tests/unit/judge/fairness/test_report.py",
    "targets/base.py": "tests/unit/targets/category/test_field.py",
    "why/checks.py": "tests/why/test_reproductions.py",
    "why/describe.py": "tests/unit/why/test_capture.py",
    "why/failure.py": "tests/unit/why/test_capture.py",
    "why/match.py": "tests/why/test_reproductions.py",
    "why/show.py": "tests/unit/cli/test_why.py",
}
"""Where the tests of a long module are, if not under its own name: a contract's in those of what fulfils it, the parts
of the page's in those of the page, the server's through HTTP."""


def test_a_test_file_is_named_after_its_module() -> None:
    """`test_store.py`, or `test_store_of_masks.py` for a part of what `store.py` promises."""
    lost = [
        file.relative_to(ROOT).as_posix()
        for file in sorted(UNIT.rglob("test_*.py"))
        if not _modules_named(file.relative_to(UNIT))
    ]
    assert not lost, f"no module of these names: {lost}"


def _modules_named(test: Path) -> list[str]:
    folder = PACKAGE / test.parent
    words = test.stem.removeprefix("test_").split("_")
    names = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
    return [name for name in names if (folder / f"{name}.py").exists() or (folder / name / "__init__.py").exists()]


def test_long_modules_have_tests() -> None:
    without = {
        name
        for name, file in modules().items()
        if not name.endswith("__init__.py")
        and len(file.read_text().splitlines()) > MAX_UNTESTED_LINES
        and not any((tests / name).with_name(f"test_{file.name}").exists() for tests in (UNIT, UNIT.parent))
    }
    assert not without - TESTED_ELSEWHERE.keys(), "give each a test file of its name, or its line in TESTED_ELSEWHERE"


def test_what_is_tested_elsewhere_is_there() -> None:
    gone = [f"{module}: {test}" for module, test in TESTED_ELSEWHERE.items() if not (ROOT / test).exists()]
    gone += [module for module in TESTED_ELSEWHERE if module not in modules()]
    assert not gone, "a line of TESTED_ELSEWHERE names what is not there any more"
