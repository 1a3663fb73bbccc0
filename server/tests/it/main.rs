//! Tests of the binary, over its port.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod access;
mod contract;
mod crash;
#[path = "../../../services/tests/it/database.rs"]
mod database;
mod exchange;
mod future;
mod pages;
mod rest;
mod security;
mod site;
mod socket;
mod start;
mod support;
