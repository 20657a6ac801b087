//! The agent between clients and a collector: what goes in comes out, or is counted.

mod beside;
mod compact;
mod datagrams;
mod disk;
mod encoding;
mod malformed;
mod passing_on;
mod what_to_sample;
