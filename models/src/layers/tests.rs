//! Chains and pairs of layers against one layer after the other, written plainly.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::buffers::{Buffer, Pool};
use super::*;
use crate::kernels::tests::{noise, prelu};
use crate::{Compute, Instructions};

/// A layer's numbers, for the layer and for the plain computation.
struct Numbers {
    weight: Vec<f32>,
    bias: Vec<f32>,
    slope: Vec<f32>,
}

impl Numbers {
    fn new(weights: usize, channels: usize, seed: u32) -> Self {
        Self {
            weight: noise(weights, seed),
            bias: noise(channels, seed + 1),
            slope: noise(channels, seed + 2),
        }
    }

    fn builder(&self, shape: &[usize]) -> VarBuilder<'static> {
        let tensor = |values: &[f32], shape: &[usize]| {
            Tensor::from_slice(values, shape, &Device::Cpu).expect("shape fits")
        };
        let channels = [self.bias.len()];
        let tensors = HashMap::from([
            ("weight".into(), tensor(&self.weight, shape)),
            ("bias".into(), tensor(&self.bias, &channels)),
            ("slope".into(), tensor(&self.slope, &channels)),
        ]);
        VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)
    }
}

/// A map, plainly: picture, row, column, channel.
#[derive(Clone)]
struct Plain {
    pictures: usize,
    shape: Shape,
    values: Vec<f32>,
}

impl Plain {
    fn new(pictures: usize, rows: usize, cols: usize, channels: usize, seed: u32) -> Self {
        Self {
            pictures,
            shape: Shape { rows, cols, channels },
            values: noise(pictures * rows * cols * channels, seed),
        }
    }

    /// A value; 0 outside.
    fn at(&self, n: usize, y: isize, x: isize, c: usize) -> f32 {
        let Shape { rows, cols, channels } = self.shape;
        match (usize::try_from(y), usize::try_from(x)) {
            (Ok(y), Ok(x)) if y < rows && x < cols => self.values[((n * rows + y) * cols + x) * channels + c],
            _ => 0.0,
        }
    }

    fn map(&self, shape: Shape, value: impl Fn(usize, usize, usize, usize) -> f32) -> Self {
        let mut values = Vec::new();
        for n in 0..self.pictures {
            for (y, x) in (0..shape.rows * shape.cols).map(|i| (i / shape.cols, i % shape.cols)) {
                values.extend((0..shape.channels).map(|c| value(n, y, x, c)));
            }
        }
        Self {
            pictures: self.pictures,
            shape,
            values,
        }
    }

    /// `tap(output channel, ky, kx, input channel)` is a weight of a 3×3 window; 0 where there is none.
    fn three_by_three(&self, channels: usize, stride: Stride, numbers: &Numbers, depthwise: bool) -> Self {
        let step = stride as usize;
        self.map(self.shape.strided(stride, channels), |n, y, x, o| {
            let mut sum = numbers.bias[o];
            for (ky, kx) in (0..9).map(|i| (i / 3, i % 3)) {
                let (yy, xx) = ((y * step + ky) as isize - 1, (x * step + kx) as isize - 1);
                if depthwise {
                    sum += self.at(n, yy, xx, o) * numbers.weight[o * 9 + ky * 3 + kx];
                } else {
                    for c in 0..3 {
                        sum += self.at(n, yy, xx, c) * numbers.weight[((o * 3 + c) * 3 + ky) * 3 + kx];
                    }
                }
            }
            prelu(sum, numbers.slope[o])
        })
    }

    /// A convolution over all channels, `side` × `side`.
    fn windows(&self, channels: usize, side: usize, stride: Stride, numbers: &Numbers) -> Self {
        let (step, inner, edge) = (stride as usize, self.shape.channels, (side / 2) as isize);
        self.map(self.shape.strided(stride, channels), |n, y, x, o| {
            let mut sum = numbers.bias[o];
            for (c, tap) in (0..inner).flat_map(|c| (0..side * side).map(move |tap| (c, tap))) {
                let (yy, xx) = (
                    (y * step + tap / side) as isize - edge,
                    (x * step + tap % side) as isize - edge,
                );
                sum += self.at(n, yy, xx, c) * numbers.weight[(o * inner + c) * side * side + tap];
            }
            prelu(sum, numbers.slope[o])
        })
    }

    fn pointwise(&self, channels: usize, numbers: &Numbers) -> Self {
        let inner = self.shape.channels;
        self.map(
            Shape {
                channels,
                ..self.shape
            },
            |n, y, x, o| {
                let value = |c: usize| self.at(n, y as isize, x as isize, c) * numbers.weight[o * inner + c];
                prelu(
                    (0..inner).map(value).sum::<f32>() + numbers.bias[o],
                    numbers.slope[o],
                )
            },
        )
    }

    fn halve(&self) -> Self {
        let half = Shape {
            rows: self.shape.rows / 2,
            cols: self.shape.cols / 2,
            ..self.shape
        };
        self.map(half, |n, y, x, c| {
            let corner = |i: usize| self.at(n, (2 * y + i / 2) as isize, (2 * x + i % 2) as isize, c);
            (0..4).map(corner).fold(f32::MIN, f32::max)
        })
    }

    fn plus_doubled(&self, coarse: &Self) -> Self {
        self.map(self.shape, |n, y, x, c| {
            self.at(n, y as isize, x as isize, c) + coarse.at(n, y as isize / 2, x as isize / 2, c)
        })
    }

    fn tensor(&self, border: usize) -> Tensor {
        let Shape { rows, cols, channels } = self.shape;
        let (rows, cols, b) = (rows + 2 * border, cols + 2 * border, border as isize);
        let mut values = Vec::new();
        for (n, y, x) in
            (0..self.pictures * rows * cols).map(|i| (i / cols / rows, i / cols % rows, i % cols))
        {
            values.extend((0..channels).map(|c| self.at(n, y as isize - b, x as isize - b, c)));
        }
        Tensor::from_vec(values, (self.pictures, rows, cols, channels), &Device::Cpu).expect("shape fits")
    }

    /// A tensor to write the result to, full of what must not stay there.
    fn place(&self, border: usize) -> Tensor {
        self.tensor(border).affine(0.0, 99.0).expect("as large")
    }

    fn check(&self, border: usize, found: &Tensor, what: impl std::fmt::Debug) {
        let expected: Vec<f32> = self
            .tensor(border)
            .flatten_all()
            .and_then(|t| t.to_vec1())
            .expect("numbers");
        let found: Vec<f32> = found.flatten_all().and_then(|t| t.to_vec1()).expect("numbers");
        for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let close = (found - expected).abs() < 1e-3 * expected.abs().max(1.0);
            assert!(close, "{found} is not {expected} at {i}: {what:?}");
        }
    }
}

/// Gives the rows of a map as a picture's.
struct Given<'a>(&'a Plain);

impl Source for Given<'_> {
    fn shape(&self) -> Shape {
        self.0.shape
    }

    fn fill(&self, row: usize, _: Instructions, _: &mut SourceMemory, out: &mut [f32]) {
        out.copy_from_slice(&self.0.values[row * out.len()..][..out.len()]);
    }
}

/// Calls `each` with every instruction set of this machine, on one and on three threads.
fn everywhere(each: impl Fn(&Compute)) {
    for instructions in Instructions::available() {
        for threads in [1, 3] {
            each(&Compute::new(instructions, threads).expect("available"));
        }
    }
}

fn depthwise_layer(numbers: &Numbers, channels: usize, stride: Stride) -> DepthwiseConv3x3 {
    let weights = numbers.builder(&[channels, 3, 3]);
    DepthwiseConv3x3::new(&weights, channels, stride, Activation::Prelu).expect("layer")
}

fn pointwise_layer(numbers: &Numbers, input: usize, output: usize) -> Pointwise {
    let weights = numbers.builder(&[output, input]);
    Pointwise::new(&weights, input, output, Activation::Prelu).expect("layer")
}

#[test]
fn a_chain_gives_what_its_layers_give_one_by_one() {
    let (stem, point, depth) = (
        Numbers::new(16 * 27, 16, 1),
        Numbers::new(32 * 16, 32, 2),
        Numbers::new(32 * 9, 32, 3),
    );
    for (rows, cols) in [(1, 1), (1, 7), (5, 1), (2, 2), (3, 3), (8, 9), (13, 11), (32, 40)] {
        let picture = Plain::new(1, rows, cols, 3, 4);
        for (first, second) in [
            (Stride::One, Stride::One),
            (Stride::Two, Stride::One),
            (Stride::One, Stride::Two),
        ] {
            let expected = picture
                .three_by_three(16, first, &stem, false)
                .pointwise(32, &point)
                .three_by_three(32, second, &depth, true);
            everywhere(|compute| {
                let stem =
                    Conv3x3::new(&stem.builder(&[16, 3, 3, 3]), 16, first, Activation::Prelu).expect("layer");
                let chain = Chain::new(
                    vec![
                        Stage::Conv3x3(stem),
                        Stage::Pointwise(pointwise_layer(&point, 16, 32)),
                        Stage::Depthwise(depthwise_layer(&depth, 32, second)),
                    ],
                    compute,
                );
                for border in [0, 1] {
                    let out = expected.place(border);
                    let picture = &Given(&picture);
                    let chain = &chain;
                    out.inplace_op1(&FromPicture {
                        chain,
                        picture,
                        border,
                    })
                    .expect("runs");
                    expected.check(border, &out, (compute, rows, cols, first, second));
                }
            });
        }
    }
}

#[test]
fn a_chain_takes_a_map_or_the_sum_of_two() {
    let (point, depth) = (Numbers::new(16 * 16, 16, 1), Numbers::new(16 * 9, 16, 2));
    let stages = || {
        vec![
            Stage::Pointwise(pointwise_layer(&point, 16, 16)),
            Stage::Depthwise(depthwise_layer(&depth, 16, Stride::One)),
        ]
    };
    for (rows, cols) in [(2, 2), (4, 6), (10, 14), (11, 7)] {
        let map = Plain::new(1, rows, cols, 16, 3);
        let coarse = map.halve();
        everywhere(|compute| {
            let what = (compute, rows, cols);
            let halved = coarse
                .pointwise(16, &point)
                .three_by_three(16, Stride::One, &depth, true);
            let chain = Chain::new(
                [vec![Stage::Halve], stages()].into_iter().flatten().collect(),
                compute,
            );
            let out = halved.place(0);
            out.inplace_op2(&map.tensor(0), &FromMap(&chain)).expect("runs");
            halved.check(0, &out, what);

            let chain = Chain::new(stages(), compute);
            let out = map.place(0);
            let done = out.inplace_op3(&map.tensor(0), &coarse.tensor(0), &FromSum(&chain));
            if rows % 2 == 1 || cols % 2 == 1 {
                assert!(done.is_err(), "not twice as large");
                return;
            }
            done.expect("runs");
            let sum = map.plus_doubled(&coarse);
            sum.pointwise(16, &point)
                .three_by_three(16, Stride::One, &depth, true)
                .check(0, &out, what);
        });
    }
}

#[test]
fn a_depthwise_and_a_pointwise_layer_are_computed_together() {
    for (channels, outputs) in [(16, 32), (48, 16), (512, 16)] {
        let (depth, point) = (
            Numbers::new(channels * 9, channels, 1),
            Numbers::new(outputs * channels, outputs, 2),
        );
        for (pictures, rows, cols) in [(1, 1, 1), (1, 1, 5), (3, 2, 1), (2, 7, 7), (1, 16, 9), (4, 3, 40)] {
            let map = Plain::new(pictures, rows, cols, channels, 3);
            for stride in [Stride::One, Stride::Two] {
                let expected = map
                    .three_by_three(channels, stride, &depth, true)
                    .pointwise(outputs, &point);
                everywhere(|compute| {
                    for border in [0, 1] {
                        let layers = DepthwiseFirst {
                            depthwise: depthwise_layer(&depth, channels, stride),
                            pointwise: pointwise_layer(&point, channels, outputs),
                            border,
                            compute: compute.clone(),
                        };
                        let out = expected.place(border);
                        out.inplace_op2(&map.tensor(1), &layers).expect("runs");
                        expected.check(border, &out, (compute, pictures, rows, cols, stride));
                    }
                });
            }
        }
    }
}

#[test]
fn a_convolution_reads_one_map_or_two_side_by_side() {
    for (input, output) in [([16, 0], 16), ([32, 16], 48), ([3, 5], 16), ([64, 64], 32)] {
        for side in [Side::One, Side::Three] {
            let width = side as usize;
            let inner = input[0] + input[1];
            let numbers = Numbers::new(output * inner * width * width, output, 1);
            for (rows, cols) in [(1, 1), (1, 7), (5, 1), (4, 6), (13, 11), (9, 40)] {
                let both = Plain::new(1, rows, cols, inner, 4);
                let of = |first: usize, channels: usize| {
                    both.map(Shape { rows, cols, channels }, |n, y, x, c| {
                        both.at(n, y as isize, x as isize, first + c)
                    })
                };
                let maps = [of(0, input[0]), of(input[0], input[1])];
                for stride in [Stride::One, Stride::Two] {
                    let expected = both.windows(output, width, stride, &numbers);
                    everywhere(|compute| {
                        for border in [0, 1] {
                            let size = WindowConvSize {
                                side,
                                input,
                                output,
                                stride,
                                activation: Activation::Prelu,
                                border,
                            };
                            let weights = numbers.builder(&[output, inner, width, width]);
                            let layer = WindowConv::new(&weights, size, compute).expect("layer");
                            let out = expected.place(border);
                            let [first, second] = maps.each_ref().map(|map| map.tensor(1));
                            let done = match layer.reads_two() {
                                true => out.inplace_op3(&first, &second, &layer),
                                false => out.inplace_op2(&first, &layer),
                            };
                            done.expect("runs");
                            expected.check(border, &out, (compute, input, side, rows, cols, stride));
                            assert!(layer.reads_two() != out.inplace_op2(&first, &layer).is_ok());
                        }
                    });
                }
            }
        }
    }
}

#[test]
fn maps_are_pooled_and_brought_to_another_size() {
    for (rows, cols) in [(1, 1), (2, 3), (5, 4), (8, 10)] {
        let map = Plain::new(1, rows, cols, 16, 1);
        let pooled = map.map(map.shape.strided(Stride::Two, 16), |n, y, x, c| {
            let near = (0..9).map(|i| ((2 * y + i / 3) as isize - 1, (2 * x + i % 3) as isize - 1));
            let inside =
                near.filter(|(y, x)| (0..rows as isize).contains(y) && (0..cols as isize).contains(x));
            inside.map(|(y, x)| map.at(n, y, x, c)).fold(f32::MIN, f32::max)
        });
        let twice = Plain::new(1, 2 * rows, 2 * cols, 16, 2);
        // Between the four nearest pixels; beyond the last one, that one.
        let near = |i: usize, side: usize| {
            let other = if i.is_multiple_of(2) {
                (i / 2).saturating_sub(1)
            } else {
                (i / 2 + 1).min(side - 1)
            };
            [(i / 2, 0.75), (other, 0.25)]
        };
        let up = twice.map(twice.shape, |n, y, x, c| {
            let mut sum = twice.at(n, y as isize, x as isize, c);
            for (yy, a) in near(y, rows) {
                for (xx, b) in near(x, cols) {
                    sum += a * b * map.at(n, yy as isize, xx as isize, c);
                }
            }
            sum
        });
        let down = map.map(map.shape, |n, y, x, c| {
            let of = |i: usize| twice.at(n, (2 * y + i / 2) as isize, (2 * x + i % 2) as isize, c);
            map.at(n, y as isize, x as isize, c) + (0..4).map(of).sum::<f32>() / 4.0
        });
        everywhere(|compute| {
            let chain = Chain::new(vec![Stage::MaxPool], compute);
            let out = pooled.place(0);
            out.inplace_op2(&map.tensor(0), &FromMap(&chain)).expect("runs");
            pooled.check(0, &out, (compute, rows, cols));
            for (how, expected, [one, other]) in [
                (Resampling::Up, &up, [&twice, &map]),
                (Resampling::Down, &down, [&map, &twice]),
            ] {
                let layer = Resample {
                    how,
                    instructions: compute.instructions(),
                };
                let out = expected.place(1);
                out.inplace_op3(&one.tensor(1), &other.tensor(1), &layer)
                    .expect("runs");
                expected.check(1, &out, (compute, how, rows, cols));
                assert!(out.inplace_op3(&other.tensor(1), &one.tensor(1), &layer).is_err());
            }
        });
    }
}

#[test]
fn the_last_layer_takes_pictures_together() {
    const INPUTS: usize = 96;
    const OUTPUTS: usize = 10;
    let weight: Vec<half::f16> = noise(INPUTS * OUTPUTS, 1)
        .into_iter()
        .map(half::f16::from_f32)
        .collect();
    let bias = noise(OUTPUTS, 2);
    let tensors = HashMap::from([
        (
            "weight".into(),
            Tensor::from_slice(&weight, (OUTPUTS, INPUTS), &Device::Cpu).expect("shape fits"),
        ),
        (
            "bias".into(),
            Tensor::from_slice(&bias, OUTPUTS, &Device::Cpu).expect("shape fits"),
        ),
    ]);
    let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    everywhere(|compute| {
        let layer = Linear::new(&weights, INPUTS, OUTPUTS, compute).expect("layer");
        for pictures in 1..6 {
            let input = noise(pictures * INPUTS, 3);
            let tensor =
                Tensor::from_slice(&input, (pictures, 2, INPUTS / 2), &Device::Cpu).expect("shape fits");
            let out = Tensor::zeros((OUTPUTS, pictures), DType::F32, &Device::Cpu).expect("zeros");
            out.inplace_op2(&tensor, &layer).expect("runs");
            let found: Vec<f32> = out.flatten_all().and_then(|t| t.to_vec1()).expect("numbers");
            for (o, i) in (0..OUTPUTS * pictures).map(|n| (n / pictures, n % pictures)) {
                let dot: f32 = (0..INPUTS)
                    .map(|k| input[i * INPUTS + k] * weight[o * INPUTS + k].to_f32())
                    .sum();
                assert!(
                    (found[o * pictures + i] - dot - bias[o]).abs() < 1e-4,
                    "{compute:?} {o} {i}"
                );
            }
        }
        let short = Tensor::zeros((1, INPUTS - 16), DType::F32, &Device::Cpu).expect("zeros");
        let out = Tensor::zeros((OUTPUTS, 1), DType::F32, &Device::Cpu).expect("zeros");
        assert!(out.inplace_op2(&short, &layer).is_err());
    });
}

#[test]
fn wrong_shapes_are_errors() {
    let numbers = Numbers::new(16 * 9, 16, 1);
    let weights = numbers.builder(&[16, 3, 3]);
    assert!(DepthwiseConv3x3::new(&weights, 32, Stride::One, Activation::Relu).is_err());
    assert!(DepthwiseConv3x3::new(&weights, 8, Stride::One, Activation::Relu).is_err());
    let layers = || vec![Stage::Depthwise(depthwise_layer(&numbers, 16, Stride::One))];
    let chain = Chain::new(layers(), &Compute::default());
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).expect("zeros");
    let right = [1, 4, 4, 16];
    zeros(&right)
        .inplace_op2(&zeros(&right), &FromMap(&chain))
        .expect("runs");
    for (out, input) in [
        (vec![1, 4, 4, 16], vec![1, 4, 4, 32]),
        (vec![1, 4, 5, 16], vec![1, 4, 4, 16]),
        (vec![2, 4, 4, 16], vec![2, 4, 4, 16]),
        (vec![1, 4, 4, 16], vec![4, 4, 16]),
        (vec![1, 0, 4, 16], vec![1, 0, 4, 16]),
    ] {
        assert!(
            zeros(&out).inplace_op2(&zeros(&input), &FromMap(&chain)).is_err(),
            "{out:?} {input:?}"
        );
    }
    let turned = zeros(&[1, 16, 4, 4]).permute((0, 2, 3, 1)).expect("turned");
    assert!(zeros(&right).inplace_op2(&turned, &FromMap(&chain)).is_err());
}

#[test]
fn buffers_are_used_again_and_large_ones_given_back() {
    let pool = Pool::<1>::new();
    let address = |len: usize| {
        pool.with(|[buffer]| {
            let tensor = buffer.view(len)?;
            assert_eq!(tensor.dims(), [len]);
            let (storage, _) = tensor.storage_and_layout();
            let candle_core::Storage::Cpu(storage) = &*storage else {
                panic!("on the processor")
            };
            Ok(storage.as_slice::<f32>()?.as_ptr() as usize)
        })
        .expect("a buffer")
    };
    let first = address(1000);
    assert_eq!(address(10), first);
    assert_eq!(address(1000), first);
    assert_ne!(address(2_000), first);
    // 128 MB are used once.
    address(32 << 20);
    let mut fresh = Buffer::new().expect("a buffer");
    assert_eq!(fresh.view(3).expect("a view").dims(), [3]);
}
