#!/usr/bin/python3
"""Has cloud-init itself (Debian package cloud-init) take each case apart, and writes what comes out beside it.

Each `*.mime` or `*.archive` is user-data. `*.json` is the merged configuration and the texts of scripts in the order in which they run,
`runcmd` standing for those of the configuration; or "refused" where cloud-init fails at a part or has no handler for it, and ignores it.
"""
import json
import logging
import pathlib
import sys
import tempfile
import types

sys.path.insert(0, "/usr/lib/python3/dist-packages")
from cloudinit import handlers, helpers, templater, util  # noqa: E402
from cloudinit.handlers.cloud_config import CloudConfigPartHandler  # noqa: E402
from cloudinit.user_data import UserDataProcessor  # noqa: E402

FOLDERS = ["text/x-shellscript-per-once", "text/x-shellscript-per-boot", "text/x-shellscript-per-instance", "text/x-shellscript"]
failures = []


class Listener(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING and "empty cloud config" not in record.getMessage():
            failures.append(record.getMessage())


logging.getLogger("cloudinit").addHandler(Listener())


def take(data):
    config = CloudConfigPartHandler(types.SimpleNamespace(get_ipath=lambda _: None))
    scripts = {}

    def part(_data, filename, payload, headers):
        kind = headers["Content-Type"]
        if kind == "text/jinja2":
            payload = templater.render_string(payload, {})
            kind = handlers.type_from_starts_with(payload)
        if kind == "text/cloud-config":
            config.handle_part(None, kind, filename, payload, None, headers)
        elif kind in FOLDERS:
            scripts[FOLDERS.index(kind), util.clean_filename(filename)] = util.dos2unix(payload)
        elif payload:
            failures.append("no handler")

    with tempfile.TemporaryDirectory() as folder:
        paths = helpers.Paths({"cloud_dir": folder, "run_dir": folder})
        handlers.walk(UserDataProcessor(paths).process(data), part, None)
    merged = config.cloud_buf or {}
    if "runcmd" in merged:
        scripts[3, "runcmd"] = "runcmd"
    return {"config": merged, "scripts": [util.decode_binary(scripts[key]) for key in sorted(scripts)]}


for case in sorted(pathlib.Path(__file__).parent.iterdir()):
    if case.suffix in (".mime", ".archive"):
        failures.clear()
        try:
            result = take(case.read_bytes())
        except Exception:
            failures.append("failed")
        case.with_suffix(".json").write_text(json.dumps("refused" if failures else result, sort_keys=True) + "\n")
