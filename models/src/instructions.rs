//! Which of the processor's instructions the kernels use: chosen when the program starts, never when it is built.

use std::fmt;
use std::str::FromStr;

use pulp::{Simd, WithSimd};

/// What the portable kernels are compiled for: eight numbers at once, in whatever registers there are.
pub(crate) type Portable = pulp::Scalar256b;
const PORTABLE: Portable = pulp::Scalar256b;

/// A set of vector instructions that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// What every processor of the architecture has.
    Portable,
    /// x86-64 with AVX2 and fused multiply-add: 8 numbers at once.
    Avx2,
    /// x86-64 with AVX-512 (F, BW, CD, DQ, VL): 16 numbers at once.
    Avx512,
    /// 64-bit Arm: 4 numbers at once.
    Neon,
    /// As many numbers at once as AVX-512, put together from smaller registers: its sizes of tiles, on any machine.
    #[cfg(test)]
    Sixteen,
    /// As many as NEON.
    #[cfg(test)]
    Four,
}

impl Instructions {
    /// All of them, the widest first; behind them those of the tests.
    const ALL: &[Self] = &[
        Self::Avx512,
        Self::Avx2,
        Self::Neon,
        Self::Portable,
        #[cfg(test)]
        Self::Sixteen,
        #[cfg(test)]
        Self::Four,
    ];

    /// The widest that this processor has.
    pub fn best() -> Self {
        Self::available().next().unwrap_or(Self::Portable)
    }

    /// Those that this processor has, in that order.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|i| i.is_available())
    }

    /// Whether this processor has them.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(test)]
            Self::Sixteen | Self::Four => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => pulp::x86::V3::is_available(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => pulp::x86::V4::is_available(),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => pulp::aarch64::Neon::is_available(),
            #[allow(unreachable_patterns)] // which ones are left depends on the architecture
            _ => false,
        }
    }

    /// As it is written on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
            #[cfg(test)]
            Self::Sixteen => "sixteen",
            #[cfg(test)]
            Self::Four => "four",
        }
    }

    /// Runs a kernel that was compiled for these instructions; the portable one where the processor lacks them.
    pub(crate) fn run<K: Kernel>(self, kernel: K) {
        let kernel = Compiled(kernel);
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => match pulp::x86::V3::try_new() {
                Some(simd) => Simd::vectorize(simd, kernel),
                None => PORTABLE.vectorize(kernel),
            },
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => match pulp::x86::V4::try_new() {
                Some(simd) => Simd::vectorize(simd, kernel),
                None => PORTABLE.vectorize(kernel),
            },
            #[cfg(target_arch = "aarch64")]
            Self::Neon => match pulp::aarch64::Neon::try_new() {
                Some(simd) => Simd::vectorize(simd, kernel),
                None => PORTABLE.vectorize(kernel),
            },
            #[cfg(test)]
            Self::Sixteen => pulp::Scalar512b.vectorize(kernel),
            #[cfg(test)]
            Self::Four => pulp::Scalar128b.vectorize(kernel),
            _ => PORTABLE.vectorize(kernel),
        }
    }
}

/// A loop that is compiled once for each instruction set.
pub(crate) trait Kernel {
    /// The work. To be `#[inline(always)]` down to its loops: what is not inlined is compiled for the oldest
    /// processor. For the same reason no closure in it computes with registers; a closure is called through a shim
    /// that is not inlined.
    fn run<S: Simd>(self, simd: S);
}

struct Compiled<K>(K);

impl<K: Kernel> WithSimd for Compiled<K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.run(simd);
    }
}

impl fmt::Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Instructions {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL
            .iter()
            .copied()
            .find(|i| i.as_str().eq_ignore_ascii_case(name));
        known.ok_or_else(|| format!("\"{name}\" is none of portable, avx2, avx512, neon"))
    }
}
