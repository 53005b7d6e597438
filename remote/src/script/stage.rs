//! Which files of a plan take their places together: pure.
//!
//! To give a file its mode and to rename it are two processes on the host. For files of one folder, owner and mode that follow one
//! another, `detached/files.sh` (`a_stage`, `a_place`) does it with four for all of them.

use std::collections::HashSet;

use crate::plan::{Action, Step, WriteFile};

/// Fewer cost less each for itself.
const FEWEST: usize = 3;

/// The most that wait for each other: their paths are the arguments of one process.
const MOST: usize = 200;

/// Where a staged file stands among those that it takes its place with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The first: whatever was staged before takes its place now.
    First,
    /// A further one.
    Further,
}

impl Place {
    /// The word for it in a program.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::First => "stage",
            Self::Further => "staged",
        }
    }
}

/// For each step its place; none where it is not staged.
pub(super) fn places(steps: &[Step]) -> Vec<Option<Place>> {
    let mut places = Vec::with_capacity(steps.len());
    while let Some(rest) = steps.get(places.len()..).filter(|rest| !rest.is_empty()) {
        let length = group(rest);
        if length < FEWEST {
            places.extend(std::iter::repeat_n(None, length.max(1)));
        } else {
            places.push(Some(Place::First));
            places.extend(std::iter::repeat_n(Some(Place::Further), length - 1));
        }
    }
    places
}

/// How many steps from the first on are files of one folder, owner and mode, each with a name of its own.
fn group<'a>(steps: &'a [Step]) -> usize {
    let mut names = HashSet::new();
    let first = steps.first().and_then(staged);
    let same = |step: &&'a Step| {
        staged(step).is_some_and(|(folder, name, file)| {
            first.is_some_and(|(its, _, other)| its == folder && other.owner == file.owner && other.mode == file.mode)
                && names.insert(name)
        })
    };
    steps.iter().take(MOST).take_while(same).count()
}

/// Folder and name of a file that can be staged.
fn staged(step: &Step) -> Option<(&[u8], &[u8], &WriteFile)> {
    match &step.action {
        Action::WriteFile(file) if !file.append => {
            let (folder, name) = file.path.split_at(file.path.iter().rposition(|byte| *byte == b'/')?);
            Some((folder, name, file))
        }
        Action::WriteFile(_)
        | Action::CopyFile(_)
        | Action::Command(_)
        | Action::Script(_)
        | Action::Ensure(_)
        | Action::Remove { .. }
        | Action::Expect { .. }
        | Action::Undo
        | Action::Prove => None,
    }
}
