//! Starts machines for use by hand.
fn main() {}
