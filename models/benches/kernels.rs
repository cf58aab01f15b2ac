//! Each kernel at the sizes of the two networks, on one thread, and its share of the machine's peak of multiply-adds:
//! `cargo bench -p hadir-models`. With `HADIR_INSTRUCTIONS=portable` (or avx2, avx512, neon) another code than the
//! best one is measured.

use std::cell::RefCell;
use std::io::Write as _;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use hadir_models::Instructions;
use hadir_models::bench::{Case, cases, peak};

const SAMPLES: usize = 20;

fn main() {
    let instructions = std::env::var("HADIR_INSTRUCTIONS").map_or_else(
        |_| Instructions::best(),
        |name| name.parse().expect("portable, avx2, avx512 or neon"),
    );
    assert!(
        instructions.is_available(),
        "this processor has no {instructions}"
    );
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .sample_size(SAMPLES)
        .configure_from_args();
    let mut peak = peak(instructions);
    let peak_rate = measure(&mut criterion, &mut peak);
    let mut rows = Vec::new();
    for mut case in cases(instructions) {
        let rate = measure(&mut criterion, &mut case);
        rows.push((case.name, case.multiply_adds, rate));
    }
    let mut out = std::io::stdout().lock();
    let mut print = |line: String| writeln!(out, "{line}").expect("standard output");
    let Some(peak_rate) = peak_rate else {
        return; // it was filtered out, or everything was only tried
    };
    print(format!(
        "peak with {instructions}: {:.1} thousand million multiply-adds a second\n",
        peak_rate * peak.multiply_adds as f64 / 1e9
    ));
    print("| kernel | µs | share of the peak |\n| --- | ---: | ---: |".into());
    for (name, multiply_adds, rate) in rows {
        let Some(rate) = rate else { continue };
        let share = rate * multiply_adds as f64 / (peak_rate * peak.multiply_adds as f64);
        let share = if multiply_adds == 0 {
            "–".into()
        } else {
            format!("{:.0} %", 100.0 * share)
        };
        print(format!("| {name} | {:.2} | {share} |", 1e6 / rate));
    }
}

/// How often the case runs in a second: the median over the samples; `None` if it was not measured.
fn measure(criterion: &mut Criterion, case: &mut Case) -> Option<f64> {
    let rates = RefCell::new(Vec::new());
    let mut group = criterion.benchmark_group("kernels");
    if case.multiply_adds > 0 {
        group.throughput(Throughput::Elements(case.multiply_adds));
    }
    group.bench_function(case.name.as_str(), |bencher| {
        bencher.iter_custom(|runs| {
            let start = Instant::now();
            (0..runs).for_each(|_| (case.run)());
            let elapsed = start.elapsed();
            rates.borrow_mut().push(runs as f64 / elapsed.as_secs_f64());
            elapsed
        });
    });
    group.finish();
    let rates = rates.into_inner();
    // The samples are the last ones; the warm-up stands before them.
    let mut samples = rates.get(rates.len().checked_sub(SAMPLES)?..)?.to_vec();
    samples.sort_by(f64::total_cmp);
    Some(samples[SAMPLES / 2])
}
