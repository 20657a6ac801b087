//! receive → decode → validate → enrich → encode → publish

pub mod config;
pub mod decode;
pub mod validate;
pub mod enrich;
