//! Reading an ONNX node's attributes.

use tract_onnx::pb::{AttributeProto, NodeProto};

pub struct Attributes<'a>(pub &'a NodeProto);

impl<'a> Attributes<'a> {
    pub fn get(&self, name: &str) -> Option<&'a AttributeProto> {
        self.0.attribute.iter().find(|a| a.name == name)
    }

    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.get(name).map_or(default, |a| a.i)
    }

    pub fn float(&self, name: &str, default: f32) -> f32 {
        self.get(name).map_or(default, |a| a.f)
    }

    pub fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.get(name).map(|a| a.ints.as_slice())
    }

    pub fn text(&self, name: &str, default: &'a str) -> &'a str {
        self.get(name)
            .and_then(|a| std::str::from_utf8(&a.s).ok())
            .unwrap_or(default)
    }

    /// Rows above, columns left, rows below and columns right of a picture; None where they are no
    /// such numbers.
    pub fn pads(&self) -> Option<[usize; 4]> {
        let Some(pads) = self.ints("pads") else {
            return Some([0; 4]);
        };
        let pads: Option<Vec<usize>> = pads.iter().map(|&p| usize::try_from(p).ok()).collect();
        pads?.try_into().ok()
    }

    /// Two numbers of one axis each, as usize.
    pub fn pair(&self, name: &str, default: usize) -> Option<[usize; 2]> {
        match self.ints(name) {
            None => Some([default; 2]),
            Some(&[a, b]) => Some([usize::try_from(a).ok()?, usize::try_from(b).ok()?]),
            Some(_) => None,
        }
    }
}
