"""What can be chosen, checked as a whole before anything starts.

``config.yaml`` is the only place that holds defaults. Every model is frozen and knows its keys; a
wrong configuration is answered with all its problems at once, each with the place that holds it.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from dealing.alerts.settings import AlertsSection, EmailSection, SlackSection
from dealing.hedging.settings import HedgingSection
from dealing.layers import (
    KeyPath,
    Layer,
    environment_layer,
    merged,
    place_of,
    values_layer,
    yaml_layer,
)
from exposure.errors import ConfigError, DomainError
from exposure.limits import Scope
from feeds.catalogue.regimes import RegimeRule, parse_rule

SIMULATED: Final = "simulated"
SAMPLE: Final = "sample"
LONGEST_SHOWN: Final = 200
"""Characters of a wrong value in a complaint."""


def _once(values: tuple[str, ...]) -> tuple[str, ...]:
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"{', '.join(repeated)} is listed twice")
    return values


def _regime_rules(texts: tuple[str, ...]) -> tuple[str, ...]:
    ruled: dict[tuple[str, str], str] = {}
    for text in texts:
        try:
            region, category, regime = parse_rule(text)
        except DomainError as e:
            raise ValueError(str(e)) from e
        if ruled.setdefault((region, category), regime) != regime:
            raise ValueError(f"{region}/{category} cannot have two regimes: choose one")
    return texts


Item = TypeVar("Item")
CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Listed = Annotated[tuple[Item, ...], Field(strict=False), AfterValidator(_once)]
LogLevel = Literal["debug", "info", "warning", "error"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DeskSettings(_Section):
    """Where the desk listens and how it looks."""

    name: str = Field(min_length=1, max_length=64)
    allow_remote: bool
    host: str
    port: int = Field(ge=0, le=65_535)
    reporting_currency: CurrencyCode
    theme: Literal["dark", "light"]
    day_zone: str
    day_starts_at_hour: int = Field(ge=0, le=23)
    hosts: Listed[str]
    open_browser: bool

    @field_validator("host")
    @classmethod
    def _stay_local(cls, host: str, info: ValidationInfo) -> str:
        if not is_loopback(host) and not info.data.get("allow_remote", False):
            raise ValueError(
                f"{_printable(host)} can be reached from other machines and the desk has no "
                "sign-in yet: use 127.0.0.1, or set desk.allow_remote to true if the network is "
                "yours"
            )
        return host

    @field_validator("day_zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as e:
            raise ValueError(
                f"{_printable(zone)} is no time zone: use a name such as America/New_York or UTC"
            ) from e
        return zone


class MarketSettings(_Section):
    """Which market the simulated platform trades on; speed in market seconds per second."""

    source: str
    speed: float = Field(gt=0, le=3_600, allow_inf_nan=False)
    seed: int = Field(ge=0, lt=2**63)
    clients: int = Field(ge=1, le=1_000_000)
    providers: Listed[str]
    start: AwareDatetime | None

    @field_validator("source")
    @classmethod
    def _exists(cls, source: str) -> str:
        if source not in {SIMULATED, SAMPLE} and not _is_directory(source):
            raise ValueError(
                f"{_printable(source)} is no directory: use simulated, sample, a directory of "
                "recorded quotes, or the data directory of an earlier run"
            )
        return source

    @property
    def name(self) -> str:
        """A short name of the market, fit for a directory."""
        recorded = self.source not in {SIMULATED, SAMPLE}
        return Path(self.source).resolve().name if recorded else self.source


class EngineSection(_Section):
    """How the engine converts, caps leverage, saves and publishes."""

    pivots: Listed[CurrencyCode] = Field(min_length=1)
    regimes: Annotated[Listed[str], AfterValidator(_regime_rules)]
    frame_interval_ms: int = Field(ge=50, le=5_000)
    fsync_interval_ms: int = Field(ge=1, le=20)
    snapshot_every_s: int = Field(ge=1, le=3_600)
    kept_events: int = Field(ge=100, le=1_000_000)

    @property
    def regime_rules(self) -> tuple[RegimeRule, ...]:
        """Which accounts are under which regulator's caps."""
        return tuple(parse_rule(text) for text in self.regimes)


class LimitRuleSettings(_Section):
    """How much of one thing the house may hold."""

    scope: Scope = Field(strict=False)
    name: str = Field(min_length=1)
    soft_usd: float | None = Field(default=None, ge=0.0, allow_inf_nan=False)
    hard_usd: float | None = Field(default=None, ge=0.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _makes_sense(self) -> LimitRuleSettings:
        given = [usd for usd in (self.soft_usd, self.hard_usd) if usd is not None]
        if not given:
            raise ValueError("needs a soft_usd or a hard_usd")
        if given != sorted(given):
            raise ValueError("its soft_usd must not be above its hard_usd")
        return self


class LimitsSection(_Section):
    """Limits beside those of the instruments."""

    soft_share: float = Field(gt=0.0, le=1.0)
    cluster_usd: float | None = Field(gt=0.0, allow_inf_nan=False)
    rules: Annotated[tuple[LimitRuleSettings, ...], Field(strict=False)]


class ProviderAccountSettings(_Section):
    """The house's account with one liquidity provider."""

    lp: str = Field(min_length=1)
    cash_usd: float = Field(allow_inf_nan=False)
    margin_ratio: dict[str, Annotated[float, Field(ge=0.0, le=10.0, allow_inf_nan=False)]]
    call_level: float = Field(default=100.0, gt=0.0, allow_inf_nan=False)


class ProvidersSection(_Section):
    """What the house agreed with its liquidity providers."""

    accounts: Annotated[tuple[ProviderAccountSettings, ...], Field(strict=False)]


class RoutingSection(_Section):
    """Who proposes which book; paths of policy files."""

    policy: str | None = Field(min_length=1)
    shadow: str | None = Field(min_length=1)
    provider_usd_per_million: float = Field(ge=0.0, le=1e6, allow_inf_nan=False)


class CommandsSection(_Section):
    """From which size on a second person decides about a command."""

    approval_above_usd: float = Field(ge=0.0, allow_inf_nan=False)
    approval_above_clients: int = Field(ge=0)
    approval_within_min: int = Field(ge=1, le=10_080)


class SyncSection(_Section):
    """The back office: where it listens and what it asks for."""

    enabled: bool
    host: str
    port: int = Field(ge=0, le=65_535)
    public_url: str
    approval_above: dict[CurrencyCode, int]
    kyc_levels: Listed[str] = Field(min_length=1)
    kyc_required: str
    quarantine_s: float = Field(ge=1.0, le=86_400.0, allow_inf_nan=False)
    reconcile_every_min: float = Field(ge=0.0, le=10_080.0, allow_inf_nan=False)
    payments_per_min: float = Field(ge=0.0, le=6_000.0, allow_inf_nan=False)

    @field_validator("approval_above")
    @classmethod
    def _is_an_amount(cls, amounts: dict[str, int]) -> dict[str, int]:
        negative = sorted(currency for currency, amount in amounts.items() if amount < 0)
        if negative:
            raise ValueError(f"{', '.join(negative)} must be an amount of at least 0")
        return amounts

    @model_validator(mode="after")
    def _requires_a_level(self) -> SyncSection:
        if self.kyc_required not in self.kyc_levels:
            raise ValueError(f"kyc_required must be one of {', '.join(self.kyc_levels)}")
        return self


class StorageSettings(_Section):
    """Where everything is kept, and how much of it."""

    directory: str | None = Field(min_length=1)
    database: str | None
    kept_snapshots: int = Field(ge=2, le=1_000)
    file_mb: int = Field(ge=1, le=1_000)
    journal_keep_mb: int = Field(ge=0, le=10_000_000)
    platform_log_mb: int = Field(ge=1, le=10_000_000)

    @field_validator("database")
    @classmethod
    def _is_postgres_without_password(cls, database: str | None) -> str | None:
        if database is None:
            return None
        address = urlsplit(database)
        if address.scheme != "postgresql" or len(address.path) <= 1:
            raise ValueError(
                "must be null or a PostgreSQL such as postgresql://user@host:5432/name, was "
                f"{_without_password(database)}"
            )
        if address.password is not None or "password=" in address.query:
            raise ValueError(
                "must hold no password: give it in the environment variable PGPASSWORD, or in "
                "~/.pgpass"
            )
        return database


class LogSettings(_Section):
    """What is written down about the processes themselves."""

    level: LogLevel
    terminal_level: LogLevel
    rotate_mb: int = Field(ge=1, le=10_000)
    kept_files: int = Field(ge=1, le=1_000)


class Settings(_Section):
    """Everything that can be chosen."""

    desk: DeskSettings
    market: MarketSettings
    engine: EngineSection
    limits: LimitsSection
    providers: ProvidersSection
    routing: RoutingSection
    commands: CommandsSection
    hedging: HedgingSection
    sync: SyncSection
    alerts: AlertsSection
    slack: SlackSection
    email: EmailSection
    storage: StorageSettings
    log: LogSettings

    @property
    def directory(self) -> Path:
        """The data directory: the chosen one, else one per market below ``var``."""
        return Path(self.storage.directory or Path("var") / self.market.name).expanduser()


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_directory(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except (OSError, ValueError):  # longer than names can be, or no text that a disk knows
        return False


def _printable(text: str) -> str:
    # an environment may hold bytes that are no text; pydantic takes no such words
    return text[:LONGEST_SHOWN].encode("utf-8", "replace").decode()


def default_file() -> Path:
    """Return the shipped ``config.yaml``: beside the code in a checkout, inside the wheel else."""
    room = Path(str(resources.files("dealing")))
    packaged = room / "config.default.yaml"
    return packaged if packaged.exists() else room.parent / "config.yaml"


def load_settings(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    command_line: Mapping[str, object] | None = None,
    held: Mapping[str, object] | None = None,
) -> Settings:
    """Read all layers and check them.

    Args:
        file: A person's own configuration file.
        environment: The process environment.
        command_line: Dotted keys with what the command line said, None where it said nothing.
        held: Dotted keys of what the data directory already holds: over the defaults, under
            everything that a person says now.

    Raises:
        ConfigError: With every problem of every layer.
    """
    return settings_of(
        [
            yaml_layer(default_file()),
            values_layer(held or {}, "the data directory"),
            yaml_layer(file) if file is not None else [],
            environment_layer(environment or {}),
            values_layer(command_line or {}, "the command line"),
        ]
    )


def settings_of(layers: Sequence[Layer]) -> Settings:
    """Check layers as one.

    Raises:
        ConfigError: With every problem.
    """
    try:
        return Settings.model_validate(merged(layers))
    except ValidationError as e:
        problems = [_problem(dict(error), layers) for error in e.errors()]
        raise ConfigError(sorted(problems, key=_by_place)) from e


def known_keys() -> list[str]:
    """Return every key there is, dotted, in the order of ``config.yaml``."""
    return [".".join(written.key) for written in yaml_layer(default_file())]


def _problem(error: dict[str, Any], layers: Sequence[Layer]) -> str:
    key: KeyPath = tuple(str(part) for part in error["loc"])
    place = place_of(key, layers)
    where = f"{place}: " if place is not None else ""
    return f"{where}{'.'.join(key)}: {_complaint(error, key)}"


def _by_place(problem: str) -> list[tuple[int, str]]:
    # line 9 before line 10
    return [(int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", problem)]


def _complaint(error: dict[str, Any], key: KeyPath) -> str:
    was = f", was {_shown(error['input'])}"
    match error["type"]:
        case "extra_forbidden":
            complaint = f"there is no such key{_suggestion(key)}"
        case "missing":
            complaint = "is missing"
        case "value_error":
            complaint = str(error["ctx"]["error"])
        case "model_type" | "model_attributes_type":
            complaint = f"must be a section with keys{was}"
        case "too_short":
            complaint = "must list at least one"
        case "string_pattern_mismatch":
            complaint = f"must be a currency code such as USD{was}"
        case "datetime_type" | "datetime_parsing" | "timezone_aware":
            complaint = f"must be a time such as 2026-01-13T12:00:00Z{was}"
        case _:
            complaint = str(error["msg"]).replace("Input should", "must") + was
            complaint = complaint[0].lower() + complaint[1:]
    return complaint


def _suggestion(key: KeyPath) -> str:
    keys = known_keys()
    sections = {known.split(".")[0] for known in keys}
    homonyms = [known for known in keys if known.split(".")[-1] == key[-1]]
    candidates = sorted(sections) if len(key) == 1 and not homonyms else keys
    near = homonyms or difflib.get_close_matches(".".join(key), candidates, n=1, cutoff=0.7)
    return f", did you mean {near[0]}?" if near else f" ({_choices(key, sections)})"


def _choices(key: KeyPath, sections: set[str]) -> str:
    if key[0] not in sections:
        return f"the sections are {', '.join(sorted(sections))}"
    names = [known.split(".")[1] for known in known_keys() if known.startswith(f"{key[0]}.")]
    return f"{key[0]} has {', '.join(names)}"


def _without_password(address: str) -> str:
    return re.sub(r"(?<=:)[^:/@]+(?=@)|(?<=password=)[^&]+", "***", address)


def _shown(value: object) -> str:
    try:
        text = repr(value) if isinstance(value, str) else str(value)
    except ValueError:  # Python refuses to write thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
