#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| remote::fuzzing::run("answer", data));
