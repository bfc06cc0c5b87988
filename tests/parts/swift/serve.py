"""OpenStack Swift with its S3 API on loopback: one copy of everything, no other services.   usage: serve.py FOLDER PORT

It listens on PORT and the three after it, writes `ready` when all four answer, and ends its children when it is told to
(SIGTERM). Run by the Python that has Swift, which is not the tests' own. The key is `app:user`, its secret `secret`.
"""

import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PROXY = """
[DEFAULT]
{common}bind_port = {port}
[pipeline:main]
pipeline = {pipeline} proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_app_user = secret .admin
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1
dns_compliant_bucket_names = false
check_bucket_owner = false
min_segment_size = 1
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
"""
PIPELINE = (
    "catch_errors gatekeeper healthcheck listing_formats bulk s3api tempauth copy slo dlo versioned_writes symlink"
)
PLAIN_FILTERS = (
    "catch_errors",
    "gatekeeper",
    "healthcheck",
    "listing_formats",
    "bulk",
    "slo",
    "dlo",
    "copy",
    "symlink",
)
SERVER = """
[DEFAULT]
{common}bind_port = {port}
devices = {devices}
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
allow_versions = on
"""
SWIFT = """
[swift-hash]
swift_hash_path_prefix = postroom
swift_hash_path_suffix = tests
[storage-policy:0]
name = Policy-0
default = yes
[swift-constraints]
max_header_size = 32768
"""
BOOT = """
import sys
from swift.common import utils
utils.set_swift_dir(sys.argv[1])
from swift.common import storage_policy
storage_policy.reload_storage_policies()
from swift.common.wsgi import run_wsgi
from swift.obj.server import global_conf_callback
kind, conf = sys.argv[2:]
sys.argv[1:] = [conf]
more = {"global_conf_callback": global_conf_callback} if kind == "object" else {}
sys.exit(run_wsgi(conf, kind + "-server", default_port=None, **more))
"""


def configure(home: Path, port: int) -> None:
    etc, devices = home / "etc", home / "srv"
    (devices / "d1").mkdir(parents=True, exist_ok=True)
    etc.mkdir(exist_ok=True)
    common = (
        f"bind_ip = 127.0.0.1\nworkers = 0\nuser = {pwd.getpwuid(os.geteuid()).pw_name}\nswift_dir = {etc}\n"
        "log_name = swift\nlog_level = WARNING\nlog_statsd_host =\n"
    )
    (etc / "swift.conf").write_text(SWIFT)
    filters = "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n" for name in PLAIN_FILTERS)
    (etc / "proxy-server.conf").write_text(PROXY.format(common=common, port=port, pipeline=PIPELINE) + filters)
    for number, kind in enumerate(("object", "container", "account"), 1):
        conf = SERVER.format(common=common, port=port + number, devices=devices, kind=kind)
        (etc / f"{kind}-server.conf").write_text(conf)
        ring = [str(Path(sys.executable).parent / "swift-ring-builder"), str(etc / f"{kind}.builder")]
        subprocess.run([*ring, "create", "2", "1", "0"], check=True, capture_output=True)
        subprocess.run([*ring, "add", f"r1z1-127.0.0.1:{port + number}/d1", "1"], check=True, capture_output=True)
        # Its exit code is 1 where it has something to say.
        subprocess.run([*ring, "rebalance"], check=False, capture_output=True)


def main() -> None:
    home, port = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    configure(home, port)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", BOOT, str(home / "etc"), kind, str(home / "etc" / f"{kind}-server.conf")]
        )
        for kind in ("account", "container", "object", "proxy")
    ]

    def stop(*_: object) -> None:
        for child in children:
            child.terminate()

    signal.signal(signal.SIGTERM, stop)
    waiting, until = [port + number for number in range(4)], time.monotonic() + 60
    while waiting:
        try:
            socket.create_connection(("127.0.0.1", waiting[0]), 1).close()
            waiting.pop(0)
        except OSError:
            if time.monotonic() > until or any(child.poll() is not None for child in children):
                stop()
                sys.exit("a server of Swift ended, or does not answer")
            time.sleep(0.05)
    print("ready", flush=True)
    for child in children:
        child.wait()


if __name__ == "__main__":
    main()
