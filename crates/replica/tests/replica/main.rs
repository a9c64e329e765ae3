//! A replica from outside: its rules, several on one journal, and journals that are copied.

mod audit;
mod capacity;
mod copy;
mod harness;
mod limits;
mod only_asking;
mod overdue;
mod replicas;
mod rules;
mod snapshots;
