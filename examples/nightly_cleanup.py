"""A nightly clean-up: posts that went out more than so many days ago are taken down, and deleted where that is certain.

    POSTROOM_KEY=... python examples/nightly_cleanup.py --days 90

It says of each post what came of it, and never more than is known: a post group is deleted only where every network
has accepted that its post is gone. What is in doubt stays, and is looked at again the next night; what a network cannot
remove is printed with the link to where it is done by hand. It exits with 0 where all is gone, with 1 where something
has to be done by hand, and with 3 where something is in doubt.
"""

import argparse
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

from postroom_client import Client, PostGroup, PostroomError, Target

GONE, BY_HAND, IN_DOUBT = "gone", "by hand", "in doubt"
OUTCOMES = {"done": GONE, "unsupported": BY_HAND, "refused": BY_HAND, "in_doubt": IN_DOUBT, "asked": IN_DOUBT}


def main() -> int:
    options = arguments()
    until = datetime.now(UTC) - timedelta(days=options.days)
    counted: Counter[str] = Counter()
    with Client() as postroom:
        for status in ("published", "partially_published"):
            # All of them first: what is deleted meanwhile would move the pages.
            for group in list(postroom.posts.list(status=status, scheduled_to=until)):
                try:
                    counted[clean(postroom, group)] += 1
                except PostroomError as error:
                    print(f"{group.id}: {error}")
                    counted[IN_DOUBT if error.in_doubt else BY_HAND] += 1
    print(", ".join(f"{counted[each]} {each}" for each in (GONE, BY_HAND, IN_DOUBT)))
    return 3 if counted[IN_DOUBT] else 1 if counted[BY_HAND] else 0


def clean(postroom: Client, group: PostGroup) -> str:
    """Take a group down, and delete it if that is certain: what came of it, the worst of all its posts."""
    asked = postroom.posts.take_down(group.id)
    outcomes = [told(group, target) for target in asked.targets]
    # A post of which nobody knows whether it went out is no target: its owner has to look.
    unknown = [post for post in group.posts if post.status == "unconfirmed"]
    for post in unknown:
        print(f"{group.id}: nobody knows whether it is live at {post.platform}; look there")
    worst = IN_DOUBT if unknown or IN_DOUBT in outcomes else BY_HAND if BY_HAND in outcomes else GONE
    if worst == GONE:
        postroom.posts.delete(group.id)
        print(f"{group.id}: deleted")
    return worst


def told(group: PostGroup, target: Target) -> str:
    outcome = OUTCOMES.get(target.outcome, IN_DOUBT)
    more = f" ({target.detail})" if target.detail else ""
    where = f": {target.url}" if target.url and outcome != GONE else ""
    print(f"{group.id}: {target.platform}: {outcome}{more}{where}")
    return outcome


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=float, default=90)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
