//! The kernels at the sizes that the networks give them, for `benches/kernels.rs`. Not part of the crate's interface.

use crate::Instructions;
use crate::instructions::Kernel;
use crate::kernels::product::{Matrix, Places, Product};
use crate::kernels::rows::{AddDoubled, Halve};
use crate::kernels::window;
use crate::kernels::{Finish, dense, depthwise, first, multiply_add, pixels};

/// A kernel at one size.
pub struct Case {
    /// Kernel and size.
    pub name: String,
    /// Multiply-adds of one run; 0 where it is not made of these.
    pub multiply_adds: u64,
    /// Runs it once.
    pub run: Box<dyn FnMut()>,
}

/// Every kernel, at the sizes of SFace for one face, of YuNet for 640×640 pixels and of NanoDet-g for 352×192.
pub fn cases(instructions: Instructions) -> Vec<Case> {
    let mut cases = vec![
        first_convolution(instructions, "sface stem", 112, 1, 32),
        first_convolution(instructions, "yunet stem", 640, 2, 16),
    ];
    for (side, channels, step) in [
        (112, 32, 1),
        (112, 64, 2),
        (56, 128, 1),
        (28, 256, 1),
        (14, 512, 1),
        (7, 1024, 1),
        (320, 16, 1),
        (80, 64, 1),
    ] {
        cases.push(depthwise_convolution(instructions, side, channels, step));
    }
    for (pixels, input, output) in [
        (112, 32, 64),
        (56, 64, 128),
        (56, 128, 128),
        (784, 256, 256),
        (196, 512, 512),
        (49, 1024, 1024),
        (320, 16, 16),
        (160, 32, 32),
        (80, 64, 64),
    ] {
        cases.push(pointwise(instructions, pixels, input, output));
    }
    for (rows, cols, input, output, step) in [
        (8, 88, 32, 32, 1),
        (8, 44, 64, 64, 1),
        (12, 22, 128, 128, 1),
        (6, 11, 256, 256, 1),
        (12, 22, 128, 128, 2),
    ] {
        cases.push(window_convolution(
            instructions,
            (rows, cols),
            input,
            output,
            step,
        ));
    }
    cases.push(last_layer(instructions, 1));
    cases.push(last_layer(instructions, 5));
    cases.push(halve(instructions));
    cases.push(add_doubled(instructions));
    cases.push(convert(instructions));
    cases
}

/// The most multiply-adds that one thread makes with these instructions: as many independent sums as hide the
/// latency, nothing loaded.
pub fn peak(instructions: Instructions) -> Case {
    const RUNS: usize = 10_000;
    const SUMS: usize = 12;
    struct Peak<'a>(&'a mut [f32; 2]);
    impl Kernel for Peak<'_> {
        #[inline(always)]
        fn run<S: pulp::Simd>(self, simd: S) {
            let factor = simd.splat_f32s(std::hint::black_box(0.999_9));
            let mut sums = [factor; SUMS];
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = simd.splat_f32s(i as f32);
            }
            for _ in 0..RUNS {
                for sum in &mut sums {
                    // The product is new every time, so that it cannot be made beforehand.
                    *sum = multiply_add(simd, factor, *sum, factor);
                }
            }
            let total = |total: f32, sum| total + simd.reduce_sum_f32s(sum);
            *self.0 = [sums.into_iter().fold(0.0, total), S::F32_LANES as f32];
        }
    }
    let mut out = [0.0; 2];
    instructions.run(Peak(&mut out));
    Case {
        name: "peak".into(),
        multiply_adds: (RUNS * SUMS) as u64 * out[1] as u64,
        run: Box::new(move || {
            instructions.run(Peak(&mut out));
            std::hint::black_box(&out);
        }),
    }
}

fn noise(len: usize) -> Vec<f32> {
    (0..len)
        .map(|i| (i * 7919 % 2003) as f32 / 1001.0 - 1.0)
        .collect()
}

fn finish(channels: usize) -> Finish {
    Finish::new(noise(channels), vec![0.25; channels])
}

fn first_convolution(
    instructions: Instructions,
    name: &str,
    side: usize,
    step: usize,
    channels: usize,
) -> Case {
    let weights = first::Weights::new(&noise(27 * channels), finish(channels));
    let (rows, cols) = (noise(3 * (side + 2) * 3), side / step);
    let mut out = vec![0.0; cols * channels];
    Case {
        name: format!("first/{name} {side} wide, step {step}"),
        multiply_adds: (cols * channels * 27) as u64,
        run: Box::new(move || {
            let len = rows.len() / 3;
            instructions.run(first::Row {
                rows: [&rows[..len], &rows[len..2 * len], &rows[2 * len..]],
                weights: &weights,
                step,
                out: &mut out,
            });
        }),
    }
}

fn depthwise_convolution(instructions: Instructions, side: usize, channels: usize, step: usize) -> Case {
    let weights = depthwise::Weights::new(&noise(9 * channels), &finish(channels));
    let (rows, cols) = (noise(3 * (side + 2) * channels), side / step);
    let mut out = vec![0.0; cols * channels];
    Case {
        name: format!("depthwise/{channels} channels, {side} wide, step {step}"),
        multiply_adds: (cols * channels * 9) as u64,
        run: Box::new(move || {
            let len = rows.len() / 3;
            instructions.run(depthwise::Row {
                rows: [&rows[..len], &rows[len..2 * len], &rows[2 * len..]],
                weights: &weights,
                step,
                out: &mut out,
            });
        }),
    }
}

fn pointwise(instructions: Instructions, pixels: usize, input: usize, output: usize) -> Case {
    let matrix = Matrix::new(&noise(input * output), input, finish(output));
    let a = noise(pixels * input);
    let mut out = vec![0.0; pixels * output];
    Case {
        name: format!("pointwise/{pixels} pixels, {input} to {output}"),
        multiply_adds: (pixels * input * output) as u64,
        run: Box::new(move || {
            instructions.run(Product {
                a: &a,
                matrix: &matrix,
                out: &mut out,
                places: Places::Even { pixels },
            });
        }),
    }
}

/// `rows` × `cols` pixels of the output.
fn window_convolution(
    instructions: Instructions,
    (rows, cols): (usize, usize),
    input: usize,
    output: usize,
    step: usize,
) -> Case {
    let weights = window::Weights::new(&noise(9 * input * output), 3, [input, 0], finish(output));
    let pitch = cols * step + 2;
    let map = noise((rows * step + 2) * pitch * input);
    let windows: Vec<usize> = (0..rows * cols)
        .map(|i| i / cols * step * pitch + i % cols * step)
        .collect();
    let places: Vec<usize> = (0..rows * cols).map(|i| i * output).collect();
    let mut out = vec![0.0; rows * cols * output];
    Case {
        name: format!("3x3/{rows} by {cols} pixels, {input} to {output}, step {step}"),
        multiply_adds: (rows * cols * 9 * input * output) as u64,
        run: Box::new(move || {
            instructions.run(window::Windows {
                maps: [&map, &[]],
                cols: pitch,
                windows: &windows,
                weights: &weights,
                out: &mut out,
                places: &places,
            });
        }),
    }
}

fn last_layer(instructions: Instructions, pictures: usize) -> Case {
    const INPUTS: usize = 7 * 7 * 1024;
    const OUTPUTS: usize = 128;
    let weights = dense::Weights {
        halves: noise(INPUTS * OUTPUTS)
            .into_iter()
            .map(|x| half::f16::from_f32(x).to_bits())
            .collect(),
        bias: noise(OUTPUTS),
    };
    let input = noise(pictures * INPUTS);
    let mut out = vec![0.0; pictures * OUTPUTS];
    Case {
        name: format!("last layer/{INPUTS} to {OUTPUTS}, {pictures} face(s)"),
        multiply_adds: (pictures * INPUTS * OUTPUTS) as u64,
        run: Box::new(move || {
            instructions.run(dense::Dense {
                weights: &weights,
                input: &input,
                pictures,
                first: 0,
                out: &mut out,
            });
        }),
    }
}

fn halve(instructions: Instructions) -> Case {
    let (rows, mut out) = (noise(2 * 320 * 16), vec![0.0; 160 * 16]);
    Case {
        name: "halve/16 channels, 320 wide".into(),
        multiply_adds: 0,
        run: Box::new(move || {
            let (upper, lower) = rows.split_at(320 * 16);
            instructions.run(Halve {
                rows: [upper, lower],
                channels: 16,
                out: &mut out,
            });
        }),
    }
}

fn add_doubled(instructions: Instructions) -> Case {
    let (fine, coarse, mut out) = (noise(80 * 64), noise(40 * 64), vec![0.0; 80 * 64]);
    Case {
        name: "double and add/64 channels, 80 wide".into(),
        multiply_adds: 0,
        run: Box::new(move || {
            instructions.run(AddDoubled {
                fine: &fine,
                coarse: &coarse,
                channels: 64,
                out: &mut out,
            });
        }),
    }
}

fn convert(instructions: Instructions) -> Case {
    let (pixels, mut out) = (vec![127u8; 640 * 3], vec![0.0; 640 * 3]);
    Case {
        name: "convert/640 pixels".into(),
        multiply_adds: 0,
        run: Box::new(move || {
            instructions.run(pixels::Convert {
                pixels: &pixels,
                scale: 1.0 / 128.0,
                offset: -1.0,
                out: &mut out,
            });
        }),
    }
}
