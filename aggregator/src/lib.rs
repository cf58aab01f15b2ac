//! The aggregator: takes in what the agents see, keeps who is where, tells whoever has to know, and serves
//! the dashboard.
//!
//! `core` is the inside and does no network; `mqtt`, `web` and `commands` are its edges; `broker`, `devices`,
//! `live` and `enrolment` serve the edges.

pub mod attendance;
pub mod broker;
pub mod commands;
pub mod config;
pub mod core;
pub mod devices;
pub mod enrolment;
pub mod error;
pub mod escalation;
pub mod ingest;
pub mod live;
pub mod mqtt;
pub mod notify;
pub mod presence;
pub mod report;
pub mod schedule;
pub mod sentence;
pub mod store;
pub mod web;
