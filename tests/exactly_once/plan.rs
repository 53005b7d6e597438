//! The plan: four files and eight commands, which count themselves.

/// The steps that are commands.
pub(crate) const COMMANDS: [usize; 8] = [1, 2, 7, 8, 9, 10, 11, 12];

/// The steps that are files: number, path, how big it is.
pub(crate) const FILES: [(usize, &str, usize); 4] = [
    (3, "/srv/new/file", 8),
    (4, "/srv/large", 100_000),
    (5, "/srv/appended", 4),
    (6, "/srv/late", 4),
];

/// What file 5 is appended to.
pub(crate) const APPENDED_TO: &str = "zero\n";

/// `command` or `file`.
pub(crate) fn kind(step: usize) -> &'static str {
    if COMMANDS.contains(&step) { "command" } else { "file" }
}

/// What a file step writes.
pub(crate) fn content(size: usize) -> String {
    "0123456789abcde\n".chars().cycle().take(size).collect()
}

/// What holds a step in its middle: see [`crate::gates`].
pub(crate) fn gate(step: usize) -> String {
    match FILES.iter().find(|(number, _, _)| *number == step) {
        Some((_, path, _)) => format!("/gates/{}", path.replace('/', "_")),
        None => format!("/gates/{step}"),
    }
}

/// Whether the step replaces its shell by another program, and so has no shell state to hand on.
pub(crate) fn has_no_state(step: usize) -> bool {
    step.is_multiple_of(2)
}

/// A command appends its number to `/srv/log`, then waits at its gate, if there is one.
fn command(step: usize) -> String {
    let gate = gate(step);
    let end = if has_no_state(step) { "; exec true" } else { "" };
    format!("- echo {step} >>/srv/log; [ ! -p {gate} ] || cat {gate}{end}\n")
}

pub(crate) fn user_data() -> String {
    let list = |steps: &[usize]| -> String { steps.iter().map(|step| command(*step)).collect() };
    let file = |(step, path, size): &(usize, &str, usize)| {
        let more = match step {
            5 => ", append: true",
            6 => ", defer: true, permissions: '0600'",
            _ => "",
        };
        format!("- {{path: {path}, content: {:?}{more}}}\n", content(*size))
    };
    format!(
        "#cloud-config\nbootcmd:\n{}write_files:\n{}runcmd:\n{}",
        list(&[1, 2]),
        FILES.iter().map(file).collect::<String>(),
        list(&[7, 8, 9, 10, 11, 12])
    )
}
