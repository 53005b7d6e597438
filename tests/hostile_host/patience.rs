//! Hosts that neither go on nor end: they are given up on, in their time, and nobody waits for them.

use crate::host::liar;
use crate::lab::{Running, target};
use crate::{Watched, end_of, honest};

/// What is said of them while the honest one is long done; then we stop waiting, as the deadline of a run would.
#[test]
fn who_says_nothing_more_is_not_waited_for_by_others() {
    for (script, reason) in [
        // Closed without a word about the plan: that it ended well is not believed.
        ("hello\nexit 0", "the host closed it"),
        ("follow\nexit 0", "the host closed it"),
        // It has ended, but its channel stays open.
        ("hello\nsleep 1000 &\nexit 0", "nothing was heard for 6 s"),
        // A byte at a time: they are no lines.
        ("hello\nwhile :; do printf x; sleep 0.1; done", "nothing was heard for 6 s"),
        ("while :; do printf x; sleep 0.1; done", "nothing was heard for 6 s"),
        // Lines, but none that mean anything.
        ("follow\nwhile :; do echo x; sleep 0.1; done", "nothing was heard for 6 s"),
    ] {
        let watched = Watched::new();
        let (honest, liar) = (honest(), liar(script));
        let (good, bad) = (target("root", &honest), target("root", &liar));
        let arguments = watched.arguments(&[bad.clone(), good.clone()], &["-o", "json"]);
        let command = watched
            .lab
            .anywhere(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let mut running = Running::start(command);
        // The other one, which does not wait; then one of many attempts.
        running.until("\"event\":\"end\"");
        running.until("\"event\":\"reconnecting\"");
        running.interrupt();
        let ran = running.end().expect(1);
        watched.check(&ran);
        assert!(ran.out.contains(reason), "{script}: {}", ran.out);
        assert_eq!(end_of(&ran, &bad)["result"], "stopped", "{script}: {}", ran.out);
        assert_eq!(end_of(&ran, &good)["result"], "provisioned", "{script}: {}", ran.out);
    }
}

#[test]
fn who_has_said_all_is_not_waited_for() {
    let watched = Watched::new();
    let script = "follow\nfor n in 1 2; do [ $n = 1 ] && id=$first || id=$second; printf 'begin %s %s 1.00 x\\nend %s %s 0 1.00\\n' \
                  $n $id $n $id; done; printf 'ran liar %s ok 2.00\\n' \"$plan\"; exec sleep 1000";
    let liar = liar(script);
    let bad = target("root", &liar);
    let ran = watched.apply(std::slice::from_ref(&bad), &["-o", "json"]).expect(0);
    // The lie that nobody can tell from the truth.
    assert_eq!(end_of(&ran, &bad)["stepsRun"], 2);
}
