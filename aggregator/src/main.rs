//! `hadir-aggregator`: see the library of the same name.

fn main() -> std::process::ExitCode {
    hadir_aggregator::commands::main()
}
