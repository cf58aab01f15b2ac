//! YUV4MPEG2, the stream of raw frames that ffmpeg writes to a pipe: one header with the size, then each frame
//! after a line `FRAME`.
//!
//! The format is the one of mjpegtools' manual page yuv4mpeg(5). Only 4:2:0 with 8 bits is read, which ffmpeg was
//! asked for.

use std::time::Duration;

use hadir_models::frame::Colours;
use hadir_models::{FrameBuf, I420Buf};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The largest side that is read; ffmpeg was asked for far less.
const MAX_SIDE: u32 = 16_384;
/// A header line is longer than this only in something else.
const MAX_LINE: usize = 256;

/// In which a good part of a frame is written.
const A_MOMENT: Duration = Duration::from_millis(1);

/// From this height on, frames have the colours of high definition unless they say otherwise.
const HIGH_DEFINITION: u32 = 720;

/// Reads frames from a pipe.
#[derive(Debug)]
pub(super) struct Y4mReader<R> {
    from: R,
    size: Option<(u32, u32)>,
    memory: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Y4mReader<R> {
    /// Nothing is read yet.
    pub(super) fn new(from: R) -> Self {
        Self {
            from,
            size: None,
            memory: Vec::new(),
        }
    }

    /// Memory for the next frame, of one that nobody needs any more.
    pub(super) fn reuse(&mut self, memory: Vec<u8>) {
        self.memory = memory;
    }

    /// The next frame; `None` at the end of the stream.
    ///
    /// # Errors
    /// When the stream breaks off inside a frame, or is something else.
    pub(super) async fn next(&mut self) -> Result<Option<FrameBuf>, std::io::Error> {
        let size = match self.size {
            Some(size) => size,
            None => {
                let Some(line) = self.line().await? else {
                    return Ok(None);
                };
                *self.size.insert(parse_header(&line).ok_or_else(not_y4m)?)
            }
        };
        match self.line().await? {
            None => return Ok(None),
            // Parameters of a frame may follow a space; ffmpeg writes none.
            Some(line) if line == b"FRAME" || line.starts_with(b"FRAME ") => {}
            Some(_) => return Err(not_y4m()),
        }
        let bytes = I420Buf::bytes(size).ok_or_else(not_y4m)?;
        let mut data = std::mem::take(&mut self.memory);
        data.clear();
        data.reserve_exact(bytes);
        let frame = (&mut self.from).take(bytes as u64);
        tokio::pin!(frame);
        while data.len() < bytes {
            if frame.read_buf(&mut data).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            // The rest is being written: many small reads would cost more than they gain.
            if data.len() < bytes {
                tokio::time::sleep(A_MOMENT).await;
            }
        }
        let colours = if size.1 >= HIGH_DEFINITION {
            Colours::Bt709
        } else {
            Colours::Bt601
        };
        let planes = I420Buf::new(size, data, colours).map_err(|_| not_y4m())?;
        Ok(Some(FrameBuf::I420(planes)))
    }

    /// A line without its end; `None` where the stream has ended before it.
    async fn line(&mut self) -> Result<Option<Vec<u8>>, std::io::Error> {
        let mut line = Vec::new();
        loop {
            let mut byte = [0];
            match self.from.read(&mut byte).await? {
                0 if line.is_empty() => return Ok(None),
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                _ if byte[0] == b'\n' => return Ok(Some(line)),
                _ if line.len() == MAX_LINE => return Err(not_y4m()),
                _ => line.push(byte[0]),
            }
        }
    }
}

fn not_y4m() -> std::io::Error {
    std::io::Error::new(
        std::io::ErrorKind::InvalidData,
        "the frames changed their size or are none",
    )
}

/// Width and height.
fn parse_header(line: &[u8]) -> Option<(u32, u32)> {
    let line = std::str::from_utf8(line).ok()?;
    let mut fields = line.split(' ');
    if fields.next() != Some("YUV4MPEG2") {
        return None;
    }
    let (mut width, mut height) = (None, None);
    for field in fields {
        let side = |value: &str| value.parse().ok().filter(|side| (1..=MAX_SIDE).contains(side));
        match field.split_at_checked(1) {
            Some(("W", value)) => width = side(value),
            Some(("H", value)) => height = side(value),
            // 4:2:0 in any of its placements; `C420p10` would have 10 bits.
            Some(("C", value)) if !matches!(value, "420" | "420jpeg" | "420mpeg2" | "420paldv") => {
                return None;
            }
            _ => {}
        }
    }
    Some((width?, height?))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sizes(stream: &[u8]) -> Result<Vec<(u32, u32)>, std::io::Error> {
        let mut reader = Y4mReader::new(stream);
        let mut sizes = Vec::new();
        while let Some(frame) = reader.next().await? {
            sizes.push(frame.dimensions());
        }
        Ok(sizes)
    }

    #[tokio::test]
    async fn reads_frames_one_after_the_other() {
        let stream = [
            b"YUV4MPEG2 W3 H2 F10:1 Ip A1:1 C420jpeg XYSCSS=420JPEG\n".as_slice(),
            b"FRAME\n",
            &[7; 10],
            b"FRAME Xsomething\n",
            &[9; 10],
        ]
        .concat();
        assert_eq!(sizes(&stream).await.expect("valid"), [(3, 2), (3, 2)]);
        assert_eq!(sizes(b"").await.expect("nothing"), []);
        assert_eq!(sizes(b"YUV4MPEG2 W3 H2\n").await.expect("no frame"), []);
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        for stream in [
            b"P6\n1 1\n255\nabc".as_slice(),
            b"YUV4MPEG2 W0 H2\nFRAME\n",
            b"YUV4MPEG2 W99999999999 H2\nFRAME\n",
            b"YUV4MPEG2 W-1 H2\nFRAME\n",
            b"YUV4MPEG2 H2\nFRAME\n",
            b"YUV4MPEG2 W2 H2 C444\nFRAME\n123456",
            b"YUV4MPEG2 W2 H2 C420p10\nFRAME\n123456",
            b"YUV4MPEG2 W2 H2\nFRAME\n12345",
            b"YUV4MPEG2 W2 H2\nFRAME\n123456789",
            b"YUV4MPEG2 W2 H2\nFRA",
            b"YUV4MPEG2",
            b"YUV4MPEG2 W2 H2 C\xff\n",
            &[b'x'; 1000],
        ] {
            let text = String::from_utf8_lossy(stream);
            assert!(sizes(stream).await.is_err(), "{text:?}");
        }
    }
}
