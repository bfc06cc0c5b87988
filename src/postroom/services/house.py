"""All services of one server, as the dialects and the pages are given them."""

import msgspec

from postroom.services.access import Access
from postroom.services.accounts import Accounts
from postroom.services.attachments import Attachments
from postroom.services.attendees import Attendees
from postroom.services.chains import Chains
from postroom.services.chats import Chats
from postroom.services.checkups import Checkups
from postroom.services.composing import Composing
from postroom.services.deadlines import Deadlines
from postroom.services.deferrals import Deferrals
from postroom.services.deletions import Deletions
from postroom.services.delivery_log import DeliveryLog
from postroom.services.engagement import Engagement
from postroom.services.events import Events
from postroom.services.fittings import Fittings
from postroom.services.health import Health
from postroom.services.hosted_links import HostedLinks
from postroom.services.idempotency import Idempotency
from postroom.services.library import Library
from postroom.services.managed_users import ManagedUsers
from postroom.services.media import Media
from postroom.services.messages import Messages
from postroom.services.outcomes import Outcomes
from postroom.services.outreach import Outreach
from postroom.services.overview import Overview
from postroom.services.people import People
from postroom.services.post_lists import PostLists
from postroom.services.post_logs import PostLogs
from postroom.services.posts import Posts
from postroom.services.recalls import Recalls
from postroom.services.receipts import Receipts
from postroom.services.refreshing import Refreshing
from postroom.services.resyncs import Resyncs
from postroom.services.retries import Retries
from postroom.services.searching import Searching
from postroom.services.sessions import Sessions
from postroom.services.simulation import Simulation
from postroom.services.takedowns import Takedowns
from postroom.services.threads import Threads
from postroom.services.webhooks import Webhooks


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """One of each."""

    access: Access
    sessions: Sessions
    overview: Overview
    managed_users: ManagedUsers
    hosted_links: HostedLinks
    accounts: Accounts
    chats: Chats
    attendees: Attendees
    messages: Messages
    threads: Threads
    searching: Searching
    outreach: Outreach
    refreshing: Refreshing
    people: People
    recalls: Recalls
    deadlines: Deadlines
    deferrals: Deferrals
    deletions: Deletions
    posts: Posts
    composing: Composing
    takedowns: Takedowns
    outcomes: Outcomes
    retries: Retries
    post_lists: PostLists
    post_logs: PostLogs
    checkups: Checkups
    fittings: Fittings
    engagement: Engagement
    media: Media
    library: Library
    attachments: Attachments
    events: Events
    receipts: Receipts
    resyncs: Resyncs
    chains: Chains
    idempotency: Idempotency
    webhooks: Webhooks
    delivery_log: DeliveryLog
    health: Health
    simulation: Simulation | None
    """Of a sandbox; None: the networks are real."""
