//! How a stored picture is turned and mirrored to stand upright.

use super::Size;

/// Quarters of a turn clockwise, then perhaps left and right exchanged: the eight ways in which EXIF
/// (2.32, tag 0x0112) lets a picture be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Turn {
    quarters: u8,
    mirrored: bool,
}

impl Turn {
    /// As it is stored.
    pub const NONE: Self = Self {
        quarters: 0,
        mirrored: false,
    };

    /// `quarters` clockwise, then mirrored.
    pub const fn new(quarters: u8, mirrored: bool) -> Self {
        Self {
            quarters: quarters % 4,
            mirrored,
        }
    }

    /// The turn that an EXIF orientation of 1 to 8 asks for; [`Turn::NONE`] for anything else.
    pub const fn of_exif(orientation: u32) -> Self {
        match orientation {
            2 => Self::new(0, true),
            3 => Self::new(2, false),
            4 => Self::new(2, true),
            5 => Self::new(1, true),
            6 => Self::new(1, false),
            7 => Self::new(3, true),
            8 => Self::new(3, false),
            _ => Self::NONE,
        }
    }

    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// This one, then `next`.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        let quarters = if self.mirrored {
            4 - next.quarters
        } else {
            next.quarters
        };
        Self::new(self.quarters + quarters, self.mirrored != next.mirrored)
    }

    /// The picture's size once it is turned; of a turned picture, its size as it is stored.
    pub fn of_size(self, size: Size) -> Size {
        match self.quarters % 2 {
            0 => size,
            _ => Size::new(size.height, size.width),
        }
    }

    /// Where pixels of the upright picture, which is `upright` large, are stored.
    pub fn to_stored(self, upright: Size) -> Stored {
        let right = i64::from(upright.width) - 1;
        let bottom = i64::from(upright.height) - 1;
        // x and y of the stored picture, each from (x, y, 1) of the upright one before mirroring.
        let ([xx, xy, x0], [yx, yy, y0]) = match self.quarters {
            0 => ([1, 0, 0], [0, 1, 0]),
            1 => ([0, 1, 0], [-1, 0, right]),
            2 => ([-1, 0, right], [0, -1, bottom]),
            _ => ([0, -1, bottom], [1, 0, 0]),
        };
        if self.mirrored {
            return Stored {
                x: [-xx, xy, x0 + xx * right],
                y: [-yx, yy, y0 + yx * right],
            };
        }
        Stored {
            x: [xx, xy, x0],
            y: [yx, yy, y0],
        }
    }
}

/// The map from pixels of an upright picture to those of the stored one: whole steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    x: [i64; 3],
    y: [i64; 3],
}

impl Stored {
    #[inline(always)]
    pub fn at(self, x: usize, y: usize) -> (usize, usize) {
        let of = |[a, b, c]: [i64; 3]| (a * x as i64 + b * y as i64 + c) as usize;
        (of(self.x), of(self.y))
    }

    /// Whether a row of the upright picture is one of the stored picture, and which way it runs:
    /// 1 or -1; 0 where it is a column.
    #[inline(always)]
    pub fn along(self) -> i64 {
        self.x[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The letters of a picture, row by row, turned.
    fn turned(turn: Turn, stored: &[&str]) -> Vec<String> {
        let size = Size::new(stored[0].len() as u32, stored.len() as u32);
        let upright = turn.of_size(size);
        let map = turn.to_stored(upright);
        let pixel = |x, y| {
            let (x, y) = map.at(x, y);
            char::from(stored[y].as_bytes()[x])
        };
        (0..upright.height as usize)
            .map(|y| (0..upright.width as usize).map(|x| pixel(x, y)).collect())
            .collect()
    }

    #[test]
    fn exif_orientations_bring_the_picture_upright() {
        for (orientation, stored) in [
            (1, vec!["AB", "CD", "EF"]),
            (2, vec!["BA", "DC", "FE"]),
            (3, vec!["FE", "DC", "BA"]),
            (4, vec!["EF", "CD", "AB"]),
            (5, vec!["ACE", "BDF"]),
            (6, vec!["BDF", "ACE"]),
            (7, vec!["FDB", "ECA"]),
            (8, vec!["ECA", "FDB"]),
        ] {
            let got = turned(Turn::of_exif(orientation), &stored);
            assert_eq!(got, ["AB", "CD", "EF"], "orientation {orientation}");
        }
    }

    #[test]
    fn two_turns_are_one() {
        let all = || (1..=8).map(Turn::of_exif);
        let picture = ["ABC", "DEF"];
        for (first, second) in all().flat_map(|a| all().map(move |b| (a, b))) {
            let once = turned(first, &picture);
            let once: Vec<&str> = once.iter().map(String::as_str).collect();
            assert_eq!(
                turned(first.then(second), &picture),
                turned(second, &once),
                "{first:?} {second:?}"
            );
        }
    }
}
