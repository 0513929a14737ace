"""Every connector has a page in both tongues, and what a page shows to be copied works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from connectors import registry

FOLDERS = Path(registry.__file__).parent
TEMPLATE = FOLDERS / "marketo" / "template.txt"
COMMANDS = re.compile(r"^tasuki source (\w+) ", re.MULTILINE)


def page(kind: str, tongue: str) -> str:
    return (FOLDERS / kind / f"README{tongue}.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("kind", sorted(registry.BUILT_IN))
def test_both_tongues_say_the_same_commands_and_configurations(kind: str) -> None:
    english, japanese = page(kind, ""), page(kind, ".ja")
    assert "README.ja.md" in english
    assert "README.md" in japanese
    assert COMMANDS.findall(english) == COMMANDS.findall(japanese)
    for language in ("yaml", "json"):
        there, here = (blocks(text, language) for text in (english, japanese))
        assert len(there) == len(here)
    assert [yaml.safe_load(one) for one in blocks(english, "yaml")] == [
        yaml.safe_load(one) for one in blocks(japanese, "yaml")
    ]


@pytest.mark.parametrize("kind", sorted(kind for kind in registry.BUILT_IN if blocks(page(kind, ""), "yaml")))
def test_the_configuration_that_a_page_shows_is_taken(kind: str) -> None:
    for shown in blocks(page(kind, ""), "yaml"):
        registry.connector(kind).config_model.model_validate(yaml.safe_load(shown))


def test_most_pages_show_one() -> None:
    assert len([kind for kind in registry.BUILT_IN if blocks(page(kind, ""), "yaml")]) >= 10


@pytest.mark.parametrize("tongue", ["", ".ja"])
def test_marketos_template_is_the_one_that_is_shipped(tongue: str) -> None:
    assert TEMPLATE.read_text().strip() in page("marketo", tongue)


@pytest.mark.parametrize("readme", ["README.md", "README.ja.md"])
def test_the_readme_leads_to_every_page(readme: str) -> None:
    text = (FOLDERS.parent / readme).read_text()
    for kind in registry.BUILT_IN:
        assert f"(connectors/{kind}/README.md)" in text
        assert f"(connectors/{kind}/README.ja.md)" in text
