"""What the rows of PostPress's table have in common: the statuses that its pages list, and the parameters of lists."""

from postroom.dialects.operation import Parameter

MOST = 250
USUAL = 100

# What the pages list. "Retrieve" and "Delete a message": no 400. "Delete an account": no 403.
ONE = frozenset({401, 403, 404, 500, 503, 504})
LIST = ONE | {400}
UNLINK = frozenset({400, 401, 404, 500, 503, 504})
CONNECT = frozenset({400, 401, 403, 407, 408, 409, 425, 500, 501, 502, 503, 504})
RECONNECT = CONNECT | {404}
# 502 is ours, from here on: what is asked of a network through an account's proxy.
# 400 is ours: the page of "Send a message" does not list it, and has no word for a parameter that is wrong.
SEND = ONE | {415, 422, 501, 502}
START = ONE | {400, 415, 422, 501, 502}
ACT = ONE | {400, 422, 501, 502}

PAGE = (
    Parameter(name="cursor", summary="Where the page before ended. Other parameters are then ignored."),
    Parameter(name="limit", summary=f"How many at most: 1 to {MOST}, {USUAL} if not said.", kind=int),
)
TIMES = (
    Parameter(name="before", summary="Only what is strictly older, such as 2026-05-17T09:42:11.000Z."),
    Parameter(name="after", summary="Only what is strictly newer, such as 2026-05-17T09:42:11.000Z."),
)
SENDER = Parameter(name="sender_id", summary="Only messages of this person, by the network's id.")
ACCOUNT = Parameter(name="account_id", summary="Only what belongs to this account.")
ACCOUNTS = Parameter(name="account_id", summary="Only what belongs to these accounts, ids separated by commas.")

MESSAGE_ID = {"message_id": "The message's id, such as `msg_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}
CHAT_ID = {"chat_id": "The chat's id, such as `chat_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}
ACCOUNT_ID = {"id": "The account's id, such as `acc_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}
