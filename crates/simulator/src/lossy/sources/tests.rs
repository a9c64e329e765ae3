//! Whole small worlds of sources.
