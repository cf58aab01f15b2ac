//! Memory that a layer needs while it runs, kept by each thread from call to call.

use std::cell::RefCell;

use super::source::SourceMemory;

/// What a layer may use. What it has taken from the system it keeps.
#[derive(Default)]
pub(super) struct Scratch {
    /// Rows between the layers of a chain, or pixels between two layers.
    pub(super) rows: Vec<f32>,
    /// What a source of rows needs for itself.
    pub(super) source: SourceMemory,
    /// Where results go.
    pub(super) places: Vec<usize>,
    /// Where the windows are that they come from.
    pub(super) windows: Vec<usize>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Runs `work` with this thread's scratch memory.
pub(super) fn with<R>(work: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with_borrow_mut(work)
}

/// At least `len` values, whatever they are.
pub(super) fn at_least(values: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if values.len() < len {
        values.resize(len, 0.0);
    }
    &mut values[..len]
}
