"""The one way in which the floor and the baseline are served: the same uvicorn, with the options of `postroom serve`."""

import socket
from typing import Any

import uvicorn
import uvloop


def serve(app: Any) -> None:
    """Listen on a free port, say so as a line of JSON, and answer until SIGTERM."""
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        loop="none",
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )
    print(f'{{"base": "http://127.0.0.1:{opened.getsockname()[1]}"}}', flush=True)
    opened.listen(1024)
    uvloop.run(uvicorn.Server(config).serve(sockets=[opened]))
