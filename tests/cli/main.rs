//! The program as its users meet it: help, answers, documents, failures, exit codes.
#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;

mod demo;
mod documents;
mod failures;
#[path = "../inject/health.rs"]
mod health;
mod help;
mod pause;
mod permission;
mod quiet;
mod run;
mod session;
