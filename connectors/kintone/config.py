"""What a kintone source must be told: kintone knows no leads, only the apps and fields that a company made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from connectors.contract import LeadStatus, SourceConfig
from connectors.records import Channel
from connectors.settings import ZoneName, address_like

WANTED = "must be your kintone's address, like https://example.cybozu.com"
#: A field code as the form's settings show it: no blanks, quotes or operators, because it stands in queries.
Code = Annotated[str, Field(pattern=r"""^[^\s"'()<>=!,\\]*$""", max_length=128)]
#: Words for how somebody was reached, as most activity apps use them. What comes from the lead is no follow-up.
CHANNELS: dict[str, Channel | None] = {
    **dict.fromkeys(("電話", "架電", "TEL", "Call", "Phone"), "call"),
    **dict.fromkeys(("メール", "Eメール", "E-mail", "Email", "Mail"), "email"),
    **dict.fromkeys(("訪問", "来社", "面談", "商談", "打ち合わせ", "打合せ", "Web会議", "オンライン商談"), "meeting"),
    **dict.fromkeys(("Visit", "Meeting"), "meeting"),
    **dict.fromkeys(("受電", "メール受信", "問い合わせ", "問合せ", "社内メモ"), None),
}


class App(BaseModel):
    """An app by its number (it stands in its address, `/k/12/`), and field codes. Empty ones are not read."""

    model_config = ConfigDict(extra="forbid")
    #: Settings that name no field.
    words: ClassVar[tuple[str, ...]] = ("app",)

    #: 0: there is no such app.
    app: int = Field(0, ge=0)
    #: Polls ask by it. `Updated_datetime` in apps made in English.
    updated: Code = "更新日時"

    def codes(self) -> dict[str, str]:
        """Field code → what it is read as."""
        named = {code: word for word, code in self.model_dump(exclude=set(self.words)).items() if code}
        return named | {self.updated: "revision"}


class LeadApp(App):
    """One record is one person."""

    name: Code = ""
    company: Code = ""
    email: Code = ""
    #: A user field, or a text.
    owner: Code = ""
    #: Empty: the status of process management.
    status: Code = ""
    score: Code = ""
    #: What the lookups of the other apps copy, if that is not the record number. Its values must be unique.
    key: Code = ""


class ActivityApp(App):
    """One record is one call, mail or visit."""

    words = ("app", "done_words")

    #: The lookup of the lead, or another field that holds its record number (or `key`).
    lead: Code = ""
    #: The lead's address.
    email: Code = ""
    #: When it happened. Empty: when it was written down.
    at: Code = ""
    #: How; `channels` says what its words mean.
    type: Code = ""
    #: Who did it. Empty: who made the record.
    by: Code = ""
    subject: Code = ""
    outcome: Code = ""
    #: Where plans are told from what was done: only records with one of `done_words` in it count.
    done: Code = ""
    done_words: list[str] = ["済", "完了", "実施済", "実施済み", "Done", "Completed"]


class DealApp(App):
    """One record is one opportunity."""

    words = ("app", "won", "lost")

    lead: Code = ""
    email: Code = ""
    state: Code = ""
    amount: Code = ""
    title: Code = ""
    won: list[str] = ["受注", "成約"]
    lost: list[str] = ["失注"]


class KintoneConfig(SourceConfig):
    """One kintone. `attributes`: field codes of the lead app → attribute names."""

    #: What process management calls them until somebody renames them; 完了 may mean anything.
    usual_statuses: ClassVar[Mapping[str, LeadStatus]] = {
        "未処理": LeadStatus.NEW,
        "Not started": LeadStatus.NEW,
        "処理中": LeadStatus.WORKING,
        "In progress": LeadStatus.WORKING,
    }

    #: `https://example.cybozu.com`
    base: Annotated[str, address_like("https://example.cybozu.com")] = ""
    #: The number of the guest space that all of the apps are in.
    guest_space: int = Field(0, ge=0)
    lead: LeadApp = LeadApp()
    activity: ActivityApp = ActivityApp()
    deal: DealApp = DealApp()
    #: Words of `activity.type`; `none`: no follow-up. Laid over `CHANNELS`.
    channels: dict[str, Literal["call", "email", "meeting", "other", "none"]] = Field(default_factory=dict)
    #: Log-in names that are no person: records that they made are automated. API tokens write as `Administrator`.
    automated_users: list[str] = Field(default_factory=list)
    #: People log in with their address, so alerts may go there.
    logins_are_addresses: bool = False
    #: Of fields that hold a day without a time.
    zone: ZoneName = "Asia/Tokyo"

    @property
    def apps(self) -> dict[str, App]:
        """The apps that there are, people first."""
        known: dict[str, App] = {"lead": self.lead, "activity": self.activity, "deal": self.deal}
        return {name: app for name, app in known.items() if app.app}

    def channel(self, word: str) -> Channel | None:
        """None: no follow-up. Raises KeyError when nobody said what the word means."""
        if word not in self.channels:
            return CHANNELS[word] if word else "other"
        said = self.channels[word]
        return None if said == "none" else said
