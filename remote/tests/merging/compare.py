#!/usr/bin/python3
"""Has cloud-init itself (Debian package cloud-init) merge each case, and writes what comes out beside it.

Each `*.yaml` holds cloud-configs, each after its `#cloud-config` line; in `vendor-*.yaml` the first one is vendor-data. `*.json` is the
merged configuration, or "refused" where cloud-init logs a failure and ignores a part.
"""
import copy
import json
import logging
import pathlib
import sys
import types

sys.path.insert(0, "/usr/lib/python3/dist-packages")
from cloudinit import util  # noqa: E402
from cloudinit.handlers.cloud_config import CloudConfigPartHandler  # noqa: E402

failures = []


class Listener(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING and "empty cloud config" not in record.getMessage():
            failures.append(record.getMessage())


logging.getLogger("cloudinit").addHandler(Listener())


def merged(parts):
    handler = CloudConfigPartHandler(types.SimpleNamespace(get_ipath=lambda _: None))
    for number, part in enumerate(parts, 1):
        handler.handle_part(None, "text/cloud-config", f"part-{number:03}", part, None, {})
    return handler.cloud_buf or {}


for case in sorted(pathlib.Path(__file__).parent.glob("*.yaml")):
    failures.clear()
    parts = ["#cloud-config\n" + part for part in case.read_text().split("#cloud-config\n")[1:]]
    if case.name.startswith("vendor-"):
        user = merged(parts[1:])
        enabled = util.mergemanydict([copy.deepcopy(user), {"vendor_data": {"enabled": True}}])["vendor_data"]["enabled"]
        result = util.mergemanydict([user] + ([merged(parts[:1])] if util.is_true(enabled) else []))
    else:
        result = merged(parts)
    text = json.dumps("refused" if failures else result, sort_keys=True)
    case.with_suffix(".json").write_text(text + "\n")
