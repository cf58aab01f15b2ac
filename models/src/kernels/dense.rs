//! The fully connected layer at the end: a dot product with a long row of weights for each output.
//!
//! Bound by reading the weights: SFace's are 6.4 million for one vector. So they stay in 16-bit floats (13 MB, not
//! 26) and are widened in registers; four outputs and two pictures are computed together, so that each weight and
//! each number of the input is read less often.

use pulp::Simd;

use super::{LANES, binary16, is_portable};
use crate::instructions::Kernel;

/// Outputs that are computed together.
const OUTPUTS: usize = 4;
/// Pictures that are computed together.
const PICTURES: usize = 2;

/// The weights.
#[derive(Debug)]
pub(crate) struct Weights {
    /// Output by output, 16-bit floats as their bits.
    pub(crate) halves: Vec<u16>,
    /// For each output.
    pub(crate) bias: Vec<f32>,
}

/// Some outputs of all pictures: `out[o * pictures + i]` is output `first + o` of picture `i`.
pub(crate) struct Dense<'a> {
    /// The weights.
    pub(crate) weights: &'a Weights,
    /// Picture by picture.
    pub(crate) input: &'a [f32],
    /// How many they are.
    pub(crate) pictures: usize,
    /// The first output to compute.
    pub(crate) first: usize,
    /// The outputs.
    pub(crate) out: &'a mut [f32],
}

impl Kernel for Dense<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let len = self.weights.halves.len() / self.weights.bias.len().max(1);
        assert!(
            len.is_multiple_of(LANES)
                && self.input.len() == len * self.pictures
                && self.out.len().checked_rem(self.pictures).unwrap_or(0) == 0,
            "sizes"
        );
        if self.pictures == 0 {
            return;
        }
        for (group, out) in self.out.chunks_mut(OUTPUTS * self.pictures).enumerate() {
            let first = self.first + group * OUTPUTS;
            let last = first + out.len() / self.pictures - 1;
            // Where fewer are left, the last one is computed more than once.
            let row = |o: usize| &self.weights.halves[(first + o).min(last) * len..][..len];
            let rows: [&[u16]; OUTPUTS] = std::array::from_fn(row);
            let picture = |i: usize| &self.input[i * len..][..len];
            for i in (0..self.pictures).step_by(PICTURES) {
                let mut sums = [[0.0; PICTURES]; OUTPUTS];
                let pictures = PICTURES.min(self.pictures - i);
                if pictures == PICTURES {
                    sums = dots(simd, [picture(i), picture(i + 1)], rows);
                } else {
                    for (sums, [sum]) in sums.iter_mut().zip(dots(simd, [picture(i)], rows)) {
                        sums[0] = sum;
                    }
                }
                for (o, out) in out.chunks_exact_mut(self.pictures).enumerate() {
                    for (out, sum) in out[i..i + pictures].iter_mut().zip(sums[o]) {
                        *out = sum + self.weights.bias[first + o];
                    }
                }
            }
        }
    }
}

/// The products of each row with each input. All have one length, a multiple of [`LANES`].
#[inline(always)]
fn dots<S: Simd, const P: usize>(_: S, inputs: [&[f32]; P], rows: [&[u16]; OUTPUTS]) -> [[f32; P]; OUTPUTS] {
    let len = rows[0].len();
    assert!(
        len.is_multiple_of(LANES)
            && rows.iter().all(|row| row.len() == len)
            && inputs.iter().all(|input| input.len() == len),
        "sizes"
    );
    if is_portable::<S>() {
        return dots_portable(inputs, rows);
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
    {
        // SAFETY: the processor has these instructions, as was just asked; the lengths were checked.
        #[expect(unsafe_code, reason = "a function for processors with certain instructions")]
        return unsafe { dots_f16c(inputs, rows) };
    }
    #[cfg(target_arch = "aarch64")]
    {
        // SAFETY: the lengths were checked.
        #[expect(unsafe_code, reason = "the function checks no bounds")]
        return unsafe { dots_neon(inputs, rows) };
    }
    #[allow(unreachable_code)] // on Arm
    dots_portable(inputs, rows)
}

fn dots_portable<const P: usize>(inputs: [&[f32]; P], rows: [&[u16]; OUTPUTS]) -> [[f32; P]; OUTPUTS] {
    let mut out = [[0.0; P]; OUTPUTS];
    for (row, out) in rows.iter().zip(&mut out) {
        let mut sums = [[0.0f32; LANES]; P];
        for (k, halves) in row.as_chunks::<LANES>().0.iter().enumerate() {
            let weights = binary16::widen(*halves);
            for (sums, input) in sums.iter_mut().zip(inputs) {
                let input = &input[k * LANES..][..LANES];
                for l in 0..LANES {
                    sums[l] += weights[l] * input[l];
                }
            }
        }
        for (out, sums) in out.iter_mut().zip(sums) {
            *out = sums.iter().sum();
        }
    }
    out
}

/// For AVX-512 too: the memory is what limits it.
///
/// # Safety
/// The processor has the instructions. Rows and inputs have one length, a multiple of [`LANES`].
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads of whole registers take pointers")]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn dots_f16c<const P: usize>(inputs: [&[f32]; P], rows: [&[u16]; OUTPUTS]) -> [[f32; P]; OUTPUTS] {
    use std::arch::x86_64::*;
    let zero = _mm256_setzero_ps();
    let mut sums = [[[zero; 2]; P]; OUTPUTS];
    for k in (0..rows[0].len()).step_by(LANES) {
        for r in 0..2 {
            let at = k + 8 * r;
            let mut values = [zero; P];
            for p in 0..P {
                // SAFETY: `at + 8` is at most the length; the load asks for no alignment.
                values[p] = unsafe { _mm256_loadu_ps(inputs[p].as_ptr().add(at)) };
            }
            for o in 0..OUTPUTS {
                // SAFETY: as above, eight numbers of two bytes.
                let halves = unsafe { _mm_loadu_si128(rows[o].as_ptr().add(at).cast()) };
                let weights = _mm256_cvtph_ps(halves);
                for p in 0..P {
                    sums[o][p][r] = _mm256_fmadd_ps(weights, values[p], sums[o][p][r]);
                }
            }
        }
    }
    let mut out = [[0.0; P]; OUTPUTS];
    for o in 0..OUTPUTS {
        for p in 0..P {
            let mut lanes = [0.0f32; 8];
            // SAFETY: the array has eight numbers.
            unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), _mm256_add_ps(sums[o][p][0], sums[o][p][1])) };
            out[o][p] = lanes.iter().sum();
        }
    }
    out
}

/// `fcvtl` belongs to every 64-bit Arm processor; its intrinsic is newer than the compilers of distributions.
///
/// # Safety
/// Rows and inputs have one length, a multiple of [`LANES`].
#[cfg(target_arch = "aarch64")]
#[expect(unsafe_code, reason = "loads of whole registers take pointers")]
unsafe fn dots_neon<const P: usize>(inputs: [&[f32]; P], rows: [&[u16]; OUTPUTS]) -> [[f32; P]; OUTPUTS] {
    use std::arch::aarch64::*;
    // SAFETY: every 64-bit Arm processor that Rust builds for has NEON.
    let zero = unsafe { vdupq_n_f32(0.0) };
    let mut sums = [[[zero; 2]; P]; OUTPUTS];
    for k in (0..rows[0].len()).step_by(8) {
        for o in 0..OUTPUTS {
            let (low, high): (float32x4_t, float32x4_t);
            // SAFETY: `k + 8` is at most the length; the instructions touch nothing but the named registers.
            unsafe {
                let halves: uint16x8_t = vld1q_u16(rows[o].as_ptr().add(k));
                std::arch::asm!(
                    "fcvtl {low:v}.4s, {halves:v}.4h",
                    "fcvtl2 {high:v}.4s, {halves:v}.8h",
                    halves = in(vreg) halves,
                    low = out(vreg) low,
                    high = lateout(vreg) high,
                    options(pure, nomem, nostack),
                );
            }
            for p in 0..P {
                // SAFETY: as above.
                unsafe {
                    let input = inputs[p].as_ptr().add(k);
                    sums[o][p][0] = vfmaq_f32(sums[o][p][0], low, vld1q_f32(input));
                    sums[o][p][1] = vfmaq_f32(sums[o][p][1], high, vld1q_f32(input.add(4)));
                }
            }
        }
    }
    let mut out = [[0.0; P]; OUTPUTS];
    for o in 0..OUTPUTS {
        for p in 0..P {
            // SAFETY: as above.
            out[o][p] = unsafe { vaddvq_f32(vaddq_f32(sums[o][p][0], sums[o][p][1])) };
        }
    }
    out
}
