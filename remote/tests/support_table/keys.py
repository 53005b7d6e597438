#!/usr/bin/env python3
"""Lists every key of cloud-init's schema, nested ones too, each with a document that has it.

    python3 keys.py schema-cloud-config-v1.json >keys.jsonl

The schema is in Debian's package cloud-init, version 22.4.2: cloudinit/config/schemas/schema-cloud-config-v1.json. Only names and
made-up values are kept. `[]` stands for an item of a list, `*` for a name that the document chooses.
"""

import json
import sys

schema = json.load(open(sys.argv[1]))


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEXAMPLE me@here"
HASH = "$6$salt$hash"
PEM = "-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n"
PGP = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"

# Values that mean something, by the end of the key.
VALUES = {
    "apt.sources.*.key": PGP,
    "apt.sources.*.keyid": "0123456789ABCDEF",
    "trusted": [PEM],
    "chpasswd.list": "name:secret",
    "disable_root": False,
    "growpart.devices": ["/"],
    "growpart.ignore_growroot_disabled": True,
    "locale_configfile": "/etc/locale",
    "ntp.ntp_client": "chrony",
    "random_seed.file": "/dev/random",
    "ssh_authorized_keys": [KEY],
    "phone_home.post": "all",
    "phone_home.url": "http://192.0.2.1/",
    "ssh_import_id": ["gh:name"],
    "swap.filename": "/swap",
    "expiredate": "2030-12-31",
    "hashed_passwd": HASH,
    "passwd": HASH,
    "homedir": "/srv/x",
    "inactive": "5",
    "shell": "/bin/sh",
    "write_files[].permissions": "0644",
    "yum_repo_dir": "/etc/repos",
}


def disk(key, value):
    return {"disk_setup": {"/dev/sdb": {"layout": True, key: value}}}


def file_system(key, value):
    return {"fs_setup": [{"device": "/dev/sdb", "filesystem": "ext4", key: value}]}


MIRROR = [{"arches": ["default"], "uri": "http://192.0.2.1/"}]

# Whole documents, for keys that mean nothing alone.
DOCUMENTS = {
    "apt.primary[].uri": {"apt": {"primary": MIRROR, "sources_list": "deb $MIRROR $RELEASE main"}},
    "apt.security[].uri": {"apt": {"security": MIRROR, "sources_list": "deb $MIRROR $RELEASE main"}},
    "disk_setup": disk("layout", True),
    "disk_setup.*": disk("layout", True),
    "disk_setup.*.layout": disk("layout", [50, [50, 82]]),
    "disk_setup.*.overwrite": disk("overwrite", False),
    "disk_setup.*.table_type": disk("table_type", "gpt"),
    "fs_setup": file_system("label", "x"),
    "fs_setup[]": file_system("label", "x"),
    "fs_setup[].cmd": file_system("cmd", "mkfs %(device)s"),
    "fs_setup[].device": file_system("device", "sdc"),
    "fs_setup[].extra_opts": file_system("extra_opts", ["-q"]),
    "fs_setup[].filesystem": file_system("filesystem", "xfs"),
    "fs_setup[].label": file_system("label", "x"),
    "fs_setup[].overwrite": file_system("overwrite", True),
    "fs_setup[].partition": file_system("partition", 1),
    "fs_setup[].replace_fs": {"fs_setup": [{"device": "sdb", "filesystem": "ext4", "overwrite": True, "replace_fs": "ntfs"}]},
    "phone_home": {"phone_home": {"url": "http://192.0.2.1/"}},
    "phone_home.post": {"phone_home": {"url": "http://192.0.2.1/", "post": ["fqdn"]}},
    "phone_home.tries": {"phone_home": {"url": "http://192.0.2.1/", "tries": 3}},
    "ssh_keys": {"ssh_keys": {"rsa_private": "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"}},
    "password": {"user": "name", "password": HASH},
    "random_seed.command_required": {"random_seed": {"command": ["true"], "command_required": True}},
    "ssh_publish_hostkeys.enabled": {"ssh_publish_hostkeys": {"enabled": True}},
    "user.snapuser": {"user": {"name": "name", "snapuser": "a@example.org"}},
}
for name in ("", ".name", ".password", ".type"):
    user = {"name": "name", "password": HASH, "type": "hash"}
    DOCUMENTS["chpasswd.users[]" + name] = {"chpasswd": {"users": [user]}}
for name in ("domain", "nameservers", "options", "searchdomains", "sortlist"):
    value = {"domain": "example.org", "options": {"rotate": True}, "nameservers": ["192.0.2.1"], "sortlist": ["192.0.2.0"]}
    settings = {name: value.get(name, ["example.org"])}
    DOCUMENTS["resolv_conf." + name] = DOCUMENTS["resolv_conf"] = {"manage_resolv_conf": True, "resolv_conf": settings}


def resolved(node):
    while "$ref" in node:
        target = schema
        for part in node["$ref"].lstrip("#/").split("/"):
            target = target[part]
        node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
    return node


def forms(node):
    """The node and all that it may be instead."""
    node = resolved(node)
    yield node
    for word in ("oneOf", "anyOf", "allOf"):
        for form in node.get(word, []):
            for inner in forms(form):
                # What is said beside the choice holds for each.
                yield {**{k: v for k, v in node.items() if k not in ("oneOf", "anyOf", "allOf")}, **inner}


def properties(node):
    found = {}
    for form in forms(node):
        for name, inner in form.get("properties", {}).items():
            found.setdefault(name, inner)
    return found


def any_name(node):
    for form in forms(node):
        for inner in form.get("patternProperties", {}).values():
            return inner
        extra = form.get("additionalProperties")
        if isinstance(extra, dict):
            return extra
    return None


def items(node):
    """What items may be; the one with most keys."""
    best = None
    for form in forms(node):
        inner = form.get("items")
        if isinstance(inner, dict) and (best is None or len(properties(inner)) > len(properties(best))):
            best = inner
    return best


def types(node):
    found = []
    for form in forms(node):
        kind = form.get("type", [])
        found += [kind] if isinstance(kind, str) else kind
    return found


def sample(node, depth=0):
    """Some value."""
    for form in forms(node):
        if form.get("enum"):
            return form["enum"][0]
    kinds = types(node)
    inner = properties(node)
    if inner and ("object" in kinds or not kinds):
        needed = {name for form in forms(node) for name in form.get("required", [])}
        return {name: sample(inner[name], depth + 1) for name in sorted(needed) if name in inner}
    for kind in kinds:
        if kind == "string":
            return "text"
        if kind == "boolean":
            return True
        if kind in ("integer", "number"):
            return 1
        if kind == "array":
            item = items(node)
            return [sample(item, depth + 1) if item is not None else "text"]
        if kind == "object":
            other = any_name(node)
            return {"name": sample(other, depth + 1)} if other is not None else {}
    return "text"


def walk(path, node, wrap, out):
    """`wrap` makes a document of this node's value."""
    value = next((VALUES[end] for end in VALUES if path == end or path.endswith("." + end)), None)
    out.setdefault(path, DOCUMENTS.get(path) or wrap(sample(node) if value is None else value))
    inner = properties(node)
    needed = {name for form in forms(node) for name in form.get("required", [])}
    for name, child in inner.items():
        def with_child(value, name=name):
            others = {n: sample(inner[n]) for n in sorted(needed) if n in inner and n != name}
            return wrap({**others, name: value})
        walk(f"{path}.{name}", child, with_child, out)
    other = any_name(node)
    if other is not None and properties(other):
        walk(f"{path}.*", other, lambda value: wrap({"name": value}), out)
    item = items(node)
    if item is not None and (properties(item) or any_name(item) is not None):
        walk(f"{path}[]", item, lambda value: wrap([value]), out)


out = {}
for name, inner in properties({"allOf": [{"$ref": f"#/$defs/{d}"} for d in schema["$defs"] if d.startswith("cc_")] + schema.get("allOf", [])}).items():
    walk(name, inner, lambda value, name=name: {name: value}, out)
for path in sorted(out):
    print(json.dumps({"key": path, "document": out[path]}))
