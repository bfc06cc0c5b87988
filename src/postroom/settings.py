"""Every setting, its unit and its safe default. Read from the environment (`POSTROOM_...`) and from postroom.toml."""

import ast
import os
import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from postroom.errors import PostroomError

_Positive = Annotated[float, msgspec.Meta(gt=0, le=100_000)]
_NotNegative = Annotated[float, msgspec.Meta(ge=0, le=100_000)]
_Limit = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
_Count = Annotated[int, msgspec.Meta(ge=1)]
_USER = re.compile(r"//[^/]*@")
_IN_QUERY = re.compile(r"([?&][^=&]*(?:key|secret|password|token)=)[^&]*", re.I)
_NO_SETTINGS = {"POSTROOM_SETTINGS", "POSTROOM_SERVER", "POSTROOM_KEY"}
"""Where settings are, and what commands that call a server are told: which one, and by whose key."""


class WrongSetting(PostroomError):
    """A setting has a value that it cannot have."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each field is a setting: `database_url` is POSTROOM_DATABASE_URL, or `database_url` in postroom.toml."""

    data: Path = Path(".data/live")
    """The folder for the database, the keyring, the master key and the media."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8010
    """The port to listen on; 0: any that is free."""
    public_url: str = ""
    """How others reach the server, such as https://postroom.example.org; empty: the address it listens on."""
    database_url: str = ""
    """postgresql://... for PostgreSQL; empty: SQLite in the data folder."""
    database_connections: _Count = 12
    """Connections to PostgreSQL that are held open."""
    keyring_file: str = ""
    """Where account keys are kept, apart from the database; empty: keyring.db in the data folder."""
    master_key: str = ""
    """64 hexadecimal digits that wrap the account keys; empty: master.key in the data folder, made at the first start."""
    media_url: str = ""
    """Where media are kept: a folder, or s3://bucket/prefix; empty: media in the data folder."""
    media_endpoint: str = ""
    """The address of an S3 service that is not Amazon's, such as https://s3.example.org; empty: Amazon."""
    media_region: str = ""
    """The bucket's region; empty: AWS_REGION."""
    media_access_key: str = ""
    """The id of the key for the bucket; empty: AWS_ACCESS_KEY_ID, or the machine's own role."""
    media_secret_key: str = ""
    """The secret of the key for the bucket; empty: AWS_SECRET_ACCESS_KEY, or the machine's own role."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that requests may name; empty: this machine's own and the public URL's. `*`: any."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the APIs; empty: none."""
    most_body_bytes: _Count = 1024 * 1024
    """The largest request body in bytes, but for media."""
    most_media_bytes: _Count = 512 * 1024 * 1024
    """The largest media file in bytes."""
    most_image_bytes: _Count = 50 * 1024 * 1024
    """The largest image in bytes, as it is uploaded: one is held in memory while it is decoded."""
    most_image_pixels: _Count = 50_000_000
    """The most pixels of an image; beyond, it is never decoded. Decoding takes 4 to 16 bytes of memory each."""
    images_at_once: _Count = 1
    """Images decoded at a time."""
    most_connections: _Count = 2_000
    """Connections at a time; beyond, the answer is 503."""
    request_seconds: _Positive = 60.0
    """How long a request may take to arrive, in seconds."""
    provider_seconds: _Positive = 20.0
    """How long a network may take to answer, in seconds."""
    allowed_networks: tuple[str, ...] = ()
    """Networks such as 10.1.0.0/16 that addresses given by callers may lead to, as webhooks do; empty: public ones only."""
    keep_events_days: _Positive = 30.0
    """How long events are kept, in days: as far back as a cursor may be."""
    keep_tombstones_days: _NotNegative = 0.0
    """How long tombstones are kept, in days; 0: for good, which is what keeps a recalled message from coming back."""
    keep_receipts_days: _NotNegative = 0.0
    """How long receipts are kept, in days; 0: for good."""
    keep_idempotency_hours: _Positive = 24.0
    """How long an Idempotency-Key gives its first answer again, in hours."""
    limit_monthly_posts: _Limit = 0
    """Posts to platforms that a workspace may schedule in a calendar month (UTC); for three platforms is three. 0: no limit."""
    limit_scheduled_posts: _Limit = 0
    """Posts to platforms that may wait for their time in a workspace; 0: no limit."""
    limit_schedule_days: _Limit = 0
    """How far ahead a post may be scheduled, in days; 0: no limit."""
    limit_platforms: tuple[str, ...] = ()
    """Platforms that may be posted to, such as bluesky; empty: all."""
    limit_connections: _Limit = 0
    """Accounts that a workspace may link; 0: no limit."""
    limit_new_conversations: _Limit = 150
    """LinkedIn conversations that an account may begin on a day (UTC) over ConnectSafely's API; 0: no limit."""
    rate_limits: bool | None = None
    """Whether ConnectSafely's API counts requests as the vendor does; if not said, yes, and no in the sandbox."""
    limit_plan_name: str = "Self-hosted"
    """What the limits are called where one is reached."""
    session_hours: _Positive = 12.0
    """How long somebody who signs in to the dashboard stays signed in, in hours."""
    log_level: str = ""
    """DEBUG, INFO, WARNING or ERROR; if not said, INFO, and WARNING in the sandbox."""
    log_json: bool = False
    """Logs as JSON, a line each."""
    providers: dict[str, dict[str, Any]] = {}
    """What networks are told, by name: `[providers.mastodon]`, or POSTROOM_PROVIDER_MASTODON_... (see below)."""


def load(environment: Mapping[str, str], **given: Any) -> Settings:
    """The settings of this process: what was `given` (on the command line), else the environment, else postroom.toml.

    Raises:
        WrongSetting: one line that names the setting and what is wrong with it.
    """
    file = Path(environment.get("POSTROOM_SETTINGS", "postroom.toml"))
    values: dict[str, Any] = {}
    if file.is_file():
        try:
            values.update(tomllib.loads(file.read_text()))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise WrongSetting(f"{file}: {error}") from error
    known = {field.name: field for field in msgspec.structs.fields(Settings)}
    for name, value in environment.items():
        if not name.startswith("POSTROOM_") or name in _NO_SETTINGS:
            continue
        field = name.removeprefix("POSTROOM_").lower()
        if field.startswith("provider_"):
            provider, _, own = field.removeprefix("provider_").partition("_")
            values.setdefault("providers", {}).setdefault(provider, {})[own] = value
            continue
        if field not in known:
            raise WrongSetting(f"{name} is no setting; see docs/reference/settings.md.")
        many = known[field].type == tuple[str, ...]
        values[field] = [part.strip() for part in value.split(",") if part.strip()] if many else value
    values.update({name: value for name, value in given.items() if value is not None})
    for name, value in values.items():
        if name not in known:
            raise WrongSetting(f"{name} in {file} is no setting; see docs/reference/settings.md.")
        try:
            msgspec.convert(value, known[name].type, strict=False, dec_hook=_path)
        except msgspec.ValidationError as error:
            raise WrongSetting(f"POSTROOM_{name.upper()}={value!r}: {error}") from error
    settings = msgspec.convert(values, Settings, strict=False, dec_hook=_path)
    _check(settings)
    return settings


def _path(type: Any, value: Any) -> Any:
    if type is Path and isinstance(value, str | os.PathLike):
        return Path(value)
    raise NotImplementedError(f"no {type} here")


def _check(settings: Settings) -> None:
    if settings.master_key and not _is_key(settings.master_key):
        raise WrongSetting("POSTROOM_MASTER_KEY: 64 hexadecimal digits are needed.")
    if settings.database_url and not settings.database_url.startswith(("postgresql://", "postgres://")):
        raise WrongSetting("POSTROOM_DATABASE_URL: only postgresql:// is known; leave it empty for SQLite.")
    origins = {f"PROVIDER_{name.upper()}_ORIGIN": own.get("origin", "") for name, own in settings.providers.items()}
    for name, url in {"PUBLIC_URL": settings.public_url, **origins}.items():
        address = urlsplit(url)
        if url and (address.scheme not in ("http", "https") or not address.hostname):
            raise WrongSetting(f"POSTROOM_{name}: http:// or https:// and a host are needed.")
    if settings.media_endpoint and not settings.media_endpoint.startswith(("https://", "http://")):
        raise WrongSetting("POSTROOM_MEDIA_ENDPOINT: http:// or https:// and a host are needed.")
    if bool(settings.media_access_key) != bool(settings.media_secret_key):
        raise WrongSetting("POSTROOM_MEDIA_ACCESS_KEY and POSTROOM_MEDIA_SECRET_KEY: one needs the other.")
    for network in settings.allowed_networks:
        try:
            ip_network(network)
        except ValueError as error:
            raise WrongSetting(f"POSTROOM_ALLOWED_NETWORKS: {error}.") from error
    if settings.log_level not in ("", "DEBUG", "INFO", "WARNING", "ERROR"):
        raise WrongSetting("POSTROOM_LOG_LEVEL: DEBUG, INFO, WARNING or ERROR.")


def words() -> dict[str, tuple[str, str]]:
    """Of each setting its default, as the source has it, and what it means."""
    module = ast.parse(Path(__file__).read_text())
    found = next(node for node in module.body if isinstance(node, ast.ClassDef) and node.name == Settings.__name__)
    told = {}
    for field, text in zip(found.body, found.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            assert isinstance(field.target, ast.Name)
            assert field.value is not None
            default = ast.unparse(field.value).replace("Path(", "").replace(")", "").strip("'\"(") or "empty"
            told[field.target.id] = (default, str(text.value.value))
    return told


def shown(settings: Settings) -> list[tuple[str, str, str, bool]]:
    """Each setting for those who may see it: its variable, its value, what it means, whether it was chosen. No secrets."""
    as_it_comes = Settings()
    rows = []
    for name, (_, about) in words().items():
        value = getattr(settings, name)
        rows.append((f"POSTROOM_{name.upper()}", _as_shown(name, value), about, value != getattr(as_it_comes, name)))
    return rows


def _as_shown(name: str, value: Any) -> str:
    if name.endswith(("_key", "secret", "password", "token")):
        return "(set)" if value else ""
    if isinstance(value, dict):
        return ", ".join(f"{each} ({', '.join(sorted(own))})" for each, own in sorted(value.items()))
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    # A password in an address is no more to be seen than another.
    return "" if value is None else _IN_QUERY.sub(r"\1…", _USER.sub("//…@", str(value)))


def _is_key(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == 32
    except ValueError:
        return False
