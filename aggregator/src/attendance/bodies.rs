//! Time in which somebody was known by their body alone, where HR does not let it count.

use super::spans::without;
use super::{Piece, Span, Stretch};

/// What is left of a day's pieces without these spans. Who was last seen before one was seen by the same camera still.
pub fn without_bodies(pieces: &[Piece], by_body: &[Span]) -> Vec<Piece> {
    let parts = |piece: &Piece| {
        let Stretch { from, to, .. } = piece.stretch;
        match from < to {
            true => {
                let left = without(&[(from, to)], by_body);
                // The face or the badge that began it was there.
                let begins = left
                    .first()
                    .is_none_or(|first| first.0 > from)
                    .then_some((from, from));
                begins.into_iter().chain(left).collect()
            }
            false => vec![(from, to)],
        }
    };
    let left = |piece: &Piece| {
        let parts = parts(piece).into_iter();
        let cut = parts.map(|(from, to)| {
            let whole = &piece.stretch;
            let first_camera = match from == whole.from {
                true => whole.first_camera.clone(),
                false => whole.last_camera.clone(),
            };
            Piece {
                stretch: Stretch {
                    from,
                    to,
                    first_camera,
                    ..whole.clone()
                },
                shift: piece.shift,
            }
        });
        cut.collect::<Vec<_>>()
    };
    pieces.iter().flat_map(left).collect()
}

#[cfg(test)]
mod tests {
    use hadir_shared::id::CameraId;

    use super::*;
    use crate::attendance::Methods;

    #[test]
    fn what_the_body_alone_said_is_cut_out() {
        let camera = |id| CameraId::new(id).expect("id");
        let piece = |from, to| Piece {
            stretch: Stretch {
                from,
                to,
                first_camera: camera("cam-1"),
                last_camera: camera("cam-2"),
                methods: Methods::FACE,
            },
            shift: Some(0),
        };
        let left = without_bodies(
            &[piece(0, 100), piece(200, 200), piece(300, 400)],
            &[(20, 50), (290, 500)],
        );
        let left: Vec<_> = left
            .iter()
            .map(|piece| {
                let Stretch {
                    from,
                    to,
                    first_camera,
                    ..
                } = &piece.stretch;
                (*from, *to, first_camera.as_str(), piece.shift)
            })
            .collect();
        assert_eq!(
            left,
            [
                (0, 20, "cam-1", Some(0)),
                (50, 100, "cam-2", Some(0)),
                (200, 200, "cam-1", Some(0)),
                (300, 300, "cam-1", Some(0))
            ]
        );
    }
}
