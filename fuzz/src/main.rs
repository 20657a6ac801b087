//! One decoder under libFuzzer: bytes in; spans, or an error, out. `SPOOR_FUZZ_TARGET` says which one.
//!
//! That memory stays bounded is libFuzzer's to watch (`-malloc_limit_mb`, `-rss_limit_mb`), that time
//! does as well (`-timeout`).

#![no_main]

mod target;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use target::Target;

fuzz_target!(|data: &[u8]| {
    static TARGET: OnceLock<Target> = OnceLock::new();
    TARGET.get_or_init(Target::from_environment).take(data);
});
