//! The `spoor` binary: one subcommand per role.

fn main() {}
