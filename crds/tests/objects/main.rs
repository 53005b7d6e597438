//! Objects of every kind, read, written and converted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // a test that cannot be set up fails

mod arbitrary;
mod conversion;
mod types;
