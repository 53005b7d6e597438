//! The command line that a program enters a host by.

use crate::secret::Secret;

/// The command line that takes a program of so many bytes from its stdin and runs it. The same for every host, without any
/// secret, and readable by every login shell: no backslash, no exclamation mark, one line.
#[must_use]
pub fn enter(program: &Secret) -> String {
    // Only root may use the first two: that they are denied to others says nothing, so what went wrong otherwise is what is told.
    format!(
        "/bin/sh -c 'umask 077; LC_ALL=C${{YASH_VERSION:+.UTF-8}}; PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH; export LC_ALL PATH; \
         u=; e=; read -r u </proc/sys/kernel/random/uuid; \
         for b in /run/anywhere /var/lib/anywhere/run \"$HOME/.local/state/anywhere/run\"; do d=$b/run.$$.${{u%%-*}}; \
         m=$(mkdir -p \"$d\" 2>&1) && break; d=; case $m in *denied*);; *) [ -n \"$e\" ] || {{ e=$m; f=$b; }};; esac; done; \
         [ -n \"$d\" ] || {{ e=${{e:-$m}}; w=state; case $e in *Read-only*) w=\"readonly\"; e=\"$e; mount it read-write\";; \
         *\"No space\"*) w=space; e=\"$e; free some\"; until [ -d \"$f/\" ] || [ \"$f\" = \"${{f%/*}}\" ]; do f=${{f%/*}}; done; \
         case $(df -P -i \"$f/\" 2>/dev/null) in *\" 100% \"*) \
         w=inodes; e=\"no inodes are left on $f; remove some files there\";; esac;; esac; echo \"fail $w $e\"; exit 1; }}; \
         head -c {} >\"$d/program\" || {{ echo \"fail space no space is left for $d; free some\"; rm -rf \"$d\"; exit 1; }}; \
         A_SELF=$d/program; . \"$A_SELF\"'",
        program.len()
    )
}
