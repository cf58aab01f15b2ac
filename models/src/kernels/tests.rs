//! Every kernel against the plainest way of writing it, with every instruction set of this machine, at sizes that
//! are multiples of nothing.

use proptest::prelude::*;

use super::*;
use crate::Instructions;
use crate::kernels::product::{Matrix, Places, Product};
use crate::kernels::rows::{AddDoubled, Halve};

/// Numbers between -1 and 1 that look random and are always the same.
pub(crate) fn noise(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

pub(crate) fn prelu(x: f32, slope: f32) -> f32 {
    if x > 0.0 { x } else { slope * x }
}

/// Bias and slope for the plain computation, and both for the kernel.
fn finish(channels: usize, seed: u32) -> (Vec<f32>, Vec<f32>, Finish) {
    let (bias, slope) = (noise(channels, seed), noise(channels, seed + 1));
    let finish = Finish::new(bias.clone(), slope.clone());
    (bias, slope, finish)
}

fn assert_close(found: &[f32], expected: &[f32], what: impl std::fmt::Debug) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        // Sums of up to a few thousand products of numbers up to 1.
        let close = (found - expected).abs() <= 1e-4 * expected.abs().max(1.0);
        assert!(close, "{found} is not {expected} at {i}: {what:?}");
    }
}

/// The kernels under Miri are as many as its patience allows.
fn cases() -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 96 },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Filled behind the part that a kernel may write to; it has to be there afterwards.
const GUARD: f32 = 12_345.0;

/// So many numbers, and a guard.
fn guarded(len: usize) -> Vec<f32> {
    vec![GUARD; len + LANES]
}

/// The numbers before the guard, which has to be there still.
fn unguarded(out: &[f32]) -> &[f32] {
    let (numbers, guard) = out.split_at(out.len() - LANES);
    assert!(guard.iter().all(|x| *x == GUARD), "written behind the end");
    numbers
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn product(
        pixels in 0usize..40,
        inner in 1usize..70,
        panels in 1usize..6,
        gap in 0usize..20,
        plain: bool,
        seed in 0u32..1000,
    ) {
        let cols = panels * LANES;
        let (bias, mut slope, mut finish) = finish(cols, seed);
        if plain {
            slope.fill(1.0);
            finish = Finish::new(bias.clone(), slope.clone());
        }
        let (weights, a) = (noise(cols * inner, seed + 2), noise(pixels * inner, seed + 3));
        let matrix = Matrix::new(&weights, inner, finish);
        // From the last pixel to the first, with gaps between them.
        let places: Vec<usize> = (0..pixels).rev().map(|i| i * (cols + gap)).collect();
        let len = pixels * (cols + gap);
        let mut expected = vec![GUARD; len + 1];
        for (pixel, place) in places.iter().enumerate() {
            for o in 0..cols {
                let sum: f32 = (0..inner).map(|i| a[pixel * inner + i] * weights[o * inner + i]).sum();
                expected[place + o] = prelu(sum + bias[o], slope[o]);
            }
        }
        for instructions in Instructions::available() {
            let mut out = vec![GUARD; len + 1];
            instructions.run(Product { a: &a, matrix: &matrix, out: &mut out, places: Places::Listed(&places) });
            assert_close(&out, &expected, instructions);
            let mut even = vec![GUARD; pixels * cols + 1];
            instructions.run(Product { a: &a, matrix: &matrix, out: &mut even, places: Places::Even { pixels } });
            prop_assert_eq!(even[pixels * cols], GUARD);
            for (pixel, place) in places.iter().enumerate() {
                prop_assert_eq!(&even[pixel * cols..][..cols], &out[*place..][..cols]);
            }
        }
    }

    #[test]
    fn depthwise(cols in 1usize..40, chunks in 1usize..5, step in 1usize..3, seed in 0u32..1000) {
        let channels = chunks * LANES;
        let (bias, slope, finish) = finish(channels, seed);
        let taps = noise(9 * channels, seed + 2);
        let weights = super::depthwise::Weights::new(&taps, &finish);
        let len = ((cols - 1) * step + 3) * channels;
        let rows = [noise(len, seed + 3), noise(len, seed + 4), noise(len, seed + 5)];
        let mut expected = Vec::new();
        for (x, c) in (0..cols * channels).map(|i| (i / channels, i % channels)) {
            let mut sum = bias[c];
            for (ky, kx) in (0..9).map(|i| (i / 3, i % 3)) {
                sum += rows[ky][(x * step + kx) * channels + c] * taps[c * 9 + 3 * ky + kx];
            }
            expected.push(prelu(sum, slope[c]));
        }
        for instructions in Instructions::available() {
            let mut out = guarded(cols * channels);
            instructions.run(super::depthwise::Row {
                rows: rows.each_ref().map(Vec::as_slice),
                weights: &weights,
                step,
                out: &mut out[..cols * channels],
            });
            assert_close(unguarded(&out), &expected, (instructions, cols, channels, step));
        }
    }

    #[test]
    fn first_convolution(cols in 1usize..40, panels in 1usize..4, step in 1usize..3, seed in 0u32..1000) {
        let channels = panels * LANES;
        let (bias, slope, finish) = finish(channels, seed);
        let taps = noise(27 * channels, seed + 2);
        let weights = first::Weights::new(&taps, finish);
        let len = ((cols - 1) * step + 3) * 3;
        let rows = [noise(len, seed + 3), noise(len, seed + 4), noise(len, seed + 5)];
        let mut expected = Vec::new();
        for (x, o) in (0..cols * channels).map(|i| (i / channels, i % channels)) {
            let mut sum = bias[o];
            for (ky, kx, c) in (0..27).map(|i| (i / 9, i / 3 % 3, i % 3)) {
                sum += rows[ky][(x * step + kx) * 3 + c] * taps[((o * 3 + c) * 3 + ky) * 3 + kx];
            }
            expected.push(prelu(sum, slope[o]));
        }
        for instructions in Instructions::available() {
            let mut out = guarded(cols * channels);
            instructions.run(first::Row {
                rows: rows.each_ref().map(Vec::as_slice),
                weights: &weights,
                step,
                out: &mut out[..cols * channels],
            });
            assert_close(unguarded(&out), &expected, (instructions, cols, channels, step));
        }
    }

    #[test]
    fn dense(inputs in 1usize..9, outputs in 1usize..11, pictures in 0usize..6, seed in 0u32..1000) {
        let len = inputs * LANES;
        let halves: Vec<half::f16> = noise(outputs * len, seed).into_iter().map(half::f16::from_f32).collect();
        let weights = dense::Weights {
            halves: halves.iter().map(|h| h.to_bits()).collect(),
            bias: noise(outputs, seed + 1),
        };
        let input = noise(pictures * len, seed + 2);
        let mut expected = Vec::new();
        for (o, i) in (0..outputs * pictures).map(|n| (n / pictures, n % pictures)) {
            let dot: f32 = (0..len).map(|k| input[i * len + k] * halves[o * len + k].to_f32()).sum();
            expected.push(dot + weights.bias[o]);
        }
        for instructions in Instructions::available() {
            // In two parts, as threads share it out.
            let middle = outputs / 2;
            let mut out = guarded(outputs * pictures);
            let (upper, lower) = out[..outputs * pictures].split_at_mut(middle * pictures);
            for (first, out) in [(0, upper), (middle, lower)] {
                instructions.run(dense::Dense { weights: &weights, input: &input, pictures, first, out });
            }
            assert_close(unguarded(&out), &expected, instructions);
        }
    }

    #[test]
    fn halving_and_doubling(cols in 0usize..20, odd in 0usize..2, chunks in 1usize..5, seed in 0u32..1000) {
        let channels = chunks * LANES;
        let wide = (2 * cols + odd) * channels;
        let (upper, lower) = (noise(wide, seed), noise(wide, seed + 1));
        let at = |row: &[f32], x: usize, c: usize| row[x * channels + c];
        let cells = || (0..cols * channels).map(|i| (i / channels, i % channels));
        let halved: Vec<f32> = cells()
            .map(|(x, c)| {
                let left = at(&upper, 2 * x, c).max(at(&lower, 2 * x, c));
                left.max(at(&upper, 2 * x + 1, c)).max(at(&lower, 2 * x + 1, c))
            })
            .collect();
        let fine = &upper[..2 * cols * channels];
        let doubled: Vec<f32> = (0..fine.len())
            .map(|i| fine[i] + at(&halved, i / channels / 2, i % channels))
            .collect();
        for instructions in Instructions::available() {
            let mut out = guarded(cols * channels);
            instructions.run(Halve { rows: [&upper, &lower], channels, out: &mut out[..cols * channels] });
            assert_close(unguarded(&out), &halved, instructions);
            let mut out = guarded(fine.len());
            instructions.run(AddDoubled { fine, coarse: &halved, channels, out: &mut out[..fine.len()] });
            assert_close(unguarded(&out), &doubled, instructions);
        }
    }

    #[test]
    fn pixels(len in 0usize..100, scale in -2.0f32..2.0, offset in -2.0f32..2.0) {
        let bytes: Vec<u8> = (0..len).map(|i| (i * 37) as u8).collect();
        let expected: Vec<f32> = bytes.iter().map(|b| f32::from(*b) * scale + offset).collect();
        for instructions in Instructions::available() {
            let mut out = guarded(len);
            instructions.run(super::pixels::Convert { pixels: &bytes, scale, offset, out: &mut out[..len] });
            assert_close(unguarded(&out), &expected, instructions);
            let mut sums = vec![offset; len];
            instructions.run(super::pixels::Accumulate { pixels: &bytes, weight: scale, sums: &mut sums });
            assert_close(&sums, &expected, instructions);
        }
    }
}

#[test]
fn what_is_no_number_stays_where_it_is() {
    // A pixel that is no number spoils the three windows that see it, and nothing else.
    let weights = super::depthwise::Weights::new(&noise(9 * LANES, 1), &finish(LANES, 2).2);
    let mut middle = noise(12 * LANES, 3);
    middle[5 * LANES..6 * LANES].fill(f32::NAN);
    let other = noise(12 * LANES, 4);
    for instructions in Instructions::available() {
        let mut out = vec![0.0; 10 * LANES];
        instructions.run(super::depthwise::Row {
            rows: [&other, &middle, &other],
            weights: &weights,
            step: 1,
            out: &mut out,
        });
        for (x, pixel) in out.chunks(LANES).enumerate() {
            let spoilt = (3..=5).contains(&x);
            assert!(
                pixel.iter().all(|v| v.is_nan() == spoilt),
                "{instructions} {x}: {pixel:?}"
            );
        }
    }
}

#[test]
fn a_product_of_many_input_channels() {
    const INNER: usize = 1024;
    let (bias, slope, finish) = finish(2 * LANES, 1);
    let (weights, a) = (noise(2 * LANES * INNER, 2), noise(13 * INNER, 3));
    let matrix = Matrix::new(&weights, INNER, finish);
    let mut expected = Vec::new();
    for (pixel, o) in (0..13 * 2 * LANES).map(|i| (i / (2 * LANES), i % (2 * LANES))) {
        let sum: f64 = (0..INNER)
            .map(|i| f64::from(a[pixel * INNER + i]) * f64::from(weights[o * INNER + i]))
            .sum();
        expected.push(prelu(sum as f32 + bias[o], slope[o]));
    }
    for instructions in Instructions::available() {
        let mut out = guarded(expected.len());
        instructions.run(Product {
            a: &a,
            matrix: &matrix,
            out: &mut out,
            places: Places::Even { pixels: 13 },
        });
        assert_close(unguarded(&out), &expected, instructions);
    }
}

#[test]
fn places_outside_are_refused() {
    let matrix = Matrix::new(&noise(LANES, 1), 1, finish(LANES, 2).2);
    for places in [vec![0, 1], vec![usize::MAX - LANES + 1, 0], vec![usize::MAX, 0]] {
        let refused = std::panic::catch_unwind(|| {
            let mut out = [0.0; LANES];
            Instructions::best().run(Product {
                a: &[1.0; 2],
                matrix: &matrix,
                out: &mut out,
                places: Places::Listed(&places),
            });
        });
        assert!(refused.is_err(), "{places:?}");
    }
    let refused = std::panic::catch_unwind(|| {
        let places = Places::Even { pixels: 1 << 60 };
        let (a, out) = (&[], &mut []);
        Instructions::best().run(Product {
            a,
            matrix: &matrix,
            out,
            places,
        });
    });
    assert!(refused.is_err());
}

#[test]
fn rows_that_are_too_short_are_refused() {
    let weights = super::depthwise::Weights::new(&noise(9 * LANES, 1), &finish(LANES, 2).2);
    let row = noise(5 * LANES, 3);
    let run = |out_pixels: usize, step: usize| {
        let mut out = vec![0.0; out_pixels * LANES];
        Instructions::best().run(super::depthwise::Row {
            rows: [&row, &row, &row],
            weights: &weights,
            step,
            out: &mut out,
        });
    };
    run(3, 1);
    run(2, 2);
    for (out_pixels, step) in [(4, 1), (3, 2), (0, 1), (1, 0), (1, 3)] {
        let refused = std::panic::catch_unwind(|| run(out_pixels, step));
        assert!(refused.is_err(), "{out_pixels} {step}");
    }
}

#[test]
fn sixteen_bit_floats_are_widened_exactly() {
    for bits in 0..=u16::MAX {
        let expected = half::f16::from_bits(bits).to_f32();
        let [found] = binary16::widen([bits]);
        assert!(
            found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan(),
            "{bits:x}: {found} is not {expected}"
        );
    }
}
