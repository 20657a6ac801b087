//! receive → decode → validate → enrich → encode → publish

pub mod decode;
