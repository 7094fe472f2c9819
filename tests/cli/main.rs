//! The program as its users meet it: help, answers, documents, failures, exit codes.
#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;

mod check;
mod demo;
mod documents;
mod exec;
mod failures;
mod graph;
#[path = "../inject/health.rs"]
mod health;
mod held;
mod help;
mod pause;
mod permission;
mod progress;
mod quiet;
mod run;
mod session;
mod traces;
