"""What stands in the way of a source: tokens, apps, field codes and words that it does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from connectors.api import Api
from connectors.contract import AskFailed, Checked, Problem
from connectors.kintone.api import asked
from connectors.kintone.config import App, KintoneConfig
from connectors.wire import mapping, plain


def check(api: Api, config: KintoneConfig, page: Callable[[str], object]) -> Checked:
    """Of each app its form, and a page of its records. Raises AskFailed when no app can be read at all."""
    forms, problems, last = dict[str, Mapping[str, Any]](), list[Problem](), None
    for name, app in config.apps.items():
        try:
            forms[name] = mapping(asked(api, "/app/form/fields.json", app).get("properties"))
            wrong = [*missing_fields(name, app, forms[name])]
            problems += wrong
            if not wrong:
                page(name)
        except AskFailed as failed:
            problems.append(Problem(name, str(failed)))
            last = failed
    if last and not forms:
        raise last
    if not config.lead.app:
        problems.append(Problem("lead.app", "say the number of the app that holds your leads"))
    problems += unknown_words(config, forms.get("activity", {}))
    words = statuses(api, config, forms["lead"]) if "lead" in forms else ()
    return Checked(urlsplit(api.base).hostname or "", tuple(problems), tuple(words))


def missing_fields(name: str, app: App, form: Mapping[str, Any]) -> Iterator[Problem]:
    stamps = [code for code, field in form.items() if mapping(field).get("type") == "UPDATED_TIME"]
    for code, word in app.codes().items():
        if code not in form:
            hint = (
                f"it is called {stamps[0]} there" if word == "revision" and stamps else "check the form's field codes"
            )
            place = "updated" if word == "revision" else word
            yield Problem(f"{name}.{place}", f"app {app.app} has no field {code}; {hint}")


def unknown_words(config: KintoneConfig, form: Mapping[str, Any]) -> Iterator[Problem]:
    for word in options(form, config.activity.type):
        try:
            config.channel(word)
        except KeyError:
            reason = f"nobody said what {word!r} is; add it to channels, as none if it is no follow-up"
            yield Problem("activity.type", reason)


def statuses(api: Api, config: KintoneConfig, form: Mapping[str, Any]) -> list[str]:
    """The choices of the status field, or the states of process management."""
    if config.lead.status:
        return options(form, config.lead.status)
    settings = asked(api, "/app/status.json", config.lead)
    return [plain(word) for word in mapping(settings.get("states")) if settings.get("enable")]


def options(form: Mapping[str, Any], code: str) -> list[str]:
    return [plain(word) for word in mapping(mapping(form.get(code)).get("options"))]
