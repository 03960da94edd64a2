"""What the documents say of settings, commands and files is what the code has."""

import re
from pathlib import Path

import pytest

from failure_insights.sources.json_text import object_of
from failure_insights.sources.native import read
from failure_insights_tests.documents import DOCUMENTS, TOP, current

ALL = [TOP / "README.md", TOP / "CHANGELOG.md", *sorted((TOP / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_made_parts_are_current(path: Path) -> None:
    document = path.read_text()
    assert "<!-- made: " in document
    assert document == current(document), "run python -m failure_insights_tests.documents"


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_links_lead_to_files_and_headings_that_exist(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" in target:
            continue
        file, _, heading = target.partition("#")
        linked = path.parent / file if file else path
        assert linked.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            assert heading in [h.lower().replace(" ", "-") for h in headings], target


def test_the_glossary_has_ten_words_each_of_the_file_that_it_names() -> None:
    document = TOP / "docs" / "architecture.md"
    rows = re.findall(r"^\| \*\*([a-z ]+)\*\* \|.*\]\((\S+\.py)\) \|$", document.read_text(), re.M)
    assert len(rows) == 10
    for words, target in rows:
        text = (document.parent / target).read_text().casefold()
        assert words.split()[-1] in text, (words, target)


def test_the_example_of_a_call_can_be_imported() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", (TOP / "README.md").read_text(), re.DOTALL)
    call = read(object_of(example)).call
    assert [turn.role for turn in call.transcript] == ["agent", "user", "tool_call"]
    assert len(call.metrics) == 1


@pytest.mark.parametrize("name", ["run", "test"])
def test_the_first_screen_has_each_command_on_the_line_after_its_comment(name: str) -> None:
    lines = (TOP / "README.md").read_text().splitlines()[:24]
    command = lines[lines.index(f"# {name}") + 1]
    assert command.startswith(
        "python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt"
    )
    assert [line for line in lines if line.startswith(f"# {name}")] == [f"# {name}"]
