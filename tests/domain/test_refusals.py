"""Any ValidationError becomes sentences with a place and, where one suggests itself, the word that was meant."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    HttpUrl,
    RootModel,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from app.domain.language import translations
from app.domain.refusals import (
    SENTENCES,
    WANTED,
    Refusal,
    Refused,
    complaint,
    refusals_in,
    refusals_of,
    refused,
    validated,
)


class Clock(StrEnum):
    ELAPSED = "elapsed"
    BUSINESS_HOURS = "business_hours"


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Hours(Form):
    hours: Annotated[int, Field(ge=1)]


class Days(Form):
    business_days: int
    at: time | None = None


class Mail(Form):
    kind: Literal["mail"]
    address: str


class Slack(Form):
    kind: Literal["slack"]
    channel: str


class Deep(Form):
    channels: list[Annotated[Mail | Slack, Discriminator("kind")]]


def sort_of(value: Any) -> str:
    return "few" if isinstance(value, dict) else "one"


class Names(RootModel[dict[str, list[Hours]]]):
    pass


class Note(Form):
    note: str = ""


class Steps(Form):
    first: int
    second: int


class Document(Form):
    plan: Note | Steps = Note()
    clock: Clock = Clock.ELAPSED
    target: Hours | Days | int | Literal["auto"] | None = None
    tell: Annotated[Mail | Slack, Discriminator("kind")] | None = None
    sorted_: Annotated[Annotated[Hours, Tag("few")] | Annotated[int, Tag("one")], Discriminator(sort_of)] = Field(
        1, alias="sorted"
    )
    pair: tuple[int, Hours] | None = None
    names: Names | None = None
    parts: dict[str, Hours | list[Deep]] = {}
    within: Annotated[timedelta, Field(gt=timedelta(0))] | None = None
    name: Annotated[str, Field(min_length=1, max_length=5, pattern="^[a-z]+$")] = "x"
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    on: date | None = None
    at: AwareDatetime | None = None
    url: HttpUrl | None = None
    few: Annotated[list[int], Field(min_length=2, max_length=3)] = [1, 2]
    statuses: dict[str, Clock] = {}

    @field_validator("share")
    @classmethod
    def not_a_third(cls, share: float) -> float:
        if share == 0.3:
            raise ValueError("Must not be empty.")
        return share

    @model_validator(mode="after")
    def not_both(self) -> "Document":
        if self.on and self.at:
            raise complaint("not_both", "Must be less than {lt}.", lt=7)
        return self


@pytest.mark.parametrize(
    ("written", "place", "code", "suggestion"),
    [
        ({"clok": "elapsed"}, "/clok", "extra_forbidden", "clock"),
        ({"Clock": "elapsed"}, "/Clock", "extra_forbidden", "clock"),
        ({"zebra": 1}, "/zebra", "extra_forbidden", None),
        ({"a/b~c": 1}, "/a~1b~0c", "extra_forbidden", None),
        ({"sorted_": 1}, "/sorted_", "extra_forbidden", "sorted"),
        ({"clock": "business_hour"}, "/clock", "enum", "business_hours"),
        ({"clock": 24}, "/clock", "enum", None),
        ({"statuses": {"Open": "elapse"}}, "/statuses/Open", "enum", "elapsed"),
        # of a union, the branch whose key is there
        ({"target": {"hours": "x"}}, "/target/hours", "int_parsing", None),
        ({"target": {"hours": 0}}, "/target/hours", "greater_than_equal", None),
        ({"target": {"business_days": 1, "at": "noon"}}, "/target/at", "time_parsing", None),
        ({"target": {"at": "17:30"}}, "/target/business_days", "missing", None),
        ({"target": {"hour": 3}}, "/target/hour", "extra_forbidden", "hours"),
        ({"target": {"busines_days": 3}}, "/target/busines_days", "extra_forbidden", "business_days"),
        ({"target": {"hours": 3, "zebra": 1}}, "/target/zebra", "extra_forbidden", None),
        ({"target": {"zebra": 3}}, "/target/zebra", "extra_forbidden", None),
        ({"target": {}}, "/target", "missing", None),
        ({"target": "aut"}, "/target", "model_type", "auto"),
        ({"target": []}, "/target", "model_type", None),
        ({"tell": {"kind": "mial", "address": "x"}}, "/tell/kind", "union_tag_invalid", "mail"),
        ({"tell": {"address": "x"}}, "/tell/kind", "union_tag_not_found", None),
        ({"tell": {"kind": "mail", "adress": "x"}}, "/tell/adress", "extra_forbidden", "address"),
        ({"sorted": {"hours": 0}}, "/sorted/hours", "greater_than_equal", None),
        ({"sorted": "x"}, "/sorted", "int_parsing", None),
        ({"pair": [1, {"hour": 1}]}, "/pair/1/hour", "extra_forbidden", "hours"),
        ({"names": {"int": [{"hours": 1}, {"hour": 1}]}}, "/names/int/1/hour", "extra_forbidden", "hours"),
        ({"parts": {"Hours": {"hors": 1}}}, "/parts/Hours/hors", "extra_forbidden", "hours"),
        (
            {"parts": {"p": [{"channels": [{"kind": "slack", "chanel": "x"}]}]}},
            "/parts/p/0/channels/0/chanel",
            "extra_forbidden",
            "channel",
        ),
        ({"parts": {"p": [{"channels": [{"kind": "fax"}]}]}}, "/parts/p/0/channels/0/kind", "union_tag_invalid", None),
        ({"within": "long"}, "/within", "time_delta_parsing", None),
        ({"name": ""}, "/name", "string_too_short", None),
        ({"name": "abcdef"}, "/name", "string_too_long", None),
        ({"name": "A"}, "/name", "string_pattern_mismatch", None),
        ({"name": 5}, "/name", "string_type", None),
        ({"share": 1}, "/share", "less_than", None),
        ({"share": 0}, "/share", "greater_than", None),
        ({"share": 0.3}, "/share", "value_error", None),
        ({"on": "tomorrow"}, "/on", "date_from_datetime_parsing", None),
        ({"at": "2026-09-24T17:30:00"}, "/at", "timezone_aware", None),
        ({"url": "ftp"}, "/url", "url_parsing", None),
        ({"few": [1]}, "/few", "too_short", None),
        ({"few": [1, 2, 3, 4]}, "/few", "too_long", None),
        ({"few": [1, "x"]}, "/few/1", "int_parsing", None),
        ({"on": "2026-09-24", "at": "2026-09-24T17:30:00Z"}, "", "not_both", None),
        ([], "", "model_type", None),
    ],
)
def test_one_thing_to_mend(written: Any, place: str, code: str, suggestion: str | None) -> None:
    with pytest.raises(Refused) as caught:
        validated(Document, written)
    found = caught.value.refusals
    assert [(r.place, r.code, r.suggestion) for r in found] == [(place, code, suggestion)]
    assert any("ぁ" <= letter <= "ん" for letter in found[0].message_ja), found[0].message_ja
    assert "{" not in found[0].message_en + found[0].message_ja.replace("{pattern", "")
    assert (f"`{suggestion}`" in found[0].message_en) or suggestion is None


@pytest.mark.parametrize(
    ("written", "en", "ja"),
    [
        (
            {"clok": 1},
            "`clok` is not known here. Did you mean `clock`?",
            "`clok` という項目はありません。`clock` ではありませんか。",
        ),
        (
            {"target": {"zebra": 3}},
            "`zebra` is not known here; possible: `hours`, `business_days`, `at`.",
            "`zebra` という項目はありません。指定できるのは `hours`, `business_days`, `at` です。",
        ),
        (
            {"target": {}},
            "One of these is missing: `hours`, `business_days`.",
            "次のいずれかを指定してください: `hours`, `business_days`。",
        ),
        (
            {"target": []},
            "Must be one of: a mapping of names to values, a whole number, `auto`.",
            "次のいずれかを指定してください: 「項目名: 値」の組、整数、`auto`。",
        ),
        ({"target": {"hours": 0}}, "Must be 1 or more.", "1以上にしてください。"),
        ({"target": {"at": "17:30"}}, "`business_days` is missing.", "`business_days` を指定してください。"),
        (
            {"clock": 24},
            "Must be one of: `elapsed`, `business_hours`.",
            "次のいずれかを指定してください: `elapsed`、`business_hours`。",
        ),
        ({"name": 5}, "Must be text.", "文字列で指定してください。"),
        ({"share": 0.3}, "Must not be empty.", "空にはできません。"),
        (
            {"on": "2026-09-24", "at": "2026-09-24T17:30:00Z"},
            "Must be less than 7.",
            "7より小さい値にしてください。",
        ),
    ],
)
def test_the_sentences(written: Any, en: str, ja: str) -> None:
    with pytest.raises(Refused) as caught:
        validated(Document, written)
    refusal = caught.value.refusals[0]
    assert (refusal.message("en"), refusal.message("ja")) == (en, ja)


def test_several_things_in_the_order_of_the_model() -> None:
    written = {"share": 5, "target": {"hour": 1}, "clock": "x", "few": [], "nme": 1}
    with pytest.raises(Refused) as caught:
        validated(Document, written, under="/policies/0")
    assert [r.place for r in caught.value.refusals] == [
        "/policies/0/clock",
        "/policies/0/target/hour",
        "/policies/0/share",
        "/policies/0/few",
        "/policies/0/nme",
    ]
    assert str(caught.value).splitlines()[2] == "/policies/0/share: Must be less than 1."


def test_a_misspelt_key_still_chooses_its_branch() -> None:
    with pytest.raises(Refused) as caught:
        validated(Document, {"plan": {"frist": 1}})
    assert [(r.place, r.suggestion) for r in caught.value.refusals] == [
        ("/plan/second", None),
        ("/plan/frist", "first"),
    ]


def test_values_are_never_repeated() -> None:
    with pytest.raises(Refused) as caught:
        validated(Document, {"name": "s3cret-token", "clock": "s3cret-token", "few": "s3cret-token"})
    assert len(caught.value.refusals) == 3
    assert "s3cret" not in repr(caught.value.refusals)


def test_without_the_model_there_is_still_a_sentence() -> None:
    with pytest.raises(ValidationError) as caught:
        Document.model_validate({"clok": 1, "few": ["x"]})
    assert [(r.place, r.suggestion) for r in refusals_of(caught.value)] == [("/few/0", None), ("/clok", None)]


def test_errors_of_a_web_framework() -> None:
    errors = [{"type": "extra_forbidden", "loc": ("clok",), "msg": "Extra inputs are not permitted", "input": 1}]
    assert refusals_in(errors, Document)[0].suggestion == "clock"
    broken = [{"type": "json_invalid", "loc": (3,), "msg": "JSON decode error", "ctx": {"error": "Expecting value"}}]
    assert refusals_in(broken)[0].message_ja == "JSONとして読み取れません: Expecting value"


def test_an_unknown_code_keeps_pydantics_words() -> None:
    [found] = refusals_in([{"type": "brand_new", "loc": ("x",), "msg": "Odd", "input": 1}])
    assert (found.message_en, found.message_ja) == ("This value cannot be used: Odd", "この値は使えません(Odd)。")


def test_a_refusal_outside_of_models() -> None:
    refusal = Refusal("/name", "taken", "Must be 3 or more.", "3以上にしてください。")
    assert refused("/name", "taken", "Must be {ge} or more.", ge=3).refusals == (refusal,)


def test_what_is_right_is_returned() -> None:
    assert validated(Document, {"target": {"hours": 24}}).target == Hours(hours=24)


@pytest.mark.parametrize("message", [*WANTED, *SENTENCES.values()])
def test_every_sentence_is_translated(message: str) -> None:
    assert translations("ja").gettext(message) != message or message == "a UUID"


def test_naive_times_stay_out() -> None:
    assert validated(Document, {"at": "2026-09-24T17:30:00+09:00"}).at == datetime.fromisoformat(
        "2026-09-24T17:30+09:00"
    )
