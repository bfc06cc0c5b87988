"""Numbered plain SQL, applied at start: each step once, in order, on both databases."""

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


def newest() -> int:
    """The version of a database that is up to date."""
    return steps({"bytes": "", "position": ""})[-1][0]
