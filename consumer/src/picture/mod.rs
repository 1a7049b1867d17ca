//! Pictures for a file: what is drawn, as SVG, and as a page of HTML with the tables beside them.
//!
//! Nothing here asks for anything from elsewhere: no script, no font, no image; colours follow `prefers-color-scheme`. Numbers are given
//! on hover by `<title>`, which every browser shows. All text comes from data, and is escaped ([`escape::put`]).
//!
//! A picture is [`svg::WIDTH`] units wide, of which a browser makes as many pixels as there is room for: the letters are readable where
//! that is 400, and there are several beside each other where it is 4000.

mod escape;
mod figure;
mod page;
mod scale;
mod svg;
mod time_axis;

pub(crate) use figure::{Bar, Figure, Form, Heat, Lines};
pub(crate) use page::{Foot, Section, page};
pub(crate) use scale::{Scale as Axis, exact, short};
pub(crate) use svg::alone;
