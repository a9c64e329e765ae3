//! The core from outside: its rules, its invariants, and a naive model to compare with.

mod accounts;
mod admission;
mod many;
mod model;
mod parties;
mod properties;
mod remembered;
mod rules;
mod sources;
