//! The proxy from outside: the real binary between a browser's requests and a backend that the
//! test plays itself.

mod assets;
mod backend;
mod command;
mod count;
mod page;
mod paths;
mod proxy;
mod sharing;
