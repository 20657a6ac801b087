#!/bin/sh
# rustc for the packages of this workspace, as RUSTC_WORKSPACE_WRAPPER: with what libFuzzer needs to
# see which code an input reaches, which stable Rust has, and with the checks of a debug build.
# Their dependencies stay as they are built for everything else.
case " $* " in
*" --crate-name build_script_build "* | *" --crate-type proc-macro "*) exec "$@" ;;
*" --crate-type lib "* | *" --crate-name fuzz "*) ;;
*) exec "$@" ;;
esac
exec "$@" -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Copt-level=2 -Cdebug-assertions=on -Coverflow-checks=on
