//! The core from outside: its rules, its invariants, and a naive model to compare with.

mod model;
mod properties;
mod rules;
