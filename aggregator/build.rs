//! The dashboard is compiled into the binary; a changed file of it has to make a new binary.

fn main() {
    println!("cargo:rerun-if-changed=../dashboard");
    println!("cargo:rerun-if-changed=build.rs");
}
