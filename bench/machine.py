"""Where the figures were taken."""

import datetime
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import apsw

_PACKAGES = (
    "uvicorn",
    "uvloop",
    "httptools",
    "asyncpg",
    "msgspec",
    "cryptography",
    "fastapi",
    "sqlalchemy",
    "pydantic",
)


def described() -> dict[str, Any]:
    """Processor, memory, system, versions and date."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": apsw.sqlite_lib_version(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def cores() -> tuple[set[int], set[int]]:
    """The cores for what is measured, and for what makes it work; the same where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return {usable[0]}, set(usable[1:]) or {usable[0]}
