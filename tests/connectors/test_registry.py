from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest

from connectors import registry
from connectors.contract import SourceConfig
from connectors.registry import BUILT_IN, UnknownKind, connector, kinds


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another package's entry points; one of them wears the name of a connector of ours."""
    entries = [
        EntryPoint("kairos", "connectors.standard.connector:CONNECTOR", registry.GROUP),
        EntryPoint("standard", "json:loads", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries if group == "tasuki.connectors" else [])
    connector.cache_clear()
    yield
    connector.cache_clear()


def test_standard_is_known() -> None:
    assert connector("standard").kind == "standard"
    assert connector("standard") is connector("standard")


@pytest.mark.parametrize("kind", sorted(registry.BUILT_IN))
def test_every_connector_of_ours_keeps_the_contract(kind: str) -> None:
    found = connector(kind)
    assert found.kind == kind
    assert issubclass(found.config_model, SourceConfig)
    assert found.config_model().model_config.get("extra") == "forbid"
    assert 200 <= found.answer.status < 300
    for promise in (found.verify, found.to_store, found.parse, found.fetch):
        assert callable(promise)


def test_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(UnknownKind) as unknown:
        connector("sf.force")
    assert str(unknown.value) == f"there is no connector 'sf.force'; known are {', '.join(kinds())}"
    assert "standard" in str(unknown.value)


@pytest.mark.usefixtures("added")
def test_other_packages_add_connectors_but_replace_none() -> None:
    assert kinds() == [*BUILT_IN, "kairos"]
    assert connector("kairos").kind == "standard"
    assert connector("standard").kind == "standard"
