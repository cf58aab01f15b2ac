//! What an error of a library has to say.

/// The last cause of an error, which says most ("Connection refused").
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
