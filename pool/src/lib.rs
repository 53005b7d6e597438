//! Which pool entry serves which claim, and when an entry is free again.
//!
//! An **entry** is a machine that waits in a pool (a PooledRemoteMachine), a **claim** is who wants one (a RemoteMachine that
//! names the pool). This crate knows neither Kubernetes nor SSH, does no I/O and reads no clock: all that was seen comes in as
//! values, and what is to be done goes out as values. It decides three things, each by one pure function:
//!
//! - [`assign()`]: which free entry each waiting claim gets, all at once, so that two claims of one pass never want the same entry;
//! - [`entry_next`]: what becomes of an entry, from its state and what was seen;
//! - [`claim_next`]: what a claim is to do, from itself and its entry's state.
//!
//! # What makes it safe
//!
//! An entry's state is the only authority on who has the host. It is stored with the entry and written by compare-and-swap, so that
//! of two writers with the same picture one fails. A claim also names its entry, but that is a note for the reader and a way back
//! when an entry's state was lost, never a title. Whoever acts on a host first reads entry and claim themselves, not a cache
//! ([`may_provision`], [`may_clean`]). And the host has the last word: it carries its owner's name and refuses all others.
//!
//! ```text
//!           assign                named              deleted          stopped
//!   Free ----------> Reserved ----------> Bound ----------> Releasing ----------> Cleaning
//!    ^  ^               | never named       | refused by the host                  |    |
//!    |  +---------------+                   v                          proven clean|    | not proven
//!    |                                 Quarantined <-------------------------------|----+
//!    |              accepted                |  ^ retry: Cleaning                   v
//!    +--------------------------------------+--+------------------------------ Verified
//! ```

pub mod assign;
mod claim;
mod claim_next;
mod endpoint;
mod entry;
mod entry_next;
mod retry;
mod selector;
mod state;

pub use assign::{Matching, Reservation, Waiting, Why, assign};
pub use claim::{Claim, ClaimId, Named};
pub use claim_next::{ClaimAction, claim_next, may_provision};
pub use endpoint::{Endpoint, NoEndpoint};
pub use entry::{Entry, EntryId, Pool};
pub use entry_next::{Action, ClaimSeen, Decision, Names, Observed, Orders, Outcome, Work, entry_next, may_clean};
pub use retry::Retry;
pub use selector::{Requirement, Selector};
pub use state::{Reason, State, Verification};
