"""Numbered plain SQL, applied at start: each step once, in order, on both databases."""

import re
from pathlib import Path

from postroom.errors import PostroomError


class NewerDatabase(PostroomError):
    """The database was written by a newer version of Postroom: start that one."""


def steps(words: dict[str, str]) -> list[tuple[int, list[str]]]:
    """The steps as (number, statements), with each `{word}` replaced by the database's own."""
    found = []
    for file in sorted(Path(__file__).parent.glob("[0-9]*.sql")):
        lines = file.read_text().splitlines()
        text = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
        for word, own in words.items():
            text = text.replace("{" + word + "}", own)
        found.append((int(file.name[:4]), [part.strip() for part in text.split(";") if part.strip()]))
    return found


def pending(words: dict[str, str], applied: int) -> list[tuple[int, list[str]]]:
    """The steps that a database at version `applied` has not seen.

    Raises:
        NewerDatabase: it has seen more than there are.
    """
    every = steps(words)
    if applied > every[-1][0]:
        raise NewerDatabase(
            f"The database is at version {applied}, this Postroom knows {every[-1][0]}: start the newer Postroom."
        )
    return [step for step in every if step[0] > applied]


def up_to(words: dict[str, str], version: int) -> list[tuple[int, list[str]]]:
    """The steps that make a database of this version.

    Raises:
        NewerDatabase: they are not known here.
    """
    pending(words, version)
    return [step for step in steps(words) if step[0] <= version]


def tables(version: int) -> list[str]:
    """The tables of a database of this version, each after those that it refers to."""
    found: list[str] = []
    for _, statements in up_to({"bytes": "", "position": ""}, version):
        for statement in statements:
            made = re.match(r"(create|drop) table (\w+)", statement)
            if made is not None and made[1] == "create":
                found.append(made[2])
            elif made is not None:
                found.remove(made[2])
    return found


def newest() -> int:
    """The version of a database that is up to date."""
    return steps({"bytes": "", "position": ""})[-1][0]
