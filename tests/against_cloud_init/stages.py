"""Runs cloud-init's boot stages one after the other, as its systemd units do: each a process of its own. Only loading is shared."""
import os
import sys

sys.path.insert(0, "/opt/cloud-init/usr/lib/python3/dist-packages")
from cloudinit.cmd.main import main  # noqa: E402

os.umask(0o022)
os.chdir("/")
for stage in ["init", "--local"], ["init"], ["modules", "--mode=config"], ["modules", "--mode=final"]:
    child = os.fork()
    if not child:
        status = 1
        try:
            status = main(["cloud-init", *stage])
        finally:
            sys.stdout.flush()
            os._exit(status or 0)
    os.waitpid(child, 0)
