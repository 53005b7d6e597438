//! The matrix of `testbed matrix`: each way to log in, way to become root, shell and init system with each.
#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

use std::path::Path;

use testbed::matrix;

#[test]
fn every_cell_passes() {
    let results = matrix::run(Path::new(env!("CARGO_BIN_EXE_anywhere"))).unwrap();
    let table = matrix::table(&results);
    assert!(results.iter().all(|(_, why)| why.is_none()), "{table}");
    let cells = matrix::Login::ALL.len() * matrix::Privilege::ALL.len() * testbed::Shell::ALL.len() * matrix::INITS.len();
    assert_eq!(results.len(), cells, "{table}");
}
