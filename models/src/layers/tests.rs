//! Every layer against the plainest way of writing it, at sizes that are multiples of nothing.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::*;
use crate::Threads;

/// Numbers between -1 and 1 that look random and are always the same.
fn noise(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

fn tensor(values: &[f32], shape: impl Into<Shape>) -> Tensor {
    Tensor::from_slice(values, shape, &Device::Cpu).expect("shape fits")
}

fn weights(parts: &[(&str, &[f32], &[usize])]) -> VarBuilder<'static> {
    let parts = parts
        .iter()
        .map(|(name, values, shape)| (name.to_string(), tensor(values, *shape)));
    VarBuilder::from_tensors(parts.collect::<HashMap<_, _>>(), DType::F32, &Device::Cpu)
}

fn check(found: &Tensor, shape: &[usize], expected: &[f32]) {
    assert_eq!(found.dims(), shape);
    let found: Vec<f32> = found.flatten_all().and_then(|t| t.to_vec1()).expect("numbers");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() < 1e-4,
            "{found} is not {expected} at {i}"
        );
    }
}

/// Calls `each` with one and with three threads.
fn with_threads(each: impl Fn(&Threads)) {
    each(&Threads::ONE);
    each(&Threads::new(3).expect("threads"));
}

/// Sizes: batch, height, width.
const SIZES: [(usize, usize, usize); 7] = [
    (1, 1, 1),
    (1, 1, 5),
    (2, 2, 1),
    (1, 2, 2),
    (1, 3, 3),
    (2, 7, 11),
    (3, 16, 9),
];

fn prelu(x: f32, slope: f32) -> f32 {
    if x > 0.0 { x } else { slope * x }
}

/// A 3×3 convolution with one pixel of padding: `tap(pixel channels, ky, kx, output channel)` sums one neighbour.
#[allow(clippy::too_many_arguments)] // a naive loop has this many sizes
fn naive(
    input: &[f32],
    (batch, height, width): (usize, usize, usize),
    (inputs, outputs): (usize, usize),
    stride: usize,
    bias: &[f32],
    slope: &[f32],
    tap: impl Fn(&[f32], usize, usize, usize) -> f32,
) -> Vec<f32> {
    let mut out = Vec::new();
    for n in 0..batch {
        for y in (0..height).step_by(stride) {
            for x in (0..width).step_by(stride) {
                for o in 0..outputs {
                    let mut sum = bias[o];
                    for (ky, kx) in (0..9).map(|i| (i / 3, i % 3)) {
                        let (yy, xx) = ((y + ky).wrapping_sub(1), (x + kx).wrapping_sub(1));
                        if yy < height && xx < width {
                            sum += tap(
                                &input[((n * height + yy) * width + xx) * inputs..][..inputs],
                                ky,
                                kx,
                                o,
                            );
                        }
                    }
                    out.push(prelu(sum, slope[o]));
                }
            }
        }
    }
    out
}

#[test]
fn depthwise() {
    const C: usize = 48;
    let (weight, bias, slope) = (noise(C * 9, 1), noise(C, 2), noise(C, 3));
    let vb = weights(&[
        ("weight", &weight, &[C, 3, 3]),
        ("bias", &bias, &[C]),
        ("slope", &slope, &[C]),
    ]);
    with_threads(|threads| {
        for size @ (batch, height, width) in SIZES {
            for stride in [Stride::One, Stride::Two] {
                let layer = DepthwiseConv3x3::new(&vb, C, stride, Activation::Prelu, threads).expect("layer");
                let input = noise(batch * height * width * C, 4);
                let expected = naive(
                    &input,
                    size,
                    (C, C),
                    stride as usize,
                    &bias,
                    &slope,
                    |pixel, ky, kx, o| pixel[o] * weight[o * 9 + ky * 3 + kx],
                );
                let found = tensor(&input, (batch, height, width, C))
                    .apply_op1_no_bwd(&layer)
                    .expect("runs");
                check(
                    &found,
                    &[batch, stride.out(height), stride.out(width), C],
                    &expected,
                );
            }
        }
    });
}

#[test]
fn first_convolution() {
    const O: usize = 32;
    let (weight, bias, slope) = (noise(O * 27, 1), noise(O, 2), noise(O, 3));
    let vb = weights(&[
        ("weight", &weight, &[O, 3, 3, 3]),
        ("bias", &bias, &[O]),
        ("slope", &slope, &[O]),
    ]);
    with_threads(|threads| {
        for size @ (batch, height, width) in SIZES {
            for stride in [Stride::One, Stride::Two] {
                let layer = Conv3x3::new(&vb, O, stride, Activation::Prelu, threads).expect("layer");
                let input = noise(batch * height * width * 3, 4);
                let expected = naive(
                    &input,
                    size,
                    (3, O),
                    stride as usize,
                    &bias,
                    &slope,
                    |pixel, ky, kx, o| {
                        (0..3)
                            .map(|c| pixel[c] * weight[((o * 3 + c) * 3 + ky) * 3 + kx])
                            .sum()
                    },
                );
                let found = tensor(&input, (batch, height, width, 3))
                    .apply_op1_no_bwd(&layer)
                    .expect("runs");
                check(
                    &found,
                    &[batch, stride.out(height), stride.out(width), O],
                    &expected,
                );
            }
        }
    });
}

#[test]
fn pointwise() {
    const I: usize = 32;
    const O: usize = 48;
    let (weight, bias) = (noise(O * I, 1), noise(O, 2));
    let vb = weights(&[("weight", &weight, &[O, I]), ("bias", &bias, &[O])]);
    with_threads(|threads| {
        for (batch, height, width) in SIZES {
            for (activation, slope) in [(Activation::Identity, 1.0), (Activation::Relu, 0.0)] {
                let layer = Pointwise::new(&vb, I, O, activation, threads).expect("layer");
                let input = noise(batch * height * width * I, 4);
                let mut expected = Vec::new();
                for pixel in input.chunks(I) {
                    for o in 0..O {
                        let sum: f32 = (0..I).map(|i| pixel[i] * weight[o * I + i]).sum();
                        expected.push(prelu(sum + bias[o], slope));
                    }
                }
                let found = tensor(&input, (batch, height, width, I))
                    .apply_op1_no_bwd(&layer)
                    .expect("runs");
                check(&found, &[batch, height, width, O], &expected);
            }
        }
    });
}

#[test]
fn linear() {
    const I: usize = 192;
    const O: usize = 5;
    let (weight, bias) = (noise(O * I, 1), noise(O, 2));
    let vb = weights(&[("weight", &weight, &[O, I]), ("bias", &bias, &[O])]);
    with_threads(|threads| {
        let layer = Linear::new(&vb, I, O, threads).expect("layer");
        for batch in 1..4 {
            let input = noise(batch * I, 4);
            let mut expected = Vec::new();
            for row in input.chunks(I) {
                expected.extend(
                    (0..O).map(|o| bias[o] + (0..I).map(|i| row[i] * weight[o * I + i]).sum::<f32>()),
                );
            }
            let found = tensor(&input, (batch, 3, 64))
                .apply_op1_no_bwd(&layer)
                .expect("runs");
            check(&found, &[batch, O], &expected);
        }
    });
}

#[test]
fn halving_and_doubling() {
    const C: usize = 16;
    with_threads(|threads| {
        for (batch, height, width) in SIZES {
            let (rows, cols) = (height / 2, width / 2);
            let input = noise(batch * height * width * C, 1);
            let at = |n: usize, y: usize, x: usize, c: usize| input[((n * height + y) * width + x) * C + c];
            let mut expected = Vec::new();
            for i in 0..batch * rows * cols * C {
                let (c, x, y, n) = (i % C, i / C % cols, i / C / cols % rows, i / C / cols / rows);
                let window =
                    [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(dy, dx)| at(n, 2 * y + dy, 2 * x + dx, c));
                expected.push(window.into_iter().fold(f32::MIN, f32::max));
            }
            let pool = MaxPool2x2 {
                threads: threads.clone(),
            };
            let pooled = tensor(&input, (batch, height, width, C))
                .apply_op1_no_bwd(&pool)
                .expect("runs");
            check(&pooled, &[batch, rows, cols, C], &expected);

            let (tall, wide) = (2 * height, 2 * width);
            let large = noise(batch * tall * wide * C, 2);
            let mut expected = large.clone();
            for (i, sum) in expected.iter_mut().enumerate() {
                let (c, x, y, n) = (i % C, i / C % wide, i / C / wide % tall, i / C / wide / tall);
                *sum += at(n, y / 2, x / 2, c);
            }
            let upsample = UpsampleAdd {
                threads: threads.clone(),
            };
            let small = tensor(&input, (batch, height, width, C));
            let found = tensor(&large, (batch, tall, wide, C)).apply_op2_no_bwd(&small, &upsample);
            check(&found.expect("runs"), &[batch, tall, wide, C], &expected);
        }
    });
}

#[test]
fn wrong_shapes_are_errors() {
    let vb = weights(&[("weight", &[0.0; 144], &[16, 3, 3]), ("bias", &[0.0; 16], &[16])]);
    let layer = DepthwiseConv3x3::new(&vb, 16, Stride::One, Activation::Relu, &Threads::ONE).expect("layer");
    for shape in [vec![1, 4, 4, 32], vec![4, 4, 16]] {
        let input = Tensor::zeros(shape, DType::F32, &Device::Cpu).expect("zeros");
        assert!(input.apply_op1_no_bwd(&layer).is_err());
    }
    let turned = Tensor::zeros((1, 16, 4, 4), DType::F32, &Device::Cpu).and_then(|t| t.permute((0, 2, 3, 1)));
    assert!(turned.expect("turned").apply_op1_no_bwd(&layer).is_err());
    assert!(DepthwiseConv3x3::new(&vb, 32, Stride::One, Activation::Relu, &Threads::ONE).is_err());
    assert!(DepthwiseConv3x3::new(&vb, 16, Stride::One, Activation::Prelu, &Threads::ONE).is_err());
}
