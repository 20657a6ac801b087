//! `jaeger.storage.v2`, called as a stock Jaeger calls it.

mod client;
mod answers;
mod searching;
mod refusals;
mod exactness;
mod goldens;
