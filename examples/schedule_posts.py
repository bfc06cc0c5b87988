"""A scheduler whose calendar is a spreadsheet: a CSV file, as every spreadsheet saves it.

    POSTROOM_KEY=... python examples/schedule_posts.py examples/posts.csv

The columns: `when` (2026-12-01T09:00:00+01:00), `accounts` (networks such as bluesky, or an account's platform id),
`text`, `image` (a file beside the sheet; may be empty), and `post`, which this program fills in. A row that has it is
done, so the sheet can be given again whenever rows were added. It exits with 1 where a row could not be scheduled.
"""

import argparse
import csv
import hashlib
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from postroom_client import Account, Client, PostGroup, PostroomError

COLUMNS = ["when", "accounts", "text", "image", "post"]


def main() -> int:
    options = arguments()
    sheet: Path = options.sheet
    rows, separator = read(sheet)
    failed = 0
    with Client() as postroom:
        accounts = list(postroom.accounts.list())
        for number, row in enumerate(rows, start=2):
            if row.get("post"):
                continue
            try:
                group = schedule(postroom, row, accounts, sheet.parent)
            except (PostroomError, ValueError, OSError) as error:
                print(f"row {number}: not scheduled: {error}")
                failed = 1
                continue
            row["post"] = group.id
            save(sheet, rows, separator)
            for problem in group.problems:
                print(f"row {number}: it will not go out to {problem.platform_id}: {problem.code}")
            print(f"row {number}: goes out at {row['when']} to {', '.join(group.platforms)}: {group.id}")
    return failed


def schedule(postroom: Client, row: dict[str, str], accounts: Sequence[Account], folder: Path) -> PostGroup:
    """Write a draft, give it its image, then schedule it: nothing goes out half furnished."""
    when = datetime.fromisoformat(row["when"])
    if when.tzinfo is None:
        raise ValueError(f"{row['when']} has no time zone, such as +01:00")
    # If this program is killed before it has written down what it made, the next run is given the same draft again.
    key = hashlib.sha256(repr([row[name] for name in COLUMNS[:4]]).encode()).hexdigest()
    draft = postroom.once(f"sheet-{key}").posts.create(row["text"], chosen(row["accounts"], accounts))
    files = postroom.posts.get(draft.id).media
    if row["image"] and not any(each.status == "stored" for each in files):
        postroom.posts.upload(draft.id, folder / row["image"])
    return postroom.posts.update(draft.id, scheduled_at=when)


def chosen(wanted: str, accounts: Sequence[Account]) -> list[str]:
    """The platform ids of the accounts that a cell names."""
    found = []
    for name in wanted.split():
        these = [each.platform_id for each in accounts if name in (each.provider, each.platform_id)]
        if not these:
            raise ValueError(f"no account is linked for {name}")
        found += these
    return found


def read(sheet: Path) -> tuple[list[dict[str, str]], str]:
    """The rows, and what stands between cells: spreadsheets write what is usual in their country."""
    with sheet.open(newline="", encoding="utf-8-sig") as file:
        separator = max(",;\t", key=file.readline().count)
        file.seek(0)
        rows = csv.DictReader(file, delimiter=separator)
        if missing := sorted(set(COLUMNS) - set(rows.fieldnames or ())):
            sys.exit(f"{sheet} has no column {', '.join(missing)}")
        found = list(rows)
    if any(None in row for row in found):
        sys.exit(f"{sheet} has a row with more cells than there are columns")
    return found, separator


def save(sheet: Path, rows: Sequence[dict[str, str]], separator: str) -> None:
    """Write the sheet beside itself, then in its place: it is whole at every moment."""
    beside = sheet.with_suffix(".new")
    with beside.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)
    beside.replace(sheet)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheet", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
