//! Pages of text, lines and areas, written out as PDF. Distances are points from the top left corner.

use std::collections::HashMap;

use krilla::Document;
use krilla::color::rgb;
use krilla::error::KrillaError;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider as _};

const REGULAR: &[u8] = include_bytes!("../../../fonts/Roboto-Regular.ttf");
const MEDIUM: &[u8] = include_bytes!("../../../fonts/Roboto-Medium.ttf");

/// A4, lying.
pub(super) const WIDTH: f32 = 841.89;
pub(super) const HEIGHT: f32 = 595.28;

/// How heavy letters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Medium,
}

/// Red, green, blue.
pub(super) type Color = (u8, u8, u8);

enum Mark {
    Text {
        x: f32,
        y: f32,
        size: f32,
        weight: Weight,
        color: Color,
        /// How many bytes of the page's letters, behind those of the mark before.
        length: u32,
    },
    Area {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        color: Color,
    },
}

/// What stands on a page. A thousand people's month has half a million marks, so they are kept small.
#[derive(Default)]
struct Page {
    marks: Vec<Mark>,
    letters: String,
}

/// The widths and the shapes of a font.
struct Face {
    font: Font,
    glyphs: HashMap<char, (u32, f32)>,
}

impl Face {
    fn new(data: &'static [u8]) -> Self {
        // The fonts are part of the program; the tests read them.
        let font = Font::new(data.into(), 0).expect("the font in the program is one");
        let face = FontRef::new(data).expect("the font in the program is one");
        let metrics = face.glyph_metrics(Size::unscaled(), LocationRef::default());
        let units = face
            .metrics(Size::unscaled(), LocationRef::default())
            .units_per_em;
        let glyphs = face
            .charmap()
            .mappings()
            .filter_map(|(code, glyph)| {
                let advance = metrics.advance_width(glyph)? / f32::from(units);
                Some((char::from_u32(code)?, (glyph.to_u32(), advance)))
            })
            .collect();
        Self { font, glyphs }
    }

    /// A letter that the font has not is a question mark.
    fn glyph(&self, c: char) -> (u32, f32) {
        let found = self.glyphs.get(&c).or_else(|| self.glyphs.get(&'?'));
        found.copied().unwrap_or_default()
    }
}

/// Pages that are being filled.
pub(super) struct Canvas {
    regular: Face,
    medium: Face,
    pages: Vec<Page>,
}

impl Canvas {
    /// With one empty page.
    pub(super) fn new() -> Self {
        Self {
            regular: Face::new(REGULAR),
            medium: Face::new(MEDIUM),
            pages: vec![Page::default()],
        }
    }

    pub(super) fn next_page(&mut self) {
        if let Some(page) = self.pages.last_mut() {
            page.marks.shrink_to_fit();
            page.letters.shrink_to_fit();
        }
        self.pages.push(Page::default());
    }

    pub(super) fn pages(&self) -> usize {
        self.pages.len()
    }

    fn face(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Medium => &self.medium,
        }
    }

    /// How wide a text is.
    pub(super) fn width(&self, text: &str, size: f32, weight: Weight) -> f32 {
        let face = self.face(weight);
        text.chars().map(|c| face.glyph(c).1).sum::<f32>() * size
    }

    /// As much of a text as fits, with an ellipsis if that is not all.
    pub(super) fn fit(&self, text: &str, size: f32, weight: Weight, width: f32) -> String {
        if self.width(text, size, weight) <= width {
            return text.to_owned();
        }
        let face = self.face(weight);
        let mut left = width / size - face.glyph('…').1;
        let mut fitting = String::new();
        for c in text.chars() {
            left -= face.glyph(c).1;
            if left < 0.0 {
                break;
            }
            fitting.push(c);
        }
        format!("{}…", fitting.trim_end())
    }

    /// Text on the last page, its baseline at `y`.
    pub(super) fn text(&mut self, (x, y): (f32, f32), text: &str, size: f32, weight: Weight, color: Color) {
        self.text_on(self.pages.len() - 1, (x, y), text, size, weight, color);
    }

    /// Text on any page that there is.
    pub(super) fn text_on(
        &mut self,
        page: usize,
        (x, y): (f32, f32),
        text: &str,
        size: f32,
        weight: Weight,
        color: Color,
    ) {
        if let Some(page) = self.pages.get_mut(page)
            && !text.is_empty()
        {
            page.letters.push_str(text);
            page.marks.push(Mark::Text {
                x,
                y,
                size,
                weight,
                color,
                length: u32::try_from(text.len()).unwrap_or(0),
            });
        }
    }

    /// A filled rectangle on the last page.
    pub(super) fn area(&mut self, (x, y): (f32, f32), (width, height): (f32, f32), color: Color) {
        if let Some(page) = self.pages.last_mut() {
            page.marks.push(Mark::Area {
                x,
                y,
                width,
                height,
                color,
            });
        }
    }

    /// The file.
    ///
    /// # Errors
    /// Those of the writer.
    pub(super) fn write(self, metadata: Metadata) -> Result<Vec<u8>, KrillaError> {
        let Self {
            regular,
            medium,
            pages,
        } = self;
        let mut document = Document::new();
        document.set_metadata(metadata);
        let mut glyphs = Vec::new();
        // What is written is not kept here as well.
        for Page { marks, letters } in pages {
            let mut letters = letters.as_str();
            let settings = PageSettings::from_wh(WIDTH, HEIGHT).unwrap_or_default();
            let mut page = document.start_page_with(settings);
            let mut surface = page.surface();
            for mark in marks {
                match mark {
                    Mark::Text {
                        x,
                        y,
                        size,
                        weight,
                        color,
                        length,
                    } => {
                        let Some((text, rest)) = letters.split_at_checked(length as usize) else {
                            continue;
                        };
                        letters = rest;
                        let face = match weight {
                            Weight::Regular => &regular,
                            Weight::Medium => &medium,
                        };
                        glyphs.clear();
                        glyphs.extend(text.char_indices().map(|(at, c)| {
                            let (glyph, advance) = face.glyph(c);
                            let range = at..at + c.len_utf8();
                            KrillaGlyph::new(GlyphId::new(glyph), advance, 0.0, 0.0, 0.0, range, None)
                        }));
                        surface.set_fill(Some(fill(color)));
                        let start = Point::from_xy(x, y);
                        surface.draw_glyphs(start, &glyphs, face.font.clone(), text, size, false);
                    }
                    Mark::Area {
                        x,
                        y,
                        width,
                        height,
                        color,
                    } => {
                        let Some(rect) = Rect::from_xywh(x, y, width, height) else {
                            continue;
                        };
                        let mut path = PathBuilder::new();
                        path.push_rect(rect);
                        if let Some(path) = path.finish() {
                            surface.set_fill(Some(fill(color)));
                            surface.draw_path(&path);
                        }
                    }
                }
            }
            surface.finish();
            page.finish();
        }
        document.finish()
    }
}

fn fill((red, green, blue): Color) -> Fill {
    Fill {
        paint: rgb::Color::new(red, green, blue).into(),
        ..Fill::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_measured_and_cut() {
        let canvas = Canvas::new();
        let width = |text: &str| canvas.width(text, 10.0, Weight::Regular);
        assert!(width("iiii") < width("mmmm"));
        assert_eq!(width("12:34"), width("88:88"), "figures are equally wide");
        assert_eq!(canvas.fit("Sari", 10.0, Weight::Medium, 100.0), "Sari");
        let cut = canvas.fit("Raden Mas Panji Sosrokartono", 10.0, Weight::Medium, 60.0);
        assert!(
            cut.ends_with('…') && canvas.width(&cut, 10.0, Weight::Medium) <= 60.0,
            "{cut}"
        );
        // What the font has not is shown as missing, not left out.
        assert_eq!(width("林"), width("?"));
    }
}
