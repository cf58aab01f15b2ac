//! 16-bit floats (IEEE 754 binary16), as their bits.

/// In single precision: shifts the bits into place and corrects the exponent by a multiplication, which also sets
/// subnormal numbers right. For processors without an instruction for it.
pub(crate) fn widen<const N: usize>(halves: [u16; N]) -> [f32; N] {
    // 2 to the difference of the exponents' offsets.
    let scale = f32::from_bits((254 - 15) << 23);
    halves.map(|half| {
        let bits = u32::from(half);
        let magnitude = f32::from_bits((bits & 0x7fff) << 13) * scale;
        // Infinities and what is no number have the largest exponent in either format.
        let special = if bits & 0x7c00 == 0x7c00 { 0x7f80_0000 } else { 0 };
        f32::from_bits(magnitude.to_bits() | special | (bits & 0x8000) << 16)
    })
}
