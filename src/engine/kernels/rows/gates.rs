//! From one grid to another, and the product of two.

#[cfg(target_arch = "aarch64")]
use super::neon;
use super::{Isa, Requant, clamp, round, saturate};

/// From one grid to another by a scale a channel:
/// `q = clamp(round((x − zero) · scale), low, high) + new zero`; `scale` in place of the requant's own. `one`: the value's zero, if all channels
/// have the same.
pub fn rescale(
    isa: Isa,
    x: &[i8],
    zero: &[i32],
    one: Option<i32>,
    scale: &[f32],
    r: &Requant,
    out: &mut [i8],
) {
    #[cfg(target_arch = "aarch64")]
    if let (Some(from), Some(to), false) = (one, r.plain, isa == Isa::Portable) {
        let p = scale.len();
        for (x, out) in x.chunks(p).zip(out.chunks_mut(p)) {
            let done = neon::rescale(x, from, scale, to, out);
            for i in done..out.len() {
                out[i] = saturate((i32::from(x[i]) - from) as f32 * scale[i], to);
            }
        }
        return;
    }
    let _ = one;
    rescale_plainly(isa, x, zero, scale, r, out);
}

for_every_isa! {
    fn rescale_plainly(x: &[i8], zero: &[i32], scale: &[f32], r: &Requant, out: &mut [i8]) {
        let p = scale.len();
        for (x, out) in x.chunks(p).zip(out.chunks_mut(p)) {
            let from = zero;
            if let Some(to) = r.plain {
                each!(out, (x, from, scale), |_| saturate((i32::from(x) - from) as f32 * scale, to));
            } else {
                let to = &r.to.zero;
                let low = &r.to.low;
                let high = &r.to.high;
                each!(out, (x, from, scale, to, low, high), |_| round(clamp((i32::from(x) - from) as f32 * scale, low, high), to));
            }
        }
    }
}

/// The product of two grids: `q = clamp(round((x − zero) · (gate − gate zero) · scale), low, high)
/// + new zero`. `one`: the value's zero and the scale, if all channels have the same.
#[allow(clippy::too_many_arguments)] // two rows, their numbers and the place to put them
pub fn gate(
    isa: Isa,
    x: &[i8],
    gates: &[i8],
    zero: &[i32],
    gate_zero: i32,
    r: &Requant,
    one: (Option<i32>, Option<f32>),
    out: &mut [i8],
) {
    #[cfg(target_arch = "aarch64")]
    if let (Some(from), Some(scale), Some(to), false) =
        (one.0, one.1, r.plain, isa == Isa::Portable)
    {
        let done = neon::gate(x, gates, from, gate_zero, scale, to, out);
        for i in done..out.len() {
            let product = (i32::from(x[i]) - from) * (i32::from(gates[i]) - gate_zero);
            out[i] = saturate(product as f32 * scale, to);
        }
        return;
    }
    gate_plainly(isa, x, gates, zero, gate_zero, r, one, out);
}

for_every_isa! {
    fn gate_plainly(x: &[i8], gate: &[i8], zero: &[i32], gate_zero: i32, r: &Requant, one: (Option<i32>, Option<f32>), out: &mut [i8]) {
        if let (Some(from), Some(scale), Some(to)) = (one.0, one.1, r.plain) {
            each!(out, (x, gate), |_| {
                let product = (i32::from(x) - from) * (i32::from(gate) - gate_zero);
                saturate(product as f32 * scale, to)
            });
            return;
        }
        if let (Some(from), Some(scale), Some((to, low, high))) = (one.0, one.1, r.to.one) {
            each!(out, (x, gate), |_| {
                let product = (i32::from(x) - from) * (i32::from(gate) - gate_zero);
                round(clamp(product as f32 * scale, low, high), to)
            });
            return;
        }
        let p = r.scale.len();
        for ((x, gate), out) in x.chunks(p).zip(gate.chunks(p)).zip(out.chunks_mut(p)) {
            let from = zero;
            let scale = &r.scale;
            let to = &r.to.zero;
            let low = &r.to.low;
            let high = &r.to.high;
            each!(out, (x, gate, from, scale, to, low, high), |_| {
                let product = (i32::from(x) - from) * (i32::from(gate) - gate_zero);
                round(clamp(product as f32 * scale, low, high), to)
            });
        }
    }
}
