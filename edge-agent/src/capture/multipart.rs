//! Taking a stream of pictures apart: `multipart/x-mixed-replace`, as cameras write it.

use bytes::{Buf as _, BytesMut};

/// The largest picture that is taken; a JPEG of 12 megapixels has about 5 MB.
const MAX_PICTURE: usize = 16 << 20;
/// The headers of a part are shorter.
const MAX_HEADERS: usize = 4096;

/// The boundary that a `multipart/x-mixed-replace` content type names.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    let mut fields = content_type.split(';').map(str::trim);
    let kind = fields.next()?;
    if !kind.get(..10)?.eq_ignore_ascii_case("multipart/") {
        return None;
    }
    let named = fields.find_map(|field| {
        let (name, value) = field.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim())
    })?;
    let plain = named.trim_matches('"');
    // Some cameras write the dashes, which only belong before each part, into the name too.
    let plain = plain.strip_prefix("--").unwrap_or(plain);
    (!plain.is_empty() && plain.len() <= 200).then(|| plain.to_owned())
}

/// Takes a multipart stream apart. Cameras keep to no standard: some give lengths, some do not, some write the
/// boundary with its dashes, some without; so a part is what stands between its headers and the next boundary, or as
/// long as it says.
#[derive(Debug)]
pub(crate) struct Parts {
    boundary: Vec<u8>,
    waiting: BytesMut,
    state: State,
    /// How far `waiting` was searched without a find.
    searched: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Before a boundary.
    Between,
    /// Behind it.
    Headers,
    /// Inside a part, of this length if it said so.
    Body(Option<usize>),
}

impl Parts {
    /// Parts that begin with this boundary.
    pub(crate) fn new(boundary: &str) -> Self {
        Self {
            boundary: format!("--{boundary}").into_bytes(),
            waiting: BytesMut::new(),
            state: State::Between,
            searched: 0,
        }
    }

    /// Takes bytes of the stream in.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The next whole part, if it is there.
    ///
    /// # Errors
    /// When the stream is no such stream.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, &'static str> {
        loop {
            match self.state {
                State::Between => {
                    let Some(at) = self.find(&self.boundary.clone()) else {
                        // What stands before a boundary is of no use.
                        let keep = self.boundary.len().saturating_sub(1);
                        self.skip(self.waiting.len().saturating_sub(keep));
                        return Ok(None);
                    };
                    self.skip(at + self.boundary.len());
                    self.state = State::Headers;
                }
                State::Headers => {
                    let (end, after) = match (self.find(b"\r\n\r\n"), find(&self.waiting, b"\n\n", 0)) {
                        (Some(a), Some(b)) if b < a => (b, 2),
                        (Some(a), _) => (a, 4),
                        (None, Some(b)) => (b, 2),
                        (None, None) if self.waiting.len() > MAX_HEADERS => {
                            return Err("it sends something else than MJPEG: check the path of the address");
                        }
                        (None, None) => return Ok(None),
                    };
                    let length = content_length(&self.waiting[..end]);
                    if length.is_some_and(|length| length > MAX_PICTURE) {
                        return Err(
                            "it sends pictures of more than 16 MB: set a lower resolution in the camera",
                        );
                    }
                    self.skip(end + after);
                    self.state = State::Body(length);
                }
                State::Body(Some(length)) => {
                    if self.waiting.len() < length {
                        return Ok(None);
                    }
                    let part = self.waiting[..length].to_vec();
                    self.skip(length);
                    self.state = State::Between;
                    return Ok(Some(part));
                }
                State::Body(None) => {
                    let Some(at) = self.find(&self.boundary.clone()) else {
                        if self.waiting.len() > MAX_PICTURE {
                            return Err(
                                "it sends pictures of more than 16 MB: set a lower resolution in the camera",
                            );
                        }
                        return Ok(None);
                    };
                    let part = self.waiting[..at].trim_ascii_end().to_vec();
                    self.skip(at);
                    self.state = State::Between;
                    return Ok(Some(part));
                }
            }
        }
    }

    /// Where `what` begins in what waits; what was searched before is not searched again.
    fn find(&mut self, what: &[u8]) -> Option<usize> {
        let found = find(&self.waiting, what, self.searched);
        if found.is_none() {
            self.searched = self.waiting.len().saturating_sub(what.len() - 1);
        }
        found
    }

    fn skip(&mut self, bytes: usize) {
        self.waiting.advance(bytes);
        self.searched = 0;
    }
}

fn find(bytes: &[u8], what: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(what.len())
        .position(|window| window == what)
        .map(|at| from + at)
}

fn content_length(headers: &[u8]) -> Option<usize> {
    let headers = String::from_utf8_lossy(headers);
    headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let named = name.trim().eq_ignore_ascii_case("content-length");
        value.trim().parse().ok().filter(|length| named && *length > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out when the stream arrives in pieces of `step` bytes.
    fn parts(boundary: &str, stream: &[u8], step: usize) -> Result<Vec<String>, &'static str> {
        let mut parts = Parts::new(boundary);
        let mut found = Vec::new();
        for piece in stream.chunks(step) {
            parts.push(piece);
            while let Some(part) = parts.next()? {
                found.push(String::from_utf8_lossy(&part).into_owned());
            }
        }
        Ok(found)
    }

    #[test]
    fn parts_come_out_however_the_stream_is_cut() {
        let stream =
            b"junk\r\n--ab\r\nContent-Type: image/jpeg\r\nContent-Length: 5\r\n\r\na--ab\r\n--ab\r\n\
                       Content-Type: image/jpeg\r\n\r\nsecond\r\n--ab\nContent-length:3\n\nxyz\n--ab\r\n";
        for step in 1..stream.len() {
            assert_eq!(
                parts("ab", stream, step),
                Ok(vec!["a--ab".into(), "second".into(), "xyz".into()]),
                "{step}"
            );
        }
    }

    #[test]
    fn streams_that_are_none_do_not_fill_the_memory() {
        let mut endless = b"--ab\r\n".to_vec();
        endless.resize(3 * MAX_HEADERS, b'x');
        assert!(parts("ab", &endless, 1000).is_err());
        let huge = b"--ab\r\nContent-Length: 99999999999\r\n\r\n";
        assert!(parts("ab", huge, 7).is_err());
        let mut parts = Parts::new("ab");
        parts.push(b"--ab\r\n\r\n");
        let refused = (0..40).any(|_| {
            parts.push(&[b'x'; 1 << 20]);
            parts.next().is_err()
        });
        assert!(refused);
        let mut parts = Parts::new("ab");
        for _ in 0..100 {
            parts.push(&[b'x'; 1000]);
            assert_eq!(parts.next(), Ok(None));
            assert!(parts.waiting.len() < 10);
        }
    }

    #[test]
    fn boundaries() {
        for (text, expected) in [
            ("multipart/x-mixed-replace; boundary=ab", Some("ab")),
            ("Multipart/x-mixed-replace;boundary=\"a b\"", Some("a b")),
            (
                "multipart/x-mixed-replace; charset=x; Boundary = --ab",
                Some("ab"),
            ),
            ("multipart/x-mixed-replace", None),
            ("multipart/x-mixed-replace; boundary=", None),
            ("image/jpeg", None),
            ("", None),
            ("été; boundary=x", None),
        ] {
            assert_eq!(boundary(text).as_deref(), expected, "{text}");
        }
    }
}
