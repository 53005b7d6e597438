//! The `anywhere` binary.
fn main() {}
