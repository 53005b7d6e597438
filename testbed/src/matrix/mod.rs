//! The matrix: every way to log in, every way to become root, every shell and every init system, each with each, on machines that
//! run; `testbed matrix` prints it, and a test goes through the same.
//!
//! The shell and the init system make a machine; who logs in to it, and how, are users and keys that it has beside each other. So
//! one call of `anywhere` serves all machines at once with one way to log in and one way to become root.

mod cell;
mod credentials;
mod round;
mod table;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use nix::sched::{CloneFlags, unshare};

use crate::error::TestbedError;
use crate::keys::Keys;
use crate::machine::Machine;
use crate::program::{succeed, with_deadline};
use crate::spec::{Kind, MachineSpec, Shell, User};

pub use cell::{Cell, Login, Privilege};
pub use table::table;

/// The password of every user, and another one of root: so that neither is taken for the other.
const PASSWORD: &str = "matrix-of-the-user";
const ROOT_PASSWORD: &str = "matrix-of-root";

/// The init systems, as kinds of machines.
pub const INITS: [Kind; 3] = [Kind::SshdOnly, Kind::Systemd, Kind::OpenRc];

/// Goes through the whole matrix with this binary; each cell with why it failed, if it did.
///
/// The machines are in a network of their own: a reset proves that no port of a node is left, and whatever else runs on this host
/// may open one.
///
/// # Errors
/// When the network, the machines or their keys cannot be made.
pub fn run(anywhere: &Path) -> Result<Vec<(Cell, Option<String>)>, TestbedError> {
    // What a thread has unshared, the threads and processes that it starts share (unshare(2)), and nobody else.
    std::thread::scope(|scope| {
        let apart = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|error| TestbedError::io("make a network")(error.into()))?;
            succeed(
                with_deadline("ip").args(["link", "set", "lo", "up"]),
                b"",
                "ip link set lo up",
            )?;
            go_through(anywhere)
        });
        apart
            .join()
            .unwrap_or_else(|_| Err(TestbedError::Spec("the matrix panicked".to_owned())))
    })
}

fn go_through(anywhere: &Path) -> Result<Vec<(Cell, Option<String>)>, TestbedError> {
    let keys = Keys::of_this_process()?;
    let login_keys = Login::ALL
        .iter()
        .map(|login| credentials::key(keys, *login))
        .collect::<Result<Vec<_>, _>>()?;
    let accepted = credentials::accepted(keys)?;
    let places: Vec<(Shell, Kind)> = Shell::ALL.iter().flat_map(|shell| INITS.map(|init| (*shell, init))).collect();
    let specs: Vec<_> = places.iter().map(|(shell, init)| spec(*shell, *init, &accepted)).collect();
    let machines = Machine::start_many(&specs).into_iter().collect::<Result<Vec<_>, _>>()?;
    let site = round::Site {
        anywhere,
        places: &places,
        machines: &machines,
    };
    // Who does not become root has a memory of its own on the host; all others share root's.
    let lanes = [true, false].map(|is_root| {
        let privileges = Privilege::ALL
            .into_iter()
            .filter(move |privilege| privilege.is_root() == is_root);
        let logins = Login::ALL.into_iter().zip(&login_keys);
        let rounds = logins.flat_map(|(login, key)| privileges.clone().map(move |privilege| (login, key.as_deref(), privilege)));
        rounds.collect::<Vec<_>>()
    });
    let (site, results) = (&site, Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        // What the two leave on a machine is apart.
        for lane in &lanes {
            let results = &results;
            scope.spawn(move || {
                for (login, key, privilege) in lane {
                    let cells = site.round(*login, *key, *privilege);
                    results.lock().unwrap_or_else(PoisonError::into_inner).extend(cells);
                }
            });
        }
    });
    Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// A machine with every user of the matrix.
fn spec(shell: Shell, init: Kind, accepted: &[String]) -> MachineSpec {
    let users = Privilege::ALL.iter().filter(|privilege| **privilege != Privilege::Root);
    MachineSpec {
        shell,
        users: users
            .clone()
            .map(|privilege| User {
                name: privilege.user().to_owned(),
                password: Some(PASSWORD.to_owned()),
                ..User::default()
            })
            .collect(),
        sudoers: users.filter_map(|privilege| privilege.sudoers()).collect(),
        doas: Some(format!("permit nopass {}", Privilege::Doas.user())),
        root_password: Some(ROOT_PASSWORD.to_owned()),
        authorized_keys: accepted.to_vec(),
        sshd_config: credentials::sshd_config(),
        ..MachineSpec::of_kind(init)
    }
}
